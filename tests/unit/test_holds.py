"""Holds: several at once, each resolved once, and the order goes on from where it is after the last release."""

from __future__ import annotations

from datetime import timedelta

import pytest

from edge.queue_events import Message
from hub.board import due_at
from hub.starter import saga_after
from hub.watch import restart
from kernel.contracts import EventData
from kernel.errors import Conflict, Invalid, NotFound
from orders import domain, holds
from orders import events as ev
from orders.holds import NewHold
from orders.shapes import order_out
from tests.examples import NOW, ORDER_ID, folded
from tests.unit.test_order_transitions import ALLOCATED, CANCELLING, COMPLETED, PARCEL, RECEIVED, RELEASED, SHIPPED

LATER = NOW + timedelta(hours=2)
FRAUD = NewHold("hld_fraud", "fraud", "three cards in a row")
LINE = NewHold("hld_line", "manual", "is it this model?", "ln_1")
EXPIRING = NewHold("hld_old", "payment", "awaiting the transfer", expires_at=LATER, on_expiry="rejected")


def held(state: tuple[EventData, ...], *wanted: NewHold) -> tuple[EventData, ...]:
    return (*state, *holds.place(folded(*state), wanted, NOW))


def then(state: tuple[EventData, ...], decided: list[EventData]) -> tuple[EventData, ...]:
    return (*state, *decided)


@pytest.mark.parametrize("state", [RECEIVED, ALLOCATED, RELEASED], ids=["received", "allocated", "released"])
def test_the_last_release_brings_an_order_back_to_where_its_progress_is(state: tuple[EventData, ...]) -> None:
    before = folded(*state).status
    now = held(state, FRAUD, LINE)
    assert folded(*now).status == "on_hold"
    first = holds.release(folded(*now), "hld_fraud", "known customer")
    assert first == [ev.OrderHoldReleased(hold_id="hld_fraud", reason="known customer")]
    now = then(now, first)
    assert folded(*now).status == "on_hold"
    last = holds.release(folded(*now), "hld_line", "it is")
    assert last == [ev.OrderHoldReleased(hold_id="hld_line", reason="it is", resumes=before)]
    assert folded(*then(now, last)).status == before


@pytest.mark.parametrize("state", [SHIPPED, COMPLETED, CANCELLING], ids=["shipped", "completed", "cancelling"])
def test_an_order_is_held_before_it_is_shipped_and_while_nobody_undoes_it(state: tuple[EventData, ...]) -> None:
    with pytest.raises(Conflict) as refused:
        held(state, FRAUD)
    assert refused.value.extra["current_status"] == folded(*state).status


def test_a_hold_is_placed_once_under_its_id_and_resolved_once() -> None:
    now = held(RECEIVED, FRAUD)
    assert holds.place(folded(*now), [FRAUD], NOW) == []
    now = then(now, holds.release(folded(*now), "hld_fraud", "known customer"))
    assert holds.release(folded(*now), "hld_fraud", "again") == []
    with pytest.raises(Conflict, match="hold_resolved"):
        holds.reject(folded(*now), "hld_fraud", "too late")
    with pytest.raises(NotFound):
        holds.release(folded(*now), "hld_other", "which?")


def test_a_hold_on_a_line_names_a_line_of_the_order_and_stops_the_whole_order() -> None:
    with pytest.raises(Invalid, match="unknown_line"):
        held(RECEIVED, NewHold("hld", "manual", "what?", "ln_9"))
    order = folded(*held(RECEIVED, LINE))
    with pytest.raises(Conflict):
        domain.confirm(order, "pay", [])
    assert order_out(order, 2).holds[0].scope == "line"


def test_nothing_is_sold_while_a_hold_is_open() -> None:
    with pytest.raises(Conflict) as refused:
        domain.confirm(folded(*held(RECEIVED, FRAUD)), "pay", [ev.Allocation(line_id="ln_1", node_id="wh", quantity=3)])
    assert refused.value.extra["current_status"] == "on_hold"


@pytest.mark.parametrize(("state", "end"), [(RECEIVED, "rejected"), (ALLOCATED, "cancelled"), (RELEASED, "cancelled")])
def test_a_rejected_hold_undoes_the_order_and_how_it_ends_depends_on_whether_it_was_sold(
    state: tuple[EventData, ...], end: str
) -> None:
    now = held(state, FRAUD, LINE)
    decided = holds.reject(folded(*now), "hld_fraud", "stolen card")
    assert decided == [ev.OrderHoldRejected(hold_id="hld_fraud", reason="stolen card"), ev.OrderCancelling(reason="stolen card")]
    now = then(now, decided)
    assert folded(*now).status == "cancelling"
    with pytest.raises(Conflict, match="not_on_hold"):
        holds.release(folded(*now), "hld_line", "too late")
    now = then(now, domain.finish_cancel(folded(*now)))
    assert (folded(*now).status, folded(*now).reason) == (end, "stolen card")
    assert domain.finish_cancel(folded(*now)) == []


def test_an_order_that_somebody_cancels_while_it_is_held_ends_cancelled() -> None:
    now = held(RECEIVED, FRAUD)
    now = then(now, domain.request_cancel(folded(*now), "changed my mind"))
    assert folded(*then(now, domain.finish_cancel(folded(*now)))).status == "cancelled"


def test_an_order_whose_cancellation_is_declined_is_held_again() -> None:
    now = held(RELEASED, FRAUD)
    now = then(now, domain.request_cancel(folded(*now), "changed my mind"))
    assert folded(*then(now, domain.decline_cancel(folded(*now), "too late"))).status == "on_hold"


def test_a_parcel_that_left_in_spite_of_a_hold_is_a_fact_and_the_order_is_completed_after_the_release() -> None:
    now = held(RELEASED, FRAUD)
    now = then(now, domain.ship(folded(*now), PARCEL))
    order = folded(*now)
    assert (order.status, order.line_progress, order.moves) == ("on_hold", "shipped", True)
    with pytest.raises(Conflict, match="already_shipped"):
        holds.reject(order, "hld_fraud", "too late")
    now = then(now, domain.deliver(order, "shp_1"))
    with pytest.raises(Conflict):
        domain.complete(folded(*now), 1700)
    now = then(now, holds.release(folded(*now), "hld_fraud", "paid after all"))
    assert domain.complete(folded(*now), 1700)


@pytest.mark.parametrize("outcome", ["released", "rejected"])
def test_an_expired_hold_ends_as_it_was_said_when_it_was_placed(outcome: ev.Resolution) -> None:
    hold = NewHold("hld_old", "payment", "awaiting the transfer", expires_at=LATER, on_expiry=outcome)
    now = held(ALLOCATED, hold)
    assert holds.expire(folded(*now), LATER - timedelta(seconds=1)) == []
    decided = holds.expire(folded(*now), LATER)
    assert folded(*then(now, decided)).status == {"released": "allocated", "rejected": "cancelling"}[outcome]
    assert holds.expire(folded(*then(now, decided)), LATER) == []


def test_of_several_expired_holds_a_rejection_decides_and_the_last_release_lets_the_order_go_on() -> None:
    lapsing = [NewHold(f"hld_{n}", "manual", "look", expires_at=LATER, on_expiry="released") for n in (1, 2)]
    assert [type(event) for event in holds.expire(folded(*held(RECEIVED, *lapsing, EXPIRING)), LATER)] == [
        ev.OrderHoldRejected,
        ev.OrderCancelling,
    ]
    released = holds.expire(folded(*held(RECEIVED, *lapsing)), LATER)
    assert [getattr(event, "resumes", None) for event in released] == [None, "received"]
    assert [getattr(event, "resumes", None) for event in holds.expire(folded(*held(RECEIVED, *lapsing, FRAUD)), LATER)] == [
        None,
        None,
    ]


def test_a_hold_that_expires_after_its_parcel_left_is_released() -> None:
    now = held(RELEASED, EXPIRING)
    now = then(now, domain.ship(folded(*now), PARCEL))
    assert holds.expire(folded(*now), LATER) == [
        ev.OrderHoldReleased(hold_id="hld_old", reason=holds.EXPIRED, resumes="shipped"),
    ]


def test_a_hold_expires_after_it_is_placed() -> None:
    with pytest.raises(Invalid, match="already_expired"):
        holds.place(folded(*RECEIVED), [EXPIRING], LATER)


def test_the_watch_looks_at_a_held_order_when_a_hold_expires_and_not_before() -> None:
    patience = timedelta(seconds=60)
    assert due_at(folded(*RECEIVED), patience) == NOW + patience
    assert due_at(folded(*held(RECEIVED, FRAUD)), patience) is None
    assert due_at(folded(*held(RECEIVED, FRAUD, EXPIRING)), patience) == LATER
    shipped = then(held(RELEASED, FRAUD), domain.ship(folded(*held(RELEASED, FRAUD)), PARCEL))
    assert due_at(folded(*shipped), patience) == NOW + patience
    assert due_at(folded(*COMPLETED), patience) is None


def test_nothing_is_started_for_an_order_that_waits_for_a_decision() -> None:
    assert restart(None, folded(*held(ALLOCATED, FRAUD)), "w1", "req") is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("resumes", "saga"),
    [(None, None), ("received", "fulfilment"), ("released", "fulfilment"), ("shipped", "fulfilment"), ("delivered", "settlement")],
)
def test_the_last_release_starts_the_saga_that_brings_the_order_on(resumes: str | None, saga: str | None) -> None:
    data = {"hold_id": "hld_1", "reason": "fine"} | ({"resumes": resumes} if resumes else {})
    message = Message("m", "evt", "order.hold_released.v1", ORDER_ID, 3, NOW, "fast", "req", None, data)
    assert saga_after(message) == saga


@pytest.mark.parametrize(("progress", "saga"), [("received", None), ("allocated", None), ("released", "fulfilment")])
def test_a_hold_on_what_the_warehouse_has_starts_the_saga_that_tells_it(progress: str, saga: str | None) -> None:
    data = {"hold_id": "hld_1", "type": "fraud", "reason": "look", "progress": progress}
    assert saga_after(Message("m", "evt", "order.held.v1", ORDER_ID, 3, NOW, "fast", "req", None, data)) == saga


def test_what_a_hold_was_for_and_how_it_ended_is_shown_with_the_order() -> None:
    now = held(RECEIVED, EXPIRING)
    now = then(now, holds.release(folded(*now), "hld_old", "paid"))
    shown = order_out(folded(*now), 3).model_dump()
    assert (shown["status"], shown["progress"]) == ("received", "received")
    assert shown["holds"] == [
        {
            "hold_id": "hld_old",
            "type": "payment",
            "scope": "order",
            "line_id": None,
            "reason": "awaiting the transfer",
            "rule": None,
            "placed_by": {"kind": "person", "id": "somebody"},
            "placed_at": "2026-11-23T10:00:00.000Z",
            "expires_at": "2026-11-23T12:00:00.000Z",
            "on_expiry": "rejected",
            "state": "released",
            "resolved_by": {"kind": "person", "id": "somebody"},
            "resolved_at": "2026-11-23T10:00:00.000Z",
            "resolution_reason": "paid",
        }
    ]
