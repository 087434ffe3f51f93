"""Money as integer minor units: no rounding, and no adding of different currencies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel.currency import ISO_4217

if TYPE_CHECKING:
    from collections.abc import Iterable


class CurrencyMismatch(ValueError):
    """Two amounts of different currencies met in one sum."""


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount in integer minor units (cents for USD, yen for JPY) of an ISO 4217 currency.

    Raises ValueError where the currency is unknown, TypeError where the amount is not an integer.
    """

    amount: int
    currency: str

    def __post_init__(self) -> None:
        if not isinstance(self.amount, int) or isinstance(self.amount, bool):
            raise TypeError("an amount of money is an integer of minor units")
        if self.currency not in ISO_4217:
            raise ValueError("a currency is an ISO 4217 code")

    @classmethod
    def zero(cls, currency: str) -> Money:
        """Nothing, in this currency."""
        return cls(0, currency)

    @classmethod
    def total(cls, amounts: Iterable[Money], currency: str) -> Money:
        """The sum of amounts, which may be none; raises CurrencyMismatch."""
        result = cls.zero(currency)
        for amount in amounts:
            result = result + amount
        return result

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} do not add up")

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.amount + other.amount, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.amount - other.amount, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)

    def __mul__(self, factor: int) -> Money:
        return Money(self.amount * factor, self.currency)

    def __lt__(self, other: Money) -> bool:
        self._same(other)
        return self.amount < other.amount

    def __le__(self, other: Money) -> bool:
        self._same(other)
        return self.amount <= other.amount

    def share(self, part: int, whole: int) -> Money:
        """The part of this amount that belongs to `part` of `whole` units, rounded down.

        Cumulative by construction: share(a + b) − share(a) is what b gets after a, so that slices always add
        up to the whole amount. Raises ValueError where 0 ≤ part ≤ whole does not hold.
        """
        if whole <= 0 or not 0 <= part <= whole:
            raise ValueError("a share is of 0 to all of at least one unit")
        return Money(self.amount * part // whole, self.currency)
