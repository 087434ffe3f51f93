"""Dispatch and recall meet at the shipment, and exactly one of the two wins."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fulfilment import domain
from fulfilment import events as ev
from kernel.errors import DomainError
from tests.examples import ORDER_ID, event

LINES = (ev.ShipmentLine(line_id="ln_1", sku="SKU-1", quantity=3),)
STEPS = ["picked", "packed", "dispatched", "delivered", "lost", "short_picked", "recall", "release", "resume", "hold", "let_go"]


@given(st.lists(st.sampled_from(STEPS), max_size=30))
def test_a_recalled_or_held_shipment_never_leaves_and_one_that_left_is_neither_recalled_nor_held(steps: list[str]) -> None:
    shipment = domain.fold(None, event(ev.ShipmentPlanned(order_id=ORDER_ID, node_id="wh", lines=LINES), 1, "shp_1"))
    left = recalled = False
    for number, step in enumerate(steps, start=2):
        try:
            if step == "recall":
                decided = domain.cancel(shipment, "reason")
            elif step == "hold":
                decided = domain.hold(shipment)
            elif step == "let_go":
                decided = domain.let_go(shipment)
            elif step == "release":
                decided = domain.release(shipment)
            elif step == "resume":
                decided = domain.resume(shipment, [LINES[0].model_copy(update={"quantity": 2})])
            else:
                fact = domain.Fact(step, "2026-11-23T10:00:00.000Z", picked={"ln_1": 2})  # type: ignore[arg-type]
                decided = domain.record(shipment, fact)
        except DomainError:
            continue
        assert not (step == "dispatched" and decided and shipment.held)
        assert not (step == "hold" and decided and shipment.left)
        for data in decided:
            shipment = domain.fold(shipment, event(data, number, "shp_1"))
        left |= shipment.left
        recalled |= shipment.status == "cancelled"
        assert not (left and recalled)
        assert shipment.left == left


def test_a_shipment_recalled_before_it_was_planned_stays_recalled() -> None:
    shipment = domain.fold(None, event(ev.ShipmentCancelled(order_id=ORDER_ID, node_id="wh", reason="r"), 1, "shp_1"))
    assert shipment.status == "cancelled"
    assert domain.release(shipment) == []
