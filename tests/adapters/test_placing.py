"""Placing an order on real table semantics: once per key, once per external id, whole after a crash between any two writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from edge import clients
from edge.aggregates import Aggregates, Command
from edge.cipher import FieldCipher
from edge.claims import Claims
from edge.event_store import Commit, EventStore, VersionTaken, from_item, to_item
from edge.fast_lane import RelayOnly
from edge.vault import Vault
from kernel.clock import SystemClock
from kernel.errors import Busy, Conflict, Invalid, StaleVersion
from orders import domain
from orders import events as ev
from orders.commands import PlaceOrder
from orders.service import Orders, PersonalData
from orders.shapes import order_out
from tests.aws import aws
from tests.examples import CAUSE, NOW, ORDER_ID, body, event, line, received


@pytest.fixture
def database() -> Iterator[Any]:
    with aws() as found:
        yield found


class Crashing:
    """A DynamoDB client whose process dies right before, or right after, its nth write."""

    def __init__(self, real: Any, crash_at: int, *, after: bool) -> None:
        self._real = real
        self._left = crash_at
        self._after = after

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._real, name)
        if name not in ("put_item", "update_item", "delete_item", "transact_write_items"):
            return call

        def counted(**arguments: Any) -> Any:
            self._left -= 1
            if self._left == 0 and not self._after:
                raise EndpointConnectionError(endpoint_url="crash")
            answer = call(**arguments)
            if self._left == 0:
                raise EndpointConnectionError(endpoint_url="crash")
            return answer

        return counted


class Seal:
    """A cipher that needs no key."""

    def seal(self, clear: str, subject: str) -> str:
        return f"sealed:{len(clear)}"


def place(
    client: Any, order: dict[str, Any], key: str = "key-1", fingerprint: str = "print-1", caller: str = "shop"
) -> tuple[str, bytes]:
    aggregates = Aggregates(EventStore(client, "orders"), RelayOnly(), SystemClock(), domain.fold, "order", "ord")
    personal = PersonalData(Vault(client, "vault"), Seal(), Seal())
    command = Command("place-order", CAUSE, key, fingerprint)
    done = Orders(aggregates, SystemClock()).place(
        PlaceOrder.model_validate(order), command, caller, Claims(client, "claims"), personal
    )
    return done.id, order_out(done.state, done.version).model_dump_json().encode()


def items(database: Any, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = database.scan(TableName=table)["Items"]
    return found


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("write", [1, 2, 3])
def test_a_crash_at_any_write_is_completed_by_the_same_request_again(database: Any, write: int, after: bool) -> None:
    with pytest.raises(EndpointConnectionError):
        place(Crashing(database, write, after=after), body())
    order_id, first = place(database, body())
    again_id, again = place(database, body())
    assert (order_id, first) == (again_id, again)
    assert len(items(database, "orders")) == len(items(database, "claims")) == len(items(database, "vault")) == 1


def test_a_key_with_another_body_is_refused(database: Any) -> None:
    place(database, body())
    with pytest.raises(Invalid, match="idempotency_key_reused"):
        place(database, body(lines=[line(quantity=3)]), fingerprint="print-2")
    with pytest.raises(Invalid, match="idempotency_key_reused"):
        place(database, body(external_id="A-2"), fingerprint="print-2")
    assert len(items(database, "orders")) == 1


def test_an_external_id_is_taken_once_per_channel_and_the_loser_leaves_no_personal_data(database: Any) -> None:
    order_id, _ = place(database, body())
    with pytest.raises(Conflict) as refused:
        place(database, body(tags={"other": "body"}), key="key-2", fingerprint="print-2")
    assert (refused.value.code, refused.value.extra["order_id"]) == ("duplicate_external_id", order_id)
    assert [item["sk"]["S"] for item in items(database, "vault")] == ["print-1"]
    assert place(database, body(channel="shop"), key="key-3")[0] != order_id


def test_two_callers_may_use_the_same_key(database: Any) -> None:
    first, _ = place(database, body())
    second, _ = place(database, body(external_id="A-2"), caller="another", fingerprint="print-2")
    assert first != second


def test_no_personal_data_is_in_the_clear_in_any_table(
    database: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    kms = boto3.client("kms")
    keys = [kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(2)]
    contact, last4 = FieldCipher(kms, keys[0], "contact"), FieldCipher(kms, keys[1], "last4")
    aggregates = Aggregates(EventStore(database, "orders"), RelayOnly(), SystemClock(), domain.fold, "order", "ord")
    vault = Vault(database, "vault")
    order_id = (
        Orders(aggregates, SystemClock())
        .place(
            PlaceOrder.model_validate(body()),
            Command("place-order", CAUSE, "k", "f"),
            "shop",
            Claims(database, "claims"),
            PersonalData(vault, contact, last4),
        )
        .id
    )
    stored = json.dumps([items(database, table) for table in ("orders", "claims", "vault", "told", "views")], default=str)
    told = stored + caplog.text + "".join(capfd.readouterr())
    for secret in ("Canary", "canary@", "2015550123", "40.7441", "07030"):
        assert secret not in told
    sealed = vault.get(order_id, "f", "ship_to.phone:last4")
    assert sealed is not None
    assert last4.open(sealed, order_id) == "0123"


def commit(sequence: int, data: Any, key: str | None = None) -> Commit:
    return Commit(ORDER_ID, (event(data, sequence),), "test", NOW, CAUSE, key, "f" if key else None)


def test_a_place_in_the_stream_is_taken_once(database: Any) -> None:
    store = EventStore(database, "orders")
    store.append(commit(1, received(())))
    with pytest.raises(VersionTaken):
        store.append(commit(1, received(())))
    assert len(store.commits(ORDER_ID)) == 1


def test_a_commit_is_read_as_it_was_written(database: Any) -> None:
    store = EventStore(database, "orders")
    written = commit(1, received((ev.Line(line_id="ln_1", sku="S", quantity=1, unit_price=1, discount=0, tax=0),)), "key")
    store.append(written)
    assert store.commits(ORDER_ID) == [written]


def test_an_event_of_the_first_version_is_read_as_the_second() -> None:
    item: Any = to_item(commit(1, received(())))
    stored = json.loads(item["events"]["S"])
    stored[0]["v"] = 1
    del stored[0]["data"]["delivery"]
    item["events"]["S"] = json.dumps(stored)
    read = from_item(item).events[0]
    assert isinstance(read.data, ev.OrderReceived)
    assert read.data.delivery.method == "ship"
    assert read.detail_type == "order.received.v2"


class Racing(EventStore):
    """A store in which somebody else commits right before each of the first `races` appends."""

    def __init__(self, client: Any, races: int) -> None:
        super().__init__(client, "orders")
        self._races = races

    def append(self, commit_: Commit) -> None:
        if self._races and commit_.first > 1:
            self._races -= 1
            super().append(commit(commit_.first, ev.OrderOverdue(awaiting="saga", times=commit_.first)))
        super().append(commit_)


def aggregates(store: EventStore) -> Aggregates[domain.Order]:
    return Aggregates(store, RelayOnly(), SystemClock(), domain.fold, "order", "ord")


def test_a_command_that_loses_races_is_decided_again_and_leaves_no_gap(database: Any) -> None:
    racing = aggregates(Racing(database, 3))
    racing.create(ORDER_ID, Command("place", CAUSE), [received(())])
    done = racing.execute(ORDER_ID, Command("cancel", CAUSE), lambda order: domain.request_cancel(order, "r"))
    assert done.state.status == "cancelling"
    assert [e.sequence for c in racing.load(ORDER_ID).commits for e in c.events] == [1, 2, 3, 4, 5]


def test_a_command_that_always_loses_answers_busy(database: Any) -> None:
    racing = aggregates(Racing(database, 1000))
    racing.create(ORDER_ID, Command("place", CAUSE), [received(())])
    with pytest.raises(Busy):
        racing.execute(ORDER_ID, Command("cancel", CAUSE), lambda order: domain.request_cancel(order, "r"))


def test_a_version_that_is_not_the_current_one_is_refused(database: Any) -> None:
    orders = aggregates(EventStore(database, "orders"))
    orders.create(ORDER_ID, Command("place", CAUSE), [received(())])
    with pytest.raises(StaleVersion):
        orders.execute(ORDER_ID, Command("cancel", CAUSE, expected_version=2), lambda order: domain.request_cancel(order, "r"))


def test_a_key_that_was_used_on_an_order_answers_as_it_did_then(database: Any) -> None:
    orders = aggregates(EventStore(database, "orders"))
    orders.create(ORDER_ID, Command("place", CAUSE), [received(())])
    command = Command("cancel", CAUSE, "k", "f")
    first = orders.execute(ORDER_ID, command, lambda order: domain.request_cancel(order, "r"))
    orders.execute(ORDER_ID, Command("finish", CAUSE), domain.finish_cancel)
    again = orders.execute(ORDER_ID, command, lambda order: domain.request_cancel(order, "r"))
    assert again.replayed
    assert (again.state, again.version) == (first.state, first.version)
    with pytest.raises(Invalid, match="idempotency_key_reused"):
        orders.execute(ORDER_ID, Command("cancel", CAUSE, "k", "other"), lambda order: domain.request_cancel(order, "r"))


def test_the_process_has_one_client_of_each_kind() -> None:
    with aws():
        assert clients.dynamodb() is clients.dynamodb()
