"""Orders that nobody pays for are given up by rule, and no others."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.board import due_at
from kernel.contracts import EventData
from orders import events as ev
from orders import unpaid
from tests.examples import NOW, folded, received

DAY = timedelta(days=1)
LINE = ev.Line(line_id="ln_1", sku="SKU-1", quantity=3, unit_price=500, discount=0, tax=0)
RECEIVED: tuple[EventData, ...] = (received((LINE,)),)


def held(type_: ev.HoldType) -> ev.OrderHeld:
    return ev.OrderHeld(hold_id=f"hld_{type_}", type=type_, reason="r", progress="received")


@pytest.mark.parametrize("events", [RECEIVED, (*RECEIVED, held("payment")), (*RECEIVED, held("deposit"), held("payment"))])
def test_what_waits_for_its_money_is_given_up_when_its_time_is_over(events: tuple[EventData, ...]) -> None:
    order = folded(*events)
    assert unpaid.give_up(order, NOW + DAY - timedelta(seconds=1), DAY) == []
    cancelled = folded(*events, *unpaid.give_up(order, NOW + DAY, DAY))
    assert (cancelled.status, cancelled.reason) == ("cancelling", "unpaid")
    assert unpaid.give_up(cancelled, NOW + DAY, DAY) == []


@pytest.mark.parametrize(
    "events",
    [
        (*RECEIVED, held("fraud")),
        (*RECEIVED, held("payment"), held("address")),
        (*RECEIVED, ev.OrderConfirmed(payment_id="pay"), ev.OrderAllocated(allocations=())),
        (*RECEIVED, ev.OrderCancelling(reason="r")),
        (*RECEIVED, ev.OrderRejected(code="c", reason="r")),
        (*RECEIVED, ev.RepairOpened(saga="fulfilment", step="AuthorisePayment", error="e")),
    ],
)
def test_what_is_paid_or_undone_or_waits_for_something_else_is_not_given_up(events: tuple[EventData, ...]) -> None:
    assert unpaid.give_up(folded(*events), NOW + 2 * DAY, DAY) == []


def test_the_board_has_the_watch_come_when_an_unpaid_order_is_to_be_given_up() -> None:
    assert due_at(folded(*RECEIVED, held("payment")), timedelta(minutes=1), DAY) == NOW + DAY
    assert due_at(folded(*RECEIVED, held("fraud")), timedelta(minutes=1), DAY) is None
    assert due_at(folded(*RECEIVED), timedelta(minutes=1), DAY) == NOW + timedelta(minutes=1)
