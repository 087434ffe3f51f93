"""The transition table decides every wish; facts are recorded whenever they are true."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from kernel.contracts import EventData
from kernel.errors import Conflict
from orders import domain, holds
from orders import events as ev
from orders.holds import NewHold
from orders.lifecycle import Edge, edge_between
from tests.examples import NOW, folded, received

LINE = ev.Line(line_id="ln_1", sku="SKU-1", quantity=3, unit_price=500, discount=100, tax=0)
ALL = ev.Allocation(line_id="ln_1", node_id="wh", quantity=3)
PARCEL = ev.PlannedShipment(shipment_id="shp_1", node_id="wh", lines=(ev.LineQuantity(line_id="ln_1", quantity=3),))
RECEIVED: tuple[EventData, ...] = (received((LINE,)),)
ALLOCATED = (*RECEIVED, ev.OrderConfirmed(payment_id="pay"), ev.OrderAllocated(allocations=(ALL,)))
RELEASED = (*ALLOCATED, ev.OrderReleased(shipments=(PARCEL,)))
SHIPPED = (*RELEASED, ev.OrderShipped(shipment_id="shp_1", lines=PARCEL.lines))
DELIVERED = (*SHIPPED, ev.OrderDelivered(shipment_id="shp_1", lines=PARCEL.lines))
COMPLETED = (*DELIVERED, ev.OrderCompleted(captured=1700))
CANCELLING = (*RELEASED, ev.OrderCancelling(reason="changed my mind"))
HELD = ev.OrderHeld(hold_id="hld_1", type="manual", reason="look at it", progress="allocated")
STATES: dict[domain.Status, tuple[EventData, ...]] = {
    "received": RECEIVED,
    "confirmed": (*RECEIVED, ev.OrderConfirmed(payment_id="pay")),
    "allocated": ALLOCATED,
    "released": RELEASED,
    "shipped": SHIPPED,
    "delivered": DELIVERED,
    "completed": COMPLETED,
    "cancelling": CANCELLING,
    "cancelled": (*CANCELLING, ev.OrderCancelled(reason="changed my mind")),
    "rejected": (*RECEIVED, ev.OrderRejected(code="payment_declined", reason="declined")),
    "on_hold": (*ALLOCATED, HELD),
}
Wish = Callable[[domain.Order], Sequence[EventData]]
WISHES: dict[domain.Status, Wish] = {
    "confirmed": lambda order: domain.confirm(order, "pay", [ALL]),
    "rejected": lambda order: domain.reject(order, "code", "reason"),
    "cancelling": lambda order: domain.request_cancel(order, "reason"),
    "cancelled": domain.finish_cancel,
    "on_hold": lambda order: holds.place(order, [NewHold("hld_2", "manual", "look again")], NOW),
    "completed": lambda order: domain.complete(order, 1700),
}


@pytest.mark.parametrize("status", STATES)
def test_a_fold_has_the_status_of_its_last_fact(status: domain.Status) -> None:
    assert folded(*STATES[status]).status == status


@pytest.mark.parametrize("wish", WISHES)
@pytest.mark.parametrize("status", STATES)
def test_a_wish_is_granted_along_an_edge_and_else_refused_with_the_current_status(
    status: domain.Status, wish: domain.Status
) -> None:
    order = folded(*STATES[status])
    edge = edge_between(status, wish)
    edge = None if edge is None or edge.returns else edge
    if (wish == status and edge is None) or (wish == "confirmed" and order.confirmed):
        assert WISHES[wish](order) == []
    elif edge is not None and (edge.guard is None or edge.guard.allows(order)):
        assert WISHES[wish](order)
    else:
        with pytest.raises(Conflict) as refused:
            WISHES[wish](order)
        assert refused.value.extra["current_status"] == status
        assert refused.value.code == (edge.guard.code if edge and edge.guard else "invalid_transition")


@pytest.mark.parametrize("edge", [edge for edge in domain.EDGES if edge.returns], ids=lambda edge: f"{edge.source}-{edge.target}")
def test_what_lies_over_an_order_gives_back_where_it_is_when_it_goes(edge: Edge) -> None:
    over: EventData
    if edge.source == "on_hold":
        over, goes = HELD, ev.OrderHoldReleased(hold_id="hld_1", reason="fine")
    else:
        over, goes = ev.OrderCancelling(reason="changed my mind"), ev.OrderCancelDeclined(reason="late")
    before = STATES[edge.target]
    # It came before the first parcel left, and what happened after it are facts.
    stopped = (*before[:1], over, *before[1:]) if edge.target not in ("received", "on_hold") else (*before, over)
    assert folded(*stopped).status == edge.source
    assert folded(*stopped, goes).status == edge.target


def test_nothing_leads_out_of_an_end() -> None:
    assert {status for status, after in domain.TRANSITIONS.items() if not after} == {"completed", "cancelled", "rejected"}


def test_a_shipment_that_left_is_recorded_even_while_the_order_is_being_cancelled() -> None:
    order = folded(*CANCELLING, *domain.ship(folded(*CANCELLING), PARCEL))
    assert order.lines["ln_1"].shipped == 3
    with pytest.raises(Conflict):
        domain.finish_cancel(order)
    assert (
        folded(*CANCELLING, ev.OrderShipped(shipment_id="shp_1", lines=PARCEL.lines), ev.OrderCancelDeclined(reason="late")).status
        == "shipped"
    )


def test_more_than_is_wanted_is_never_shipped() -> None:
    order = folded(*RELEASED, ev.OrderLinesCancelled(lines=(ev.LineQuantity(line_id="ln_1", quantity=1),), reason="not found"))
    with pytest.raises(Conflict, match="over_shipped"):
        domain.ship(order, PARCEL)


def test_a_cancelled_unit_takes_its_share_of_price_and_discount_with_it() -> None:
    missing = ev.OrderLinesCancelled(lines=(ev.LineQuantity(line_id="ln_1", quantity=1),), reason="not found")
    two = PARCEL.model_copy(update={"lines": (ev.LineQuantity(line_id="ln_1", quantity=2),)})
    order = folded(*RELEASED, missing, ev.OrderShipped(shipment_id="shp_1", lines=two.lines))
    assert order.capturable.amount == (3 * 500 - 100) * 2 // 3 + 300
    assert order.all_shipped


def test_an_order_is_completed_only_for_what_was_shipped() -> None:
    with pytest.raises(Conflict, match="not_paid"):
        domain.complete(folded(*DELIVERED), 1600)


def test_a_repair_is_opened_once_and_resolved() -> None:
    order = folded(*RELEASED, *domain.open_repair(folded(*RELEASED), "settlement", "CapturePayment", "refused"))
    assert domain.open_repair(order, "settlement", "CapturePayment", "refused") == []
    assert domain.resolve_repair(order, "settlement") == [ev.RepairResolved(saga="settlement")]
    assert domain.resolve_repair(order, "fulfilment") == []
