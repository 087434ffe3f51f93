"""What goes back to a customer: what was paid for the accepted units, less what policy keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel.money import Money
from returns import events as ev
from returns.policy import code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel.units import Units
    from returns.domain import Return
    from returns.policy import Policy


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund by line; `amount` is what the customer gets, in minor units."""

    currency: str
    parts: tuple[ev.RefundPart, ...]
    shipping: int

    @property
    def paid(self) -> int:
        """What was paid for the units, and for the shipping that goes back with them."""
        return sum(part.amount for part in self.parts) + self.shipping

    @property
    def fee(self) -> int:
        """What is kept."""
        return sum(part.fee for part in self.parts)

    @property
    def amount(self) -> int:
        """What the customer gets."""
        return self.paid - self.fee


def refund_of(rma: Return, accepted: Mapping[str, Units], policy: Policy) -> Refund:
    """The refund for these units of a return.

    Each unit has its own share of its line (`kernel.units`), so the units of a line come to the line to the cent, however
    many returns they come back in.
    """
    currency = rma.requested.currency
    parts = []
    for line in rma.requested.lines:
        units = accepted.get(line.line_id)
        if units is None or not units.count:
            continue
        paid = units.price(Money(line.line_total, currency), line.line_quantity)
        parts.append(
            ev.RefundPart(
                line_id=line.line_id,
                sku=line.sku,
                quantity=units.count,
                amount=paid.amount,
                tax=units.price(Money(line.line_tax, currency), line.line_quantity).amount,
                fee=policy.fee(line.reason, paid).amount,
            )
        )
    whole = all(accepted.get(line.line_id) == line.units for line in rma.requested.lines)
    ours = all(code(line.reason) in policy.shipping_refunded_for for line in rma.requested.lines)
    return Refund(currency, tuple(parts), rma.requested.shipping if whole and ours else 0)
