"""What a document is for: the charges of a sale laid end to end, of which every payment covers the next stretch.

So a document comes to exactly what its payment came to, and the documents of an order to exactly what was captured,
whatever the payments were cut by: shipments, means of payment, or a crash in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from invoicing.events import Customer, Item, Kind, RateTotal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from invoicing.policy import Policy


@dataclass(frozen=True, slots=True)
class Charge:
    """Something to pay for, in minor units: gross is what it comes to, tax is in it; discount and fee are off already."""

    kind: Kind
    gross: int
    tax: int = 0
    quantity: int = 1
    unit_price: int = 0
    discount: int = 0
    fee: int = 0
    line_id: str | None = None
    sku: str | None = None
    shipment_id: str | None = None

    def share(self, begin: int, end: int, rate: int) -> Item:
        """The part of it between two amounts, as an item; shares of one charge add up to it to the cent."""

        def of(whole: int) -> int:
            return whole * end // self.gross - whole * begin // self.gross if self.gross else whole

        tax, gross = of(self.tax), end - begin
        return Item(
            kind=self.kind,
            line_id=self.line_id,
            sku=self.sku,
            shipment_id=self.shipment_id,
            quantity=self.quantity,
            unit_price=self.unit_price,
            discount=of(self.discount),
            fee=of(self.fee),
            net=gross - tax,
            tax=tax,
            gross=gross,
            rate=rate,
            part=(begin, end) != (0, self.gross),
        )


@dataclass(frozen=True, slots=True)
class Sale:
    """An order as invoicing sees it: what was charged for, in the order in which it left; only ever longer."""

    order_id: str
    external_id: str
    channel: str
    currency: str
    customer: Customer
    charges: tuple[Charge, ...]


def cover(charges: Sequence[Charge], begin: int, end: int, policy: Policy, country: str, rest: Kind) -> list[Item]:
    """The items of the stretch from `begin` to `end`; what lies beyond all charges is one item of the kind `rest`."""
    items: list[Item] = []
    offset = 0
    for charge in charges:
        first, last = max(begin, offset), min(end, offset + charge.gross)
        given_away = charge.gross == 0 and begin <= offset < end
        if first < last or given_away:
            # The fee is kept out of what was taxed, and changes no rate.
            rate = policy.rate(charge.gross - charge.tax + charge.fee, charge.tax, country)
            items.append(charge.share(first - offset, last - offset, rate) if not given_away else charge.share(0, 0, rate))
        offset += charge.gross
    beyond = end - max(begin, offset)
    if beyond > 0:
        items.append(Charge(rest, beyond, unit_price=beyond).share(0, beyond, 0))
    return items


def split(items: Sequence[Item], policy: Policy) -> list[list[Item]]:
    """The items by the invoice that they are on."""
    keys: dict[str, Callable[[Item], object]] = {
        "payment": lambda _: None,
        "shipment": lambda item: item.shipment_id,
        "tax_rate": lambda item: item.rate,
    }
    groups: dict[object, list[Item]] = {}
    for item in items:
        groups.setdefault(keys[policy.split](item), []).append(item)
    # An invoice of nothing is none: what was given away goes with the first.
    paid = [group for group in groups.values() if sum(item.gross for item in group)]
    free = [item for group in groups.values() if group not in paid for item in group]
    return [[*paid[0], *free], *paid[1:]] if paid else [list(items)]


def by_rate(items: Iterable[Item]) -> tuple[RateTotal, ...]:
    """What items come to at each tax rate, the lowest first."""
    totals: dict[int, RateTotal] = {}
    for item in items:
        known = totals.get(item.rate, RateTotal(rate=item.rate, net=0, tax=0))
        totals[item.rate] = RateTotal(rate=item.rate, net=known.net + item.net, tax=known.tax + item.tax)
    return tuple(totals[rate] for rate in sorted(totals))
