"""Edits: what a preview says, when it may be committed, and that undoing leaves the order as it was."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kernel.contracts import EventData
from kernel.errors import Conflict, Invalid
from orders import domain, edits
from orders import events as ev
from orders.edits import NewLine, Wish
from tests.examples import folded, received

EDIT = "edt_1"
LINE = ev.Line(line_id="ln_1", sku="SKU-1", quantity=3, unit_price=500, discount=100, tax=140)
OTHER = ev.Line(line_id="ln_2", sku="SKU-2", quantity=2, unit_price=250, discount=0, tax=0)
RECEIVED: tuple[EventData, ...] = (received((LINE, OTHER)),)
HELD = ev.OrderHeld(hold_id="hld_1", type="manual", reason="look at it", progress="received")
ALL = (
    ev.Allocation(line_id="ln_1", node_id="wh", quantity=3),
    ev.Allocation(line_id="ln_2", node_id="wh", quantity=2),
)
ALLOCATED = (*RECEIVED, ev.OrderConfirmed(payment_id="pay"), ev.OrderAllocated(allocations=ALL))
PARCEL = ev.PlannedShipment(shipment_id="shp_1", node_id="wh", lines=(ev.LineQuantity(line_id="ln_1", quantity=3),))
ELSEWHERE = ev.ShipTo(name="B***", city="Berlin", postal_code="10***", country="DE")


def edited(wish: Wish, *before: EventData) -> tuple[EventData, ...]:
    events = before or RECEIVED
    order = folded(*events)
    return (*events, *edits.commit(order, f"edt_{len(events)}", edits.preview(order, len(events), wish)))


def change(*changes: tuple[str, int]) -> Wish:
    return Wish(change=changes)


def test_fewer_units_keep_their_share_of_the_discount_and_the_rate_of_the_tax() -> None:
    line = folded(*edited(change(("ln_1", 2)))).lines["ln_1"]
    # 100 of discount on three units is 66 on two, rounded down; 140 of tax on 1400 is a tenth.
    assert (line.quantity, line.discount, line.tax) == (2, 66, 93)


def test_more_units_come_at_the_unit_price_without_discount() -> None:
    line = folded(*edited(change(("ln_1", 5)))).lines["ln_1"]
    assert (line.quantity, line.discount, line.tax) == (5, 100, 240)


def test_a_line_that_costs_nothing_keeps_its_tax_by_the_unit() -> None:
    given = ev.Line(line_id="ln_1", sku="GIFT", quantity=2, unit_price=500, discount=1000, tax=20)
    line = folded(*edited(change(("ln_1", 3)), received((given,)))).lines["ln_1"]
    assert (line.discount, line.tax) == (1000, 30)


def test_a_preview_says_what_changes_and_changes_nothing() -> None:
    order = folded(*RECEIVED)
    wish = Wish(
        add=[NewLine("SKU-3", 2, 300, 50, 5, "USD")],
        change=[("ln_1", 2), ("ln_2", 0)],
        delivery=ev.Delivery(method="pickup", node_id="store"),
    )
    previewed = edits.preview(order, 7, wish)
    assert previewed.order_version == 7
    assert [(e.line_id, e.before and e.before.quantity, e.after and e.after.quantity) for e in previewed.lines] == [
        ("ln_1", 3, 2),
        ("ln_2", 2, None),
        ("ln_3", None, 2),
    ]
    assert (previewed.totals_before.grand, previewed.totals_after.grand) == (1540 + 500 + 300, 1000 - 66 + 93 + 555 + 300)
    assert previewed.payment_delta == previewed.totals_after.grand - previewed.totals_before.grand
    assert order == folded(*RECEIVED)


def test_an_edited_order_is_what_was_previewed() -> None:
    wish = Wish(change=[("ln_2", 0)], add=[NewLine("SKU-3", 2, 300, 50, 5, "USD")], ship_to=ELSEWHERE, vault_entry="second")
    order = folded(*edited(wish))
    assert list(order.lines) == ["ln_1", "ln_3"]
    assert order.grand_total.amount == edits.preview(folded(*RECEIVED), 1, wish).totals_after.grand
    assert (order.destination.ship_to, order.destination.vault_entry, order.destination.delivery.method) == (
        ELSEWHERE,
        "second",
        "ship",
    )
    assert order.received.vault_entry == "entry"
    assert order.revision == 1


def test_a_line_that_is_gone_leaves_its_id_to_nobody() -> None:
    one = edited(Wish(add=[NewLine("SKU-3", 1, 300, 0, 0, "USD")]))
    two = edited(change(("ln_3", 0)), *one)
    assert list(folded(*edited(Wish(add=[NewLine("SKU-4", 1, 300, 0, 0, "USD")]), *two)).lines) == ["ln_1", "ln_2", "ln_4"]


def test_units_that_were_cancelled_stay_cancelled() -> None:
    cancelled = ev.OrderLinesCancelled(lines=(ev.LineQuantity(line_id="ln_1", quantity=1),), reason="changed my mind")
    order = folded(*edited(change(("ln_1", 4)), *RECEIVED, cancelled))
    assert (order.lines["ln_1"].quantity, order.lines["ln_1"].cancelled, order.lines["ln_1"].open) == (5, 1, 4)
    gone = folded(*edited(change(("ln_1", 0)), *RECEIVED, cancelled))
    assert (gone.lines["ln_1"].quantity, gone.lines["ln_1"].open) == (1, 0)


@pytest.mark.parametrize(
    ("wish", "code", "pointers"),
    [
        (change(("ln_9", 1), ("ln_1", 1)), "unknown_line", ["/change/0/line_id"]),
        (change(("ln_1", 1), ("ln_1", 2)), "duplicate_line", ["/change/1/line_id"]),
        (Wish(add=[NewLine("S", 1, 1, 0, 0, "EUR")]), "currency_mismatch", ["/add/0"]),
        (change(("ln_1", 0), ("ln_2", 0)), "nothing_left", []),
        (change(("ln_1", 3)), "nothing_changes", []),
        (Wish(delivery=ev.Delivery(method="ship")), "nothing_changes", []),
        (Wish(), "nothing_changes", []),
        (Wish(add=[NewLine("S", 1, 1, 0, 0, "USD")] * 499), "too_many_lines", []),
    ],
)
def test_an_edit_that_makes_no_order_is_refused_with_the_place(wish: Wish, code: str, pointers: list[str]) -> None:
    with pytest.raises(Invalid) as refused:
        edits.preview(folded(*RECEIVED), 1, wish)
    assert (refused.value.code, [error.pointer for error in refused.value.errors]) == (code, pointers)


@pytest.mark.parametrize(
    ("events", "code"),
    [
        (ALLOCATED, "being_released"),
        ((*ALLOCATED, ev.OrderReleased(shipments=(PARCEL,))), "already_released"),
        ((*RECEIVED, ev.OrderCancelling(reason="r")), "not_editable"),
        ((*RECEIVED, ev.OrderRejected(code="c", reason="r")), "not_editable"),
    ],
)
def test_an_edit_that_comes_too_late_is_refused_with_the_reason(events: tuple[EventData, ...], code: str) -> None:
    order = folded(*events)
    previewed = edits.preview(folded(*RECEIVED), 1, change(("ln_1", 2)))
    for attempt in (lambda: edits.preview(order, 1, change(("ln_1", 2))), lambda: edits.commit(order, EDIT, previewed)):
        with pytest.raises(Conflict) as refused:
            attempt()
        assert (refused.value.code, refused.value.extra["current_status"]) == (code, order.status)


def test_a_held_order_can_be_edited() -> None:
    order = folded(*edited(change(("ln_1", 2)), *RECEIVED, HELD))
    assert (order.status, order.lines["ln_1"].quantity) == ("on_hold", 2)


def test_an_edit_is_committed_once() -> None:
    events = edited(change(("ln_1", 2)))
    previewed = edits.preview(folded(*RECEIVED), 1, change(("ln_1", 2)))
    assert edits.commit(folded(*events), "edt_1", previewed) == []


def test_edits_are_undone_from_the_last_and_leave_the_order_as_it_was() -> None:
    one = edited(Wish(change=[("ln_1", 5)], ship_to=ELSEWHERE, vault_entry="second"))
    two = edited(change(("ln_2", 0)), *one)
    first = (*two, *edits.undo(folded(*two), 2, "out_of_stock", "gone"))
    assert folded(*first).lines == folded(*one).lines
    assert folded(*first).destination == folded(*one).destination
    both = folded(*first, *edits.undo(folded(*first), 3, "out_of_stock", "gone"))
    before = folded(*RECEIVED)
    assert (both.lines, both.destination, both.grand_total) == (before.lines, before.destination, before.grand_total)
    assert (both.revision, both.open_edits) == (4, ())
    assert edits.undo(both, 4, "out_of_stock", "gone") == []


def test_only_what_was_really_asked_for_is_undone() -> None:
    order = folded(*edited(change(("ln_1", 5))))
    assert edits.undo(order, 0, "payment_declined", "an older revision was declined") == []
    assert edits.undo(replace(order, locked=True), 1, "payment_declined", "somebody cancels") == []


def test_an_order_that_was_edited_meanwhile_is_not_sold_as_it_was() -> None:
    order = folded(*edited(change(("ln_1", 5))))
    assert domain.confirm(order, "pay", ALL, revision=0) == []
    sold = folded(
        *edited(change(("ln_1", 3), ("ln_2", 1))), *domain.confirm(folded(*edited(change(("ln_2", 1)))), "pay", ALL[:1], revision=1)
    )
    assert (sold.status, sold.open_edits) == ("allocated", ())
