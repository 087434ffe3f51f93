"""Units that come back: the order sets them aside for a return, gives them free again, or lets them go for good.

The order decides alone which units a return may have, so concurrent requests cannot have the same ones: never more
than was delivered. Facts that were recorded before decide nothing again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from kernel.errors import Conflict, FieldError, Invalid, NotFound
from kernel.units import Units
from orders import return_events as ev
from orders.state import Returning

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kernel.contracts import EventData
    from orders.state import Line, Order

ReturnFact = ev.ReturnRequested | ev.ReturnReleased | ev.UnitsReturned | ev.UnitsRefunded
"""The events that this module decides and folds."""


@dataclass(frozen=True, slots=True)
class Wish:
    """So many units of a line that somebody wants to send back, and why."""

    line_id: str
    quantity: int
    reason: str


def request(order: Order, return_id: str, wishes: Sequence[Wish], exchange: ev.Exchange | None = None) -> list[EventData]:
    """Set units aside for a return. Deciding it again decides nothing.

    Raises Invalid (a line that is not there, or there twice), Conflict (more than was delivered and is still with the customer).
    """
    if return_id in order.returns:
        return []
    _check_lines(order, wishes)
    over = [place for place, wish in enumerate(wishes) if wish.quantity > free(order, wish.line_id).count]
    if over:
        refused = Conflict(
            "not_returnable", "More would come back than was delivered and is not on its way back.", current_status=order.status
        )
        refused.errors = tuple(FieldError(f"/lines/{place}/quantity", "not_returnable", "more than is there") for place in over)
        raise refused
    lines = tuple(_set_aside(order, order.lines[wish.line_id], wish) for wish in wishes)
    whole = all(line.open == sum(w.quantity for w in wishes if w.line_id == line.line_id) for line in order.lines.values())
    requested = ev.ReturnRequested(
        return_id=return_id,
        currency=order.currency,
        lines=lines,
        shipping=order.received.shipping if whole else 0,
        exchange=exchange,
    )
    return [requested]


def _check_lines(order: Order, wishes: Sequence[Wish]) -> None:
    named = [wish.line_id for wish in wishes]
    wrong = [
        FieldError(f"/lines/{place}/line_id", "unknown_line" if line_id not in order.lines else "duplicate_line", "not a line")
        for place, line_id in enumerate(named)
        if line_id not in order.lines or line_id in named[:place]
    ]
    if wrong:
        raise Invalid("unknown_line", "The order has no such line, or it is named twice.", tuple(wrong))


def _set_aside(order: Order, line: Line, wish: Wish) -> ev.ReturnedLine:
    sent_by = (s.node_id for s in order.shipments.values() if any(part.line_id == line.line_id for part in s.lines))
    return ev.ReturnedLine(
        line_id=line.line_id,
        spans=free(order, line.line_id).take(wish.quantity).spans,
        sku=line.sku,
        node_id=next(sent_by),
        line_total=line.total,
        line_tax=line.tax,
        line_quantity=line.quantity,
        reason=wish.reason,
    )


def free(order: Order, line_id: str) -> Units:
    """The delivered units of a line that no return has."""
    units = Units.first(order.lines[line_id].delivered)
    for known in order.returns.values():
        units = units - known.pending.get(line_id, Units()) - known.accepted.get(line_id, Units())
    return units


def settle(
    order: Order,
    return_id: str,
    accepted: Mapping[str, Units],
    released: Mapping[str, Units],
    reason: Literal["rejected", "cancelled", "refused"],
) -> list[EventData]:
    """Let units of a return go for good, and give others free. Units that are settled so already decide nothing.

    Raises NotFound, Conflict where a unit is settled the other way.
    """
    known = of(order, return_id)
    for wanted, settled in ((accepted, known.accepted), (released, known.released)):
        for line_id, units in wanted.items():
            if (units - known.pending.get(line_id, Units()) - settled.get(line_id, Units())).count:
                raise Conflict("units_settled", "Units of the return are settled otherwise.", current_status=order.status)
    going, staying = _pending(known, accepted), _pending(known, released)
    decided: list[EventData] = []
    if going:
        decided.append(ev.UnitsReturned(return_id=return_id, lines=going))
    if staying:
        decided.append(ev.ReturnReleased(return_id=return_id, lines=staying, reason=reason))
    return decided


def _pending(known: Returning, wanted: Mapping[str, Units]) -> tuple[ev.LineUnits, ...]:
    parts = ((line_id, units & known.pending.get(line_id, Units())) for line_id, units in sorted(wanted.items()))
    return tuple(ev.LineUnits(line_id=line_id, spans=units.spans) for line_id, units in parts if units.count)


def record_refund(order: Order, return_id: str, amount: int) -> list[EventData]:
    """Record that the money for the accepted units went back. Deciding it again decides nothing."""
    known = of(order, return_id)
    if known.refunded is not None:
        return []
    lines = tuple(ev.LineUnits(line_id=line_id, spans=units.spans) for line_id, units in known.accepted.items())
    return [ev.UnitsRefunded(return_id=return_id, lines=lines, amount=amount)]


def of(order: Order, return_id: str) -> Returning:
    """A return as the order knows it. Raises NotFound."""
    known = order.returns.get(return_id)
    if known is None:
        raise NotFound("return_not_found", "The order has no such return.")
    return known


# --- the fold --------------------------------------------------------------------------------------------------


def apply(order: Order, fact: ReturnFact) -> Order:
    """The order after one more fact about a return."""
    match fact:
        case ev.ReturnRequested():
            pending = {line.line_id: line.units for line in fact.lines}
            known = Returning(fact.return_id, fact, pending)
            return _with(order, known, fact.lines, requested=1)
        case ev.UnitsReturned():
            known = of(order, fact.return_id)
            known = replace(known, pending=_less(known.pending, fact.lines), accepted=_more(known.accepted, fact.lines))
            return _with(order, known, fact.lines, requested=-1, returned=1)
        case ev.ReturnReleased():
            known = of(order, fact.return_id)
            known = replace(known, pending=_less(known.pending, fact.lines), released=_more(known.released, fact.lines))
            return _with(order, known, fact.lines, requested=-1)
        case ev.UnitsRefunded():
            return _with(order, replace(of(order, fact.return_id), refunded=fact.amount), fact.lines, refunded=1)


def _less(units: Mapping[str, Units], lines: Sequence[ev.LineUnits]) -> dict[str, Units]:
    left = {**units, **{line.line_id: units.get(line.line_id, Units()) - line.units for line in lines}}
    return {line_id: found for line_id, found in left.items() if found.count}


def _more(units: Mapping[str, Units], lines: Sequence[ev.LineUnits]) -> dict[str, Units]:
    return {**units, **{line.line_id: units.get(line.line_id, Units()) | line.units for line in lines}}


def _with(
    order: Order, known: Returning, lines: Sequence[ev.LineUnits], *, requested: int = 0, returned: int = 0, refunded: int = 0
) -> Order:
    counted = dict(order.lines)
    for part in lines:
        line, count = counted[part.line_id], part.units.count
        counted[part.line_id] = replace(
            line,
            return_requested=line.return_requested + requested * count,
            returned=line.returned + returned * count,
            refunded=line.refunded + refunded * count,
        )
    return replace(order, lines=counted, returns={**order.returns, known.return_id: known})
