"""Which of a line's units: ordinals from 1, kept as spans, so that a share of money belongs to each unit for good.

`Money.share` is cumulative: unit n of a line is worth share(n) − share(n − 1). Whoever keeps the ordinals of units, and
not only how many there are, can price them in any order, and the units of a line add up to the line to the cent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel.money import Money

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Span = tuple[int, int]
"""The first and the last ordinal of neighbouring units, both inclusive."""


@dataclass(frozen=True, slots=True)
class Units:
    """A set of units of one line, as disjoint spans in ascending order. Make one with `of`."""

    spans: tuple[Span, ...] = ()

    @classmethod
    def of(cls, spans: Iterable[Span]) -> Units:
        """The units of these spans, which may touch or overlap. Raises ValueError where a span is none."""
        merged: list[Span] = []
        for first, last in sorted(spans):
            if not 1 <= first <= last:
                raise ValueError("a span begins at 1 or later and ends where it begins, or later")
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(merged[-1][1], last))
            else:
                merged.append((first, last))
        return cls(tuple(merged))

    @classmethod
    def first(cls, count: int) -> Units:
        """The first so many units of a line."""
        return cls.of([(1, count)] if count else [])

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(last - first + 1 for first, last in self.spans)

    def __or__(self, other: Units) -> Units:
        return Units.of((*self.spans, *other.spans))

    def __sub__(self, other: Units) -> Units:
        return Units(tuple(self._without(other)))

    def __and__(self, other: Units) -> Units:
        return self - (self - other)

    def _without(self, other: Units) -> Iterator[Span]:
        for first, last in self.spans:
            begin = first
            for cut_first, cut_last in other.spans:
                if cut_last < begin or cut_first > last:
                    continue
                if begin < cut_first:
                    yield begin, cut_first - 1
                begin = cut_last + 1
            if begin <= last:
                yield begin, last

    def take(self, count: int) -> Units:
        """The lowest so many of them. Raises ValueError where there are not enough."""
        if not 0 <= count <= self.count:
            raise ValueError("there are not so many units")
        taken: list[Span] = []
        for first, last in self.spans:
            if not count:
                break
            end = min(last, first + count - 1)
            taken.append((first, end))
            count -= end - first + 1
        return Units(tuple(taken))

    def price(self, line: Money, sold: int) -> Money:
        """What these units cost out of a line of `sold` units. Raises ValueError where there is a unit beyond them."""
        shares = (line.share(last, sold) - line.share(first - 1, sold) for first, last in self.spans)
        return Money.total(shares, line.currency)
