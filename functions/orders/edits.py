"""Edits: what an order would be with other quantities, lines, another address or delivery, and how it becomes so.

A line keeps its prices: fewer units keep their share of its discount, more units come at the unit price without any, and
the tax keeps its rate. Quantities are of units that the customer wants: what was cancelled before stays cancelled.
An edit is open until the order is sold as edited; until then it can be undone, the last one first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kernel.errors import Conflict, FieldError, Invalid
from orders import edit_events as ev
from orders.events import Line as SoldLine
from orders.state import Destination, Line, OpenEdit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from kernel.contracts import EventData
    from orders.events import Delivery, ShipTo
    from orders.state import Order

MAX_LINES = 500
"""As many as an order may be placed with."""
EditFact = ev.OrderEdited | ev.OrderEditUndone
"""The events that this module decides and folds."""


@dataclass(frozen=True, slots=True)
class NewLine:
    """A line to be added; discount and tax are of the whole line, in minor units of `currency`."""

    sku: str
    quantity: int
    unit_price: int
    discount: int
    tax: int
    currency: str


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to be different; `change` is the wanted units by line, none for a line that shall go."""

    add: Sequence[NewLine] = ()
    change: Sequence[tuple[str, int]] = ()
    ship_to: ShipTo | None = None
    delivery: Delivery | None = None
    vault_entry: str | None = None


def preview(order: Order, version: int, wish: Wish) -> ev.EditPreviewed:
    """What the edit would change. Raises Conflict (too late for edits), Invalid (no such line, nothing left, nothing changes)."""
    refuse_unless_editable(order)
    _check(order, wish)
    lines = (*_changes(order, wish), *_additions(order, wish))
    moved = wish.ship_to is not None or (wish.delivery is not None and wish.delivery != order.destination.delivery)
    if not lines and not moved:
        raise Invalid("nothing_changes", "The order is like this already.")
    draft = ev.OrderEdited(
        edit_id="",
        lines=lines,
        ship_to=wish.ship_to,
        delivery=wish.delivery if wish.delivery != order.destination.delivery else None,
        vault_entry=wish.vault_entry,
        totals_before=totals(order),
        totals_after=totals(order),
        payment_delta=0,
    )
    after = apply(order, draft, order.changed_at)
    if not any(line.open for line in after.lines.values()):
        raise Invalid("nothing_left", "The edit leaves nothing of the order; cancel it instead.")
    if len(after.lines) > MAX_LINES:
        raise Invalid("too_many_lines", f"An order has at most {MAX_LINES} lines.")
    content = {name: value for name, value in draft if name in ev.EditPreviewed.model_fields}
    content |= {"totals_after": totals(after), "payment_delta": after.payable.amount - order.payable.amount}
    return ev.EditPreviewed(order_id=order.id, order_version=version, currency=order.currency, **content)


def commit(order: Order, edit_id: str, previewed: ev.EditPreviewed) -> list[EventData]:
    """Make the order what was previewed, on the version that was previewed. Deciding it again decides nothing."""
    if edit_id in order.edit_ids:
        return []
    refuse_unless_editable(order)
    content = {name: value for name, value in previewed if name in ev.OrderEdited.model_fields}
    return [ev.OrderEdited(edit_id=edit_id, **content)]


def undo(order: Order, revision: int, code: str, reason: str) -> list[EventData]:
    """Undo the last open edit, where the order is still what could not be had; decides nothing where it is not, or has none."""
    if revision != order.revision or not order.open_edits or order.ended or order.locked:
        return []
    return [ev.OrderEditUndone(edit_id=order.open_edits[-1].edit_id, code=code, reason=reason)]


def refuse_unless_editable(order: Order) -> None:
    """Raises Conflict where it is too late: the hand-over to the warehouses begins as soon as the order is sold."""
    if order.ended or order.locked:
        raise Conflict("not_editable", f"An order that is {order.status} cannot be edited.", current_status=order.status)
    if order.shipments:
        raise Conflict("already_released", "The warehouse has the order; it cannot be edited.", current_status=order.status)
    if order.allocations:
        raise Conflict("being_released", "The order is on its way to the warehouse.", current_status=order.status)


def totals(order: Order) -> ev.Totals:
    """What the order costs, in the parts that clients see."""
    lines = order.lines.values()
    return ev.Totals(
        items=sum(line.unit_price * line.quantity for line in lines),
        discount=sum(line.discount for line in lines),
        tax=sum(line.tax for line in lines),
        shipping=order.received.shipping,
        grand=order.grand_total.amount,
    )


def requantified(line: Line, wanted: int) -> Line:
    """The line with so many wanted units; at its prices, and with none of the discount for units that are added."""
    quantity = line.cancelled + wanted
    discount = line.discount
    if quantity < line.quantity:
        discount = line.discount * quantity // line.quantity
    net_before, net = line.unit_price * line.quantity - line.discount, line.unit_price * quantity - discount
    tax = line.tax * net // net_before if net_before else line.tax * quantity // line.quantity
    return replace(line, quantity=quantity, discount=discount, tax=tax)


def _check(order: Order, wish: Wish) -> None:
    named = [line_id for line_id, _ in wish.change]
    wrong = [
        FieldError(f"/change/{place}/line_id", "unknown_line", "the order has no such line")
        for place, line_id in enumerate(named)
        if line_id not in order.lines
    ]
    wrong += [
        FieldError(f"/change/{place}/line_id", "duplicate_line", "the line is named twice")
        for place, line_id in enumerate(named)
        if line_id in named[:place]
    ]
    wrong += [
        FieldError(f"/add/{place}", "currency_mismatch", "an order has one currency for all its money")
        for place, line in enumerate(wish.add)
        if line.currency != order.currency
    ]
    if wrong:
        raise Invalid(wrong[0].code, "Some lines of the edit are not acceptable.", tuple(wrong))


def _changes(order: Order, wish: Wish) -> list[ev.LineEdit]:
    edits = []
    for line_id, wanted in wish.change:
        line = order.lines[line_id]
        if wanted == line.open:
            continue
        after = requantified(line, wanted)
        edits.append(ev.LineEdit(line_id=line_id, before=_sold(line), after=_sold(after) if after.quantity else None))
    return edits


def _additions(order: Order, wish: Wish) -> list[ev.LineEdit]:
    return [
        ev.LineEdit(
            line_id=f"ln_{number}",
            after=SoldLine(
                line_id=f"ln_{number}",
                sku=line.sku,
                quantity=line.quantity,
                unit_price=line.unit_price,
                discount=line.discount,
                tax=line.tax,
            ),
        )
        for number, line in enumerate(wish.add, start=order.lines_named + 1)
    ]


def _sold(line: Line) -> SoldLine:
    return SoldLine(
        line_id=line.line_id,
        sku=line.sku,
        quantity=line.quantity,
        unit_price=line.unit_price,
        discount=line.discount,
        tax=line.tax,
    )


# --- the fold --------------------------------------------------------------------------------------------------


def apply(order: Order, fact: EditFact, at: datetime) -> Order:
    """The order after an edit, or after its undoing."""
    match fact:
        case ev.OrderEdited():
            return _edited(order, fact, at)
        case ev.OrderEditUndone():
            known = next(edit for edit in order.open_edits if edit.edit_id == fact.edit_id)
            still_open = order.open_edits[: order.open_edits.index(known)]
            return replace(
                order,
                lines=known.lines,
                destination=known.destination,
                worsened_at=known.worsened_at,
                open_edits=still_open,
                revision=order.revision + 1,
            )


def _edited(order: Order, fact: ev.OrderEdited, at: datetime) -> Order:
    lines = dict(order.lines)
    for edit in fact.lines:
        if edit.after is None:
            del lines[edit.line_id]
        elif edit.before is None:
            new = edit.after
            lines[new.line_id] = Line(new.line_id, new.sku, new.quantity, new.unit_price, new.discount, new.tax)
        else:
            terms = edit.after
            lines[edit.line_id] = replace(lines[edit.line_id], quantity=terms.quantity, discount=terms.discount, tax=terms.tax)
    before = order.destination
    after = Destination(
        fact.ship_to or before.ship_to,
        fact.delivery or before.delivery,
        fact.vault_entry or before.vault_entry,
        order.id if fact.vault_entry else before.vault_order,
    )
    return replace(
        order,
        lines=lines,
        destination=after,
        revision=order.revision + 1,
        lines_named=order.lines_named + sum(edit.before is None for edit in fact.lines),
        open_edits=(*order.open_edits, OpenEdit(fact.edit_id, order.lines, before, order.worsened_at)),
        edit_ids=order.edit_ids | {fact.edit_id},
        worsened_at=at if fact.payment_delta > 0 or fact.ship_to is not None else order.worsened_at,
    )
