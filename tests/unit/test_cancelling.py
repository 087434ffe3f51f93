"""Cancelling in part: what left stays as it was sold, what was stopped is given up, and the rest goes out again."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from kernel.contracts import EventData
from kernel.errors import Conflict, Invalid
from orders import cancelling, domain, edits, releasing
from orders import events as ev
from tests.examples import folded, received

LINE = ev.Line(line_id="ln_1", sku="SKU-1", quantity=4, unit_price=500, discount=100, tax=0)
OTHER = ev.Line(line_id="ln_2", sku="SKU-2", quantity=2, unit_price=250, discount=0, tax=0)


def units(**quantities: int) -> tuple[ev.LineQuantity, ...]:
    return tuple(ev.LineQuantity(line_id=line_id, quantity=quantity) for line_id, quantity in quantities.items())


def parcel(shipment_id: str, node_id: str, **quantities: int) -> ev.PlannedShipment:
    return ev.PlannedShipment(shipment_id=shipment_id, node_id=node_id, lines=units(**quantities))


def at(node_id: str, **quantities: int) -> tuple[ev.Allocation, ...]:
    return tuple(ev.Allocation(line_id=line_id, node_id=node_id, quantity=quantity) for line_id, quantity in quantities.items())


EAST, WEST = parcel("shp_e", "east", ln_1=3, ln_2=2), parcel("shp_w", "west", ln_1=1)
RECEIVED: tuple[EventData, ...] = (received((LINE, OTHER)),)
ALLOCATED = (
    *RECEIVED,
    ev.OrderConfirmed(payment_id="pay"),
    ev.OrderAllocated(allocations=(*at("east", ln_1=3, ln_2=2), *at("west", ln_1=1))),
)
RELEASED = (*ALLOCATED, ev.OrderReleased(shipments=(EAST, WEST)))
EAST_LEFT = (*RELEASED, ev.OrderShipped(shipment_id="shp_e", lines=EAST.lines))


def then(events: Sequence[EventData], decided: Sequence[EventData]) -> tuple[EventData, ...]:
    return (*events, *decided)


def cancel(events: Sequence[EventData], **quantities: int) -> tuple[EventData, ...]:
    return then(events, domain.request_cancel(folded(*events), "changed my mind", units(**quantities) or None))


def stop(events: Sequence[EventData], **shipments: str) -> tuple[EventData, ...]:
    return then(events, cancelling.record_recall(folded(*events), shipments))


def settle(events: Sequence[EventData]) -> tuple[EventData, ...]:
    return then(events, cancelling.settle(folded(*events)))


def test_before_the_hand_over_units_are_given_up_at_once_and_the_saga_that_sells_notices() -> None:
    order = folded(*cancel(RECEIVED, ln_1=1))
    assert (order.status, order.lines["ln_1"].open, order.revision) == ("received", 3, 1)
    # Three of four units, with their share of the discount, and all of the other line.
    assert order.payable.amount == 1900 * 3 // 4 + 500 + 300


def test_cancelling_every_unit_is_cancelling_the_order() -> None:
    order = folded(*cancel(RECEIVED, ln_1=4, ln_2=2))
    assert (order.status, order.cancelling and order.cancelling.lines) == ("cancelling", None)


def test_while_an_edit_is_open_its_quantities_are_changed_by_another_edit() -> None:
    previewed = edits.preview(folded(*RECEIVED), 1, edits.Wish(change=[("ln_1", 5)]))
    with pytest.raises(Conflict, match="edit_open"):
        cancel(then(RECEIVED, edits.commit(folded(*RECEIVED), "edt_1", previewed)), ln_1=1)


@pytest.mark.parametrize(
    ("lines", "error", "pointer"),
    [
        (units(ln_9=1), Invalid, "/lines/0/line_id"),
        ((*units(ln_1=1), *units(ln_1=1)), Invalid, "/lines/1/line_id"),
        ((*units(ln_2=1), *units(ln_1=2)), Conflict, "/lines/1/quantity"),
    ],
)
def test_units_that_are_not_there_or_have_left_are_refused_with_their_place(
    lines: Sequence[ev.LineQuantity], error: type[Conflict | Invalid], pointer: str
) -> None:
    order = folded(*ALLOCATED, ev.OrderReleased(shipments=(EAST, WEST)), ev.OrderShipped(shipment_id="shp_w", lines=units(ln_1=1)))
    order = (
        folded(*RELEASED, ev.OrderShipped(shipment_id="shp_e", lines=units(ln_1=3, ln_2=1)))
        if pointer.endswith("quantity")
        else order
    )
    with pytest.raises(error) as refused:
        domain.request_cancel(order, "changed my mind", lines)
    assert [field.pointer for field in refused.value.errors] == [pointer]


def test_an_order_of_which_everything_left_is_not_cancelled() -> None:
    left = (*EAST_LEFT, ev.OrderShipped(shipment_id="shp_w", lines=WEST.lines))
    for lines in (None, units(ln_1=1)):
        with pytest.raises(Conflict, match="already_shipped"):
            domain.request_cancel(folded(*left), "changed my mind", lines)


def test_no_more_shipments_are_stopped_than_give_enough_units() -> None:
    assert cancelling.to_stop(folded(*cancel(RELEASED, ln_1=2))) == ["east"]
    assert cancelling.to_stop(folded(*cancel(RELEASED, ln_1=4))) == ["east", "west"]
    assert cancelling.to_stop(folded(*cancel(RELEASED))) == ["east", "west"]
    assert cancelling.to_stop(folded(*cancel(EAST_LEFT, ln_1=1))) == ["west"]


def test_what_was_stopped_is_given_up_and_the_rest_is_released_again_as_another_shipment() -> None:
    locked = cancel(RELEASED, ln_1=2)
    stopped = stop(locked, shp_e="east")
    assert cancelling.outcome(folded(*stopped)) == "keep"
    order = folded(*settle(stopped))
    assert (order.status, order.lines["ln_1"].cancelled, order.lines["ln_1"].open) == ("released", 2, 2)
    assert order.allocations == (*at("east", ln_1=1, ln_2=2), *at("west", ln_1=1))
    assert releasing.to_release(order) == at("east", ln_1=1, ln_2=2)
    assert (releasing.rounds(order), list(order.shipments)) == ({"east": 1}, ["shp_w"])
    again = parcel("shp_e2", "east", ln_1=1, ln_2=2)
    order = folded(*settle(stopped), *domain.release(order, [again]))
    assert (releasing.to_release(order), order.lines["ln_1"].released) == ((), 2)


def test_where_the_first_node_was_faster_the_next_one_is_asked() -> None:
    locked = cancel(RELEASED, ln_1=1)
    assert cancelling.to_stop(folded(*locked)) == ["east"]
    left = then(locked, domain.ship(folded(*locked), EAST))
    assert (cancelling.outcome(folded(*left)), cancelling.to_stop(folded(*left))) == ("recall", ["west"])
    order = folded(*settle(stop(left, shp_w="west")))
    assert (order.status, order.lines["ln_1"].cancelled, order.all_shipped) == ("shipped", 1, True)


def test_where_every_node_was_faster_the_cancellation_is_declined() -> None:
    locked = cancel(RELEASED, ln_1=1)
    left = then(locked, domain.ship(folded(*locked), EAST))
    left = then(left, domain.ship(folded(*left), WEST))
    assert cancelling.outcome(folded(*left)) == "decline"
    assert folded(*left, *domain.decline_cancel(folded(*left), "late", ["shp_e"])).status == "shipped"


def test_an_order_of_which_some_parcels_left_is_cancelled_as_far_as_they_have_not() -> None:
    locked = cancel(RELEASED)
    left = then(locked, domain.ship(folded(*locked), EAST))
    stopped = stop(left, shp_w="west")
    assert cancelling.outcome(folded(*stopped)) == "keep"
    order = folded(*settle(stopped))
    assert (order.status, order.all_shipped, releasing.to_release(order)) == ("shipped", True, ())
    assert [(line.cancelled, line.shipped) for line in order.lines.values()] == [(1, 3), (0, 2)]
    done = then(settle(stopped), domain.deliver(order, "shp_e"))
    assert folded(*done, *domain.complete(folded(*done), order.capturable.amount)).status == "completed"


def test_cancelling_the_rest_leaves_price_discount_and_shipping_of_what_left_as_they_were() -> None:
    before = folded(*EAST_LEFT).capturable
    order = folded(*settle(stop(cancel(EAST_LEFT), shp_w="west")))
    assert order.capturable == before
    assert before.amount == 1900 * 3 // 4 + 500 + 300


def test_shipping_is_not_paid_for_an_order_of_which_nothing_leaves() -> None:
    locked = cancel(RELEASED)
    assert cancelling.outcome(folded(*locked)) == "undo"
    order = folded(*locked, *domain.finish_cancel(folded(*locked)))
    assert (order.status, order.capturable.amount, order.payable.amount) == ("cancelled", 0, 0)


def test_what_a_picker_did_not_find_is_neither_cancelled_twice_nor_released_again() -> None:
    short = then(RELEASED, domain.cancel_units(folded(*RELEASED), units(ln_1=1), "not found", "shp_e", "inc_1"))
    assert domain.cancel_units(folded(*short), units(ln_1=1), "not found", "shp_e", "inc_1") == []
    assert releasing.to_release(folded(*short)) == ()
    order = folded(*settle(stop(cancel(short, ln_2=1), shp_e="east")))
    assert releasing.to_release(order) == at("east", ln_1=2, ln_2=1)
    assert order.lines["ln_1"].released == 1


def test_asking_again_decides_nothing_and_asking_for_something_else_waits() -> None:
    whole = cancel(RELEASED)
    assert domain.request_cancel(folded(*whole), "again") == []
    for asked in (None, units(ln_1=1)):
        with pytest.raises(Conflict, match="invalid_transition"):
            domain.request_cancel(folded(*cancel(RELEASED, ln_1=1)), "again", asked)
    stopped = stop(cancel(RELEASED, ln_1=1), shp_e="east")
    assert cancelling.record_recall(folded(*stopped), {"shp_e": "east"}) == []
    assert cancelling.settle(folded(*settle(stopped))) == []
    assert cancelling.outcome(folded(*settle(stopped))) == "over"
