"""The adapters against the partner simulators, over real HTTP: what each behaviour of a partner means to the hub."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from fulfilment.warehouse import WarehouseRefused, WarehouseUnavailable
from fulfilment.warehouse_http import HttpWarehouse
from kernel.errors import Unauthorised
from kernel.money import Money
from local.partners import payment, warehouse
from local.partners.config import Config
from payments.provider import Declined, Labels, ProviderRefused, ProviderUnavailable
from payments.stripe_provider import StripeProvider, verified

KEY = "key-of-the-partner"


@contextmanager
def serving(build: Any, tmp_path: Path) -> Iterator[str]:
    """A simulator on a free port; the hub that it would tell is not there."""
    config = Config(
        0,
        "http://127.0.0.1:9",
        "http://127.0.0.1:9/token",
        "id",
        "secret",
        KEY,
        "whsec",
        str(tmp_path / "s.sqlite"),
        1000.0,
        "http://127.0.0.1:9",
    )
    ready = threading.Event()

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            ready.set()

    server = Server(uvicorn.Config(build(config), host="127.0.0.1", port=0, log_level="critical", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        assert ready.wait(10)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def base(tmp_path: Path) -> Iterator[str]:
    with serving(_in_thread(payment.build), tmp_path) as url:
        yield url


def _in_thread(build: Any) -> Any:
    """SQLite belongs to the thread that opens it: the application is built where it is served."""

    def later(config: Config) -> Any:
        made: list[Any] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if not made:
                made.append(build(config))
            await made[0](scope, receive, send)

        return app

    return later


def hold(provider: StripeProvider, token: str, key: str = "k1", amount: int = 1000) -> str:
    held = provider.authorize(Money(amount, "USD"), token=token, method="card", labels=Labels("ord_1", "pay_1", key))
    return held.reference


def books(base: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx.get(f"{base}/books").json()["items"]
    return found


def test_money_is_held_taken_in_parts_and_given_back_once_for_a_key(base: str) -> None:
    provider = StripeProvider(api_key=KEY, base_url=base)
    reference = hold(provider, "tok_ok")
    assert hold(provider, "tok_ok") == reference
    for _ in range(2):
        provider.capture(reference, Money(400, "USD"), final=False, key="c1")
        provider.capture(reference, Money(500, "USD"), final=True, key="c2")
        provider.refund(reference, Money(100, "USD"), labels=Labels("ord_1", "pay_1", "r1"))
    assert [(b["authorised"], b["captured"], b["refunded"]) for b in books(base)] == [(1000, 900, 100)]
    with pytest.raises(ProviderRefused):
        provider.capture(reference, Money(1, "USD"), final=True, key="c3")
    with pytest.raises(ProviderRefused):
        hold(provider, "tok_ok", amount=999)


def test_a_declined_card_is_no_fault(base: str) -> None:
    with pytest.raises(Declined) as declined:
        hold(StripeProvider(api_key=KEY, base_url=base), "tok_declined")
    assert declined.value.code == "card_declined"
    assert books(base) == []


def test_an_answer_that_comes_too_late_is_asked_for_again_and_charged_once(base: str) -> None:
    provider = StripeProvider(api_key=KEY, base_url=base)
    with pytest.raises(ProviderUnavailable):
        hold(provider, "tok_timeout_after_success")
    reference = hold(provider, "tok_timeout_after_success")
    assert [b["reference"] for b in books(base)] == [reference]


def test_concurrent_refunds_never_give_back_more_than_was_taken(base: str) -> None:
    provider = StripeProvider(api_key=KEY, base_url=base)
    reference = hold(provider, "tok_ok")
    provider.capture(reference, Money(1000, "USD"), final=True, key="c1")

    def refund(number: int) -> bool:
        try:
            provider.refund(reference, Money(300, "USD"), labels=Labels("ord_1", "pay_1", f"r{number}"))
        except ProviderRefused:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(refund, range(10))) == 3
    assert books(base)[0]["refunded"] == 900


def test_a_voided_payment_is_held_no_more(base: str) -> None:
    provider = StripeProvider(api_key=KEY, base_url=base)
    reference = hold(provider, "tok_ok")
    for _ in range(2):
        provider.void(reference, key="v1")
    assert books(base)[0]["voided"]
    with pytest.raises(ProviderRefused):
        provider.void(reference, key="v2")


def test_a_wrong_key_and_a_provider_that_is_away_are_told_apart(base: str) -> None:
    with pytest.raises(ProviderRefused):
        hold(StripeProvider(api_key="wrong", base_url=base), "tok_ok")
    with pytest.raises(ProviderUnavailable):
        hold(StripeProvider(api_key=KEY, base_url="http://127.0.0.1:9"), "tok_ok")


def test_only_what_the_provider_signed_is_believed() -> None:
    with pytest.raises(Unauthorised):
        verified(json.dumps({"id": "evt_1"}), "t=1,v1=00", "whsec")


def test_a_warehouse_takes_a_shipment_once_and_a_recalled_one_stays(tmp_path: Path) -> None:
    with serving(_in_thread(warehouse.build), tmp_path) as url:
        adapter = HttpWarehouse(base_url=url, api_key=KEY)
        shipment: dict[str, Any] = {
            "shipment_id": "shp_1",
            "order_id": "ord_1",
            "node_id": "wh",
            "phone_last4": "0123",
            "correlation_id": "req",
        }
        lines = [("ln_1", "SLOWPICK-1", 3)]
        for _ in range(2):
            adapter.release(**shipment, lines=lines)
        with pytest.raises(WarehouseRefused):
            adapter.release(**shipment, lines=[("ln_1", "SLOWPICK-1", 4)])
        assert adapter.recall("shp_never", correlation_id="req")
        assert adapter.recall("shp_1", correlation_id="req")
        assert httpx.get(f"{url}/v1/fulfilment-orders/shp_1").json()["state"] == "recalled"
        with pytest.raises(WarehouseRefused):
            adapter.resume("shp_1", [("ln_1", 2)], correlation_id="req")
        with pytest.raises(WarehouseRefused):
            HttpWarehouse(base_url=url, api_key="wrong").resume("shp_1", [], correlation_id="req")
    with pytest.raises(WarehouseUnavailable):
        adapter.recall("shp_1", correlation_id="req")


def test_a_warehouse_keeps_a_held_shipment_until_it_is_let_go(tmp_path: Path) -> None:
    with serving(_in_thread(warehouse.build), tmp_path) as url:
        adapter = HttpWarehouse(base_url=url, api_key=KEY)
        asked: dict[str, Any] = {"order_id": "ord_1", "node_id": "wh", "phone_last4": None, "correlation_id": "req"}
        adapter.release(shipment_id="shp_1", lines=[("ln_1", "SLOWPICK-1", 3)], **asked)

        def held() -> object:
            return httpx.get(f"{url}/v1/fulfilment-orders/shp_1").json().get("held")

        for _ in range(2):
            adapter.hold("shp_1", correlation_id="req")
            assert held() is True
        adapter.let_go("shp_1", correlation_id="req")
        assert held() is False
        # What it never had, or has stopped for good, is no reason to fail.
        adapter.hold("shp_never", correlation_id="req")
        adapter.recall("shp_1", correlation_id="req")
        adapter.let_go("shp_1", correlation_id="req")
    with pytest.raises(WarehouseUnavailable):
        adapter.hold("shp_1", correlation_id="req")
