"""The rim: cursors, masks, the field cipher, problems, the bus."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge.auth import Caller, Rights, caller_of
from edge.bus import Bus
from edge.cipher import FieldCipher
from edge.cursors import Cursors
from edge.problems import of_validation
from kernel.clock import parse_rfc3339, rfc3339
from kernel.contracts import EventData, forms
from kernel.errors import Forbidden, Malformed, Unauthorised
from kernel.events import envelope
from kernel.ids import derived_id, is_id, new_id
from kernel.money import CurrencyMismatch, Money
from orders import events as ev
from orders import masking
from orders.commands import PlaceOrder
from tests.examples import NOW, body, event, received


def test_a_cursor_opens_for_its_own_query_and_no_other() -> None:
    cursors = Cursors("secret")
    sealed = cursors.seal({"pk": "a"}, {"status": "received"})
    assert cursors.open(sealed, {"status": "received", "channel": None}) == {"pk": "a"}
    for broken in (sealed[:-2] + "AA", "garbage", "", "é"):
        with pytest.raises(Malformed):
            cursors.open(broken, {"status": "received"})
    with pytest.raises(Malformed):
        cursors.open(sealed, {"status": "shipped"})
    with pytest.raises(Malformed):
        Cursors("other").open(sealed, {"status": "received"})


class Kms:
    """A key service that counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def generate_data_key(self, **_: Any) -> dict[str, bytes]:
        self.calls += 1
        return {"Plaintext": bytes(32), "CiphertextBlob": b"wrapped"}

    def decrypt(self, **_: Any) -> dict[str, bytes]:
        self.calls += 1
        return {"Plaintext": bytes(32)}


def test_a_field_opens_for_its_own_purpose_and_subject_only() -> None:
    kms: Any = Kms()
    contact, last4 = FieldCipher(kms, "key", "contact"), FieldCipher(kms, "key", "last4")
    sealed = contact.seal("+12015550123", "ord_1")
    assert contact.open(sealed, "ord_1") == "+12015550123"
    for cipher, subject in ((contact, "ord_2"), (last4, "ord_1")):
        with pytest.raises(InvalidTag):
            cipher.open(sealed, subject)


def test_a_thousand_fields_need_one_call_for_a_key() -> None:
    kms = Kms()
    cipher = FieldCipher(kms, "key", "contact")  # type: ignore[arg-type]
    sealed = {cipher.seal("x", "ord_1") for _ in range(1000)}
    assert len(sealed) == 1000
    assert kms.calls == 1


@pytest.mark.parametrize(
    ("mask", "clear", "shown"),
    [
        (masking.phone, "+8613800138000", "*********8000"),
        (masking.name, "Li Wei", "L***"),
        (masking.email, "li@example.com", "l***@***.com"),
        (masking.postal_code, "200000", "200***"),
    ],
)
def test_a_mask_shows_what_its_owner_recognises(mask: Any, clear: str, shown: str) -> None:
    assert mask(clear) == shown


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [p for key, inner in value.items() for p in _paths(inner, (*path, key))]
    if isinstance(value, list):
        return [p for key, inner in enumerate(value) for p in _paths(inner, (*path, key))]
    return [path]


@given(
    st.sampled_from(_paths(body())),
    st.sampled_from(["CANARY\x00", "CANARY" * 100, ["CANARY"], {"CANARY": "CANARY"}, -1, 1.5, None, True]),
)
def test_a_problem_never_carries_what_was_sent(path: tuple[Any, ...], bad: Any) -> None:
    order: Any = body()
    place = order
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = bad
    try:
        PlaceOrder.model_validate(order)
    except ValidationError as error:
        answer = of_validation([{**e, "loc": ("body", *e["loc"])} for e in error.errors()], "req")  # type: ignore[list-item]
        told = json.loads(str(answer.body))
        assert answer.status_code == 422
        assert told["errors"]
        assert all("CANARY" not in entry["detail"] for entry in told["errors"])


def test_rights_come_from_groups_and_scopes() -> None:
    def claims(**found: str) -> dict[str, Any]:
        return {"requestContext": {"authorizer": {"jwt": {"claims": found}}}}

    person = caller_of(claims(sub="u", **{"cognito:groups": "[operations approvers]"}))
    machine = caller_of(claims(sub="c", scope="orders/write orders/read"))
    assert person.actor.kind == "person"
    assert machine.actor.kind == "machine"
    person.require(Rights.of(None, "approvers"))
    machine.require(Rights.of("orders/read", "auditors"))
    with pytest.raises(Forbidden):
        machine.require(Rights.of(None, "approvers"))
    with pytest.raises(Unauthorised):
        caller_of({})
    assert Caller("a", "a", frozenset({"admins"}), frozenset()).permitted(Rights.of("x/y"))


class Events:
    """A bus that refuses what it is told to, and remembers its calls."""

    def __init__(self, refuse: set[str]) -> None:
        self.refuse = refuse
        self.calls: list[list[dict[str, Any]]] = []

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.calls.append(Entries)
        answers = [
            {"ErrorCode": "InternalFailure"} if json.loads(e["Detail"])["id"] in self.refuse else {"EventId": "x"} for e in Entries
        ]
        return {"FailedEntryCount": sum("ErrorCode" in a for a in answers), "Entries": answers}


def test_events_are_published_in_tens_and_what_the_bus_refuses_is_answered() -> None:
    facts = [event(ev.OrderCancelled(reason="r"), n, f"ord_{n % 3}") for n in range(1, 26)]
    service = Events({facts[4].id})
    refused = Bus(service, "bus", "fast").publish(facts)  # type: ignore[arg-type]
    assert all(len(call) <= 10 for call in service.calls)
    # After a refused event, later ones of its aggregate count as refused too, and those of other aggregates do not.
    assert refused[0] == facts[4]
    assert {fact.subject for fact in refused} == {facts[4].subject}
    offered_later = [json.loads(e["Detail"])["id"] for call in service.calls[1:] for e in call]
    assert not set(offered_later) & {fact.id for fact in refused}


def test_a_call_to_the_bus_stays_below_its_size() -> None:
    lines = tuple(ev.Line(line_id=f"ln_{n}", sku="S" * 60, quantity=1, unit_price=1, discount=0, tax=0) for n in range(400))
    service = Events(set())
    Bus(service, "bus", "fast").publish([event(received(lines), n) for n in range(1, 9)])  # type: ignore[arg-type]
    assert all(sum(len(e["Detail"]) for e in call) <= 256 * 1024 for call in service.calls)
    told = [(json.loads(e["Detail"])["sequence"], e["DetailType"]) for call in service.calls for e in call]
    assert told == [(n, f"order.received.v{version}") for n in range(1, 9) for version in (2, 1)]


def test_until_it_retires_an_older_version_goes_out_beside_the_newer_one_under_the_same_id() -> None:
    service = Events(set())
    fact = event(received(()), 1)
    assert Bus(service, "bus", "fast").publish([fact]) == []  # type: ignore[arg-type]
    newer, older = (json.loads(entry["Detail"]) for entry in service.calls[0])
    assert (newer["type"], older["type"]) == ("order.received.v2", "order.received.v1")
    assert newer["id"] == older["id"] == fact.id
    assert "delivery" in newer["data"]
    assert "delivery" not in older["data"]
    assert [type(form).event_version for form in forms(fact.data, date(2027, 5, 31))] == [2, 1]
    assert [type(form).event_version for form in forms(fact.data, date(2027, 6, 1))] == [2]


def test_an_event_refused_in_one_of_its_versions_counts_as_not_taken_once() -> None:
    fact = event(received(()), 1)
    assert Bus(Events({fact.id}), "bus", "fast").publish([fact]) == [fact]  # type: ignore[arg-type]


def test_what_was_never_declared_cannot_leave() -> None:
    class Undeclared(EventData):
        event_type = "order.whispered"
        event_version = 1

    service = Events(set())
    with pytest.raises(LookupError):
        Bus(service, "bus", "fast").publish([event(Undeclared(), 1)])  # type: ignore[arg-type]
    assert service.calls == []


def test_the_envelope_is_a_cloud_event() -> None:
    told = envelope(event(ev.OrderCancelled(reason="r"), 3))
    assert (told["specversion"], told["type"], told["source"], told["sequence"]) == (
        "1.0",
        "order.cancelled.v1",
        "orderhub.orders",
        3,
    )
    assert told["time"] == "2026-11-23T10:00:00.000Z"
    assert told["actor"] == {"kind": "person", "id": "somebody"}


@given(st.integers(0, 10**9), st.integers(1, 200), st.data())
def test_shares_of_money_always_add_up(amount: int, whole: int, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, whole))
    total = Money(amount, "USD")
    assert total.share(cut, whole) + (total.share(whole, whole) - total.share(cut, whole)) == total
    assert total.share(cut, whole) <= total.share(whole, whole)


def test_money_of_two_currencies_does_not_add_up() -> None:
    with pytest.raises(CurrencyMismatch):
        Money(1, "USD") + Money(1, "EUR")
    with pytest.raises(ValueError, match="ISO 4217"):
        Money(1, "ZZZ")


def test_ids_say_what_they_are() -> None:
    assert is_id(new_id("ord"), "ord")
    assert not is_id(new_id("ord"), "pay")
    assert derived_id("ord", "web", "A") == derived_id("ord", "web", "A") != derived_id("ord", "we", "bA")
    assert parse_rfc3339(rfc3339(NOW)) == NOW


@pytest.mark.parametrize("text", ["2026-11-23T10:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "soon"])
def test_what_is_no_instant_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # whichever
        parse_rfc3339(text)
