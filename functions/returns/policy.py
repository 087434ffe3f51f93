"""What a return may cost and who decides, as data: change it here, in review, like any other rule."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel.money import Money

BASIS_POINTS = 10_000


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of returns. A reason is compared in lower case, with underscores for blanks."""

    fees: Mapping[str, int] = field(default_factory=lambda: {"changed_mind": 1_000, "no_longer_wanted": 1_000})
    """Restocking fee by reason, in basis points of what was paid; a reason that is not named costs nothing."""
    refund_limit: int = 50_000
    """What one refund may come to without `approvers` or `finance`, in minor units."""
    refund_limits: Mapping[str, int] = field(default_factory=lambda: {"JPY": 75_000, "KRW": 750_000})
    """The same for currencies in which the general figure would be too much or too little."""
    early_refund_limit: int = 0
    """What may be refunded before the parcel is here, in minor units; 0 is never, and the rest waits for inspection."""
    shipping_refunded_for: frozenset[str] = frozenset({"damaged", "defective", "wrong_item"})
    """Reasons for which the order's shipping goes back too, where the whole order comes back for such a reason."""

    def fee(self, reason: str, amount: Money) -> Money:
        """What is kept of an amount that goes back for this reason, rounded down."""
        return amount.share(self.fees.get(code(reason), 0), BASIS_POINTS)

    def limit(self, currency: str) -> int:
        """What one refund may come to without further say, in minor units."""
        return self.refund_limits.get(currency, self.refund_limit)


def code(reason: str) -> str:
    """A reason as policy names it."""
    return "_".join(reason.lower().split())


POLICY = Policy()
"""The rules in force."""
