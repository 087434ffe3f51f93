"""Money on the deployed stacks: several payments, refunds by many at once, and the provider's books afterwards."""

from __future__ import annotations

import uuid
from collections import Counter
from typing import Any

import httpx

from local.api_client import Hub
from local.instance import Instance
from tests.examples import money
from tests.system import ENDED, PATIENCE_S, at_once, books, fresh_stock, place, until


def journal(instance: Instance, order_id: str) -> list[dict[str, Any]]:
    """What the payment provider was asked for an order, and what it answered."""
    answer = httpx.get(f"{instance.url('payment')}/journal", params={"order_id": order_id}, timeout=10)
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def sold(hub: Hub, payments: list[dict[str, Any]], units: int = 1) -> dict[str, Any]:
    """An order of 500 a unit and 300 for shipping, brought to its end."""
    order = place(hub, [(fresh_stock(hub, units), units)], payment=None, payments=payments)
    return hub.until(order["id"], ENDED, PATIENCE_S)


def refunds(hub: Hub, order_id: str, amount: int, key: str) -> httpx.Response:
    """A refund, asked for again while the order's ledger is contended."""

    def answered() -> httpx.Response | None:
        body = {"amount": money(amount), "reason": "the customer was promised it"}
        answer = hub.send("POST", f"/v1/orders/{order_id}/refunds", body, key, group="finance")
        return answer if answer.status_code != 503 and answer.json().get("code") != "in_flight" else None

    return until(answered)


def test_a_gift_card_and_a_card_pay_an_order_and_a_hundred_refunds_at_once_give_back_what_they_paid(
    hub: Hub, instance: Instance
) -> None:
    gift = f"gift_300_{uuid.uuid4().hex[:8]}"
    payments = [
        {"method": "card", "token": "tok_ok"},
        {"method": "gift_card", "token": gift, "amount": money(300)},
    ]
    order = sold(hub, payments)
    assert (order["status"], order["payment_status"]) == ("completed", "paid")
    assert sorted((b["authorised"], b["captured"]) for b in books(instance, order["id"])) == [(300, 300), (500, 500)]

    hub.call("GET", f"/v1/orders/{order['id']}", group="finance")  # Signs the clerk in, before a dozen threads want to be them.
    answers = at_once(lambda number: refunds(hub, order["id"], 90, f"{order['id']}-{number}"), 100, 12)
    assert Counter(answer.status_code for answer in answers) == {201: 8, 409: 92}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"balance_exceeded"}
    assert sum(answer.json()["refunded"] for answer in answers if answer.status_code == 201) == 720
    assert sorted((b["captured"], b["refunded"]) for b in books(instance, order["id"])) == [(300, 220), (500, 500)]
    # Eight intents, of which one has a part in each payment: nine calls, none of them twice.
    asked = [entry["outcome"] for entry in journal(instance, order["id"]) if entry["operation"] == "refund"]
    assert asked == ["200"] * 9
    assert hub.order(order["id"])["payment_status"] == "partially_refunded"


def test_a_card_that_is_declined_gives_the_gift_card_its_money_back(hub: Hub, instance: Instance) -> None:
    payments = [
        {"method": "gift_card", "token": f"gift_300_{uuid.uuid4().hex[:8]}", "amount": money(300)},
        {"method": "card", "token": "tok_declined"},
    ]
    order = sold(hub, payments)
    assert (order["status"], order["payment_status"], order["reason"]) == ("rejected", "voided", "The payment was declined.")
    assert [(b["authorised"], b["captured"], b["voided"]) for b in books(instance, order["id"])] == [(300, 0, True)]


def simulate(instance: Instance, reference: str, act: str, **more: Any) -> None:
    """Let something happen at the provider without the hub."""
    answer = httpx.post(f"{instance.url('payment')}/simulate/{reference}", data={"act": act, **more}, timeout=10)
    answer.raise_for_status()


def pending(hub: Hub, instance: Instance, sku: str) -> tuple[dict[str, Any], str]:
    """An order that waits for its payment, and the provider's reference."""
    order = place(hub, [(sku, 1)], "tok_pending")
    held = hub.until(order["id"], ("on_hold",), PATIENCE_S)
    assert [hold["type"] for hold in held["holds"]] == ["payment"]
    return order, str(books(instance, order["id"])[0]["reference"])


def test_an_order_waits_for_a_payment_that_is_not_final_and_goes_on_or_ends_with_its_answer(hub: Hub, instance: Instance) -> None:
    sku = fresh_stock(hub, 2)
    paid, paid_reference = pending(hub, instance, sku)
    failed, failed_reference = pending(hub, instance, sku)
    simulate(instance, paid_reference, "clear")
    simulate(instance, failed_reference, "fail")
    ended = hub.until(paid["id"], ENDED, PATIENCE_S)
    assert (ended["status"], ended["payment_status"]) == ("completed", "paid")
    assert hub.until(failed["id"], ENDED, PATIENCE_S)["reason"] == "The payment was declined."


def test_money_that_comes_after_the_order_was_cancelled_goes_back(hub: Hub, instance: Instance) -> None:
    order, reference = pending(hub, instance, fresh_stock(hub, 1))
    hub.call("POST", f"/v1/orders/{order['id']}/cancel", {"reason": "changed my mind"})
    assert hub.until(order["id"], ENDED, PATIENCE_S)["status"] == "cancelled"
    simulate(instance, reference, "clear")
    until(lambda: books(instance, order["id"])[0]["voided"])
    assert until(lambda: hub.order(order["id"])["payment_status"] == "voided")


def test_what_happens_at_the_provider_is_in_the_ledger(hub: Hub, instance: Instance) -> None:
    order = sold(hub, [{"method": "card", "token": "tok_ok"}])
    reference = str(books(instance, order["id"])[0]["reference"])
    simulate(instance, reference, "refund", amount=300)

    def ledger() -> dict[str, Any]:
        found: dict[str, Any] = hub.call("GET", f"/v1/orders/{order['id']}/payments", group="finance")
        return found

    assert until(lambda: ledger()["refunded"] == 300)
    simulate(instance, reference, "dispute")
    assert until(lambda: [(c["stage"], c["amount"]) for c in ledger()["chargebacks"]] == [("opened", 500)])
    refused = refunds(hub, order["id"], 100, f"{order['id']}-disputed")
    assert (refused.status_code, refused.json()["code"]) == (409, "balance_exceeded")
    simulate(instance, reference, "lose")
    assert until(lambda: ledger()["charged_back"] == 500)
    shown = ledger()
    assert (shown["payment_status"], shown["captured"], shown["refundable"]) == ("refunded", 800, 0)
    assert [(e["operation"], e["state"]) for e in shown["entries"]] == [
        ("authorize", "requested"),
        ("authorize", "succeeded"),
        ("capture", "requested"),
        ("capture", "succeeded"),
        ("refund", "requested"),
        ("refund", "succeeded"),
        ("chargeback", "opened"),
        ("chargeback", "lost"),
    ]
    assert hub.send("GET", f"/v1/orders/{order['id']}/payments", group="logistics").status_code == 403


def test_an_authorisation_that_ran_out_is_made_anew_when_the_parcel_leaves(hub: Hub, instance: Instance) -> None:
    order = sold(hub, [{"method": "card", "token": "tok_expires_once"}])
    assert (order["status"], order["payment_status"]) == ("completed", "paid")
    assert sorted(b["captured"] for b in books(instance, order["id"])) == [0, 800]
