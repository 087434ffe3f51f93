"""The timeline: every command with who, why and what it changed, and nothing that is personal."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

from edge.event_store import Commit
from hub.timeline import audit, changes, timeline
from kernel.events import Actor, Cause, Event
from orders import events as ev
from orders.commands import PlaceOrder
from orders.service import _received
from payments import domain as payments
from tests.examples import CAUSE, NOW, ORDER_ID, body, line

PAYMENT_ID = payments.payment_id_of(ORDER_ID)


def commit(subject: str, first: int, command: str, *data: object, actor: Actor | None = None, minutes: int = 0) -> Commit:
    cause = replace(CAUSE, actor=actor) if actor else CAUSE
    at = NOW + timedelta(minutes=minutes)
    events = tuple(Event(f"evt_{first + n}", subject, first + n, at, one, cause) for n, one in enumerate(data))  # type: ignore[arg-type]
    return Commit(subject, events, command, at, cause)


def history() -> list[Commit]:
    placed = _received(PlaceOrder.model_validate(body(lines=[line(quantity=2), line("SKU-2", 3)])), "entry")
    allocations = (
        ev.Allocation(line_id="ln_1", node_id="wh-east", quantity=2),
        ev.Allocation(line_id="ln_2", node_id="wh-east", quantity=3),
    )
    return [
        commit(ORDER_ID, 1, "place-order", placed),
        commit(
            ORDER_ID,
            2,
            "confirm-order",
            ev.OrderConfirmed(payment_id=PAYMENT_ID),
            ev.OrderAllocated(allocations=allocations),
            actor=Actor("saga", "fulfilment"),
            minutes=2,
        ),
        commit(
            ORDER_ID,
            4,
            "cancel-order",
            ev.OrderCancelling(reason="the customer called"),
            actor=Actor("person", "somebody"),
            minutes=3,
        ),
    ]


def test_every_command_is_there_with_who_and_why_and_what_it_changed() -> None:
    placed, confirmed, allocated, cancelling = timeline(history(), 0, 50)
    assert (placed.command, placed.actor.kind, placed.changes) == ("place-order", "person", [])
    assert (confirmed.command, confirmed.actor.id, confirmed.reason) == ("confirm-order", "fulfilment", None)
    found = {change.path: (change.before, change.after) for change in confirmed.changes}
    assert found["/status"] == ("received", "confirmed")
    assert found["/payment_id"] == (None, PAYMENT_ID)
    found = {change.path: (change.before, change.after) for change in allocated.changes}
    assert found["/lines/0/allocated"] == (0, 2)
    assert found["/lines/1/allocated"] == (0, 3)
    assert (cancelling.command, cancelling.reason) == ("cancel-order", "the customer called")
    found = {change.path: (change.before, change.after) for change in cancelling.changes}
    assert found["/status"] == ("allocated", "cancelling")


def test_a_page_of_the_timeline_says_of_its_entries_what_the_whole_one_says() -> None:
    whole = timeline(history(), 0, 50)
    pages = [entry for after in range(4) for entry in timeline(history(), after, 1)]
    assert pages == whole
    assert timeline(history(), 4, 50) == []


def test_nothing_personal_is_on_the_timeline() -> None:
    told = json.dumps([entry.model_dump() for entry in timeline(history(), 0, 50)])
    for secret in ("Canary", "canary@", "2015550123", "40.7441", "07030"):
        assert secret not in told


def test_an_audit_merges_what_happened_to_the_order_and_to_its_payments_by_time() -> None:
    asked = payments.authorize(payments.nothing_yet(ORDER_ID, "USD"), 500, [payments.Tender("card", "tok_ok")], "sale", "sale")
    entries = audit(history(), [commit(PAYMENT_ID, 1, "authorize-payment", *asked, minutes=1)])
    assert [(entry.subject, entry.sequence) for entry in entries] == [
        (ORDER_ID, 1),
        (PAYMENT_ID, 1),
        (ORDER_ID, 2),
        (ORDER_ID, 3),
        (ORDER_ID, 4),
    ]
    assert entries[1].command == "authorize-payment"
    assert entries[2].changes == timeline(history(), 1, 1)[0].changes


def test_changes_name_every_place_where_two_values_differ_and_no_other() -> None:
    before = {"a": 1, "b": {"c/d": [1, 2], "e": None}, "same": [{"x": 1}]}
    after = {"a": 1, "b": {"c/d": [1, 3, 4], "e": "now"}, "same": [{"x": 1}], "new": True}
    found = [(change.path, change.before, change.after) for change in changes(before, after)]
    assert found == [("/b/c~1d/1", 2, 3), ("/b/c~1d/2", None, 4), ("/b/e", None, "now"), ("/new", None, True)]
    assert changes(before, before) == []


def test_the_cause_of_an_entry_is_that_of_its_own_commit() -> None:
    assert {entry.correlation_id for entry in timeline(history(), 0, 50)} == {Cause(Actor("rule", "x"), "req_test").correlation_id}
