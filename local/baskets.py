"""Reads baskets from a CSV and makes orders of them; what is dirty is refused line by line, with the reason."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CURRENCY: Final = "USD"


class RefusedLine(Exception):
    """A line that says too little to be sold."""


@dataclass(slots=True)
class Basket:
    """A basket: its rows that can be sold, and why the others cannot."""

    basket_id: str
    household: str
    store: str
    at: str
    lines: list[dict[str, Any]] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    expected: int = 0
    """What the customer pays for the lines, in cents: sales value less coupon and coupon match."""

    @property
    def node_id(self) -> str:
        """The store as a node."""
        return f"store-{self.store}"

    def order(self) -> dict[str, Any]:
        """The basket as an order. The household's personal data is invented, always alike for the same household."""
        number = int(self.household)
        person = {"name": f"Household {number}", "phone": f"+1201555{number % 10000:04d}"}
        return {
            "channel": self.node_id,
            "external_id": self.basket_id,
            "placed_at": f"{self.at}.000Z",
            "currency": CURRENCY,
            "customer": {"id": f"household-{number}", "email": f"household{number}@example.com", **person},
            "ship_to": {
                **person,
                "line1": f"{number % 900 + 100} Sample Street",
                "city": "Cincinnati",
                "region": "OH",
                "postal_code": "45202",
                "country": "US",
            },
            "delivery": {"method": "ship", "node_id": self.node_id},
            "lines": self.lines,
            "shipping": _money(0),
            "payment": {"method": "card", "token": "tok_ok"},
        }


def read(file: Path, limit: int | None) -> Iterator[Basket]:
    """The baskets of a file, in the order of their first rows, at most `limit`."""
    baskets: dict[str, Basket] = {}
    with gzip.open(file, "rt", newline="") if file.suffix == ".gz" else file.open(newline="") as rows:
        for row in csv.DictReader(rows):
            basket = baskets.get(row["basket_id"])
            if basket is None:
                basket = Basket(row["basket_id"], row["household_id"], row["store_id"], row["transaction_timestamp"])
                baskets[row["basket_id"]] = basket
            try:
                line, paid = _line(row)
            except RefusedLine as reason:
                basket.refused[str(reason)] += 1
            else:
                basket.lines.append(line)
                basket.expected += paid
    for number, basket in enumerate(baskets.values()):
        if limit is not None and number >= limit:
            return
        yield basket


def _line(row: dict[str, str]) -> tuple[dict[str, Any], int]:
    """A row as an order line, and what the customer pays for it in cents. Raises RefusedLine.

    The price is what the shelf asked: sales value and the store's own discount together. Where it does not divide by the
    quantity, the unit price is rounded up to a cent and the discount takes the difference, so that the total is exact.
    """
    quantity = _whole(row["quantity"])
    value, retail, coupon, match = (
        _cents(row[name]) for name in ("sales_value", "retail_disc", "coupon_disc", "coupon_match_disc")
    )
    if quantity < 1:
        raise RefusedLine("no quantity")
    shelf, paid = value + retail, value - coupon - match
    if shelf <= 0:
        raise RefusedLine("no value")
    if paid < 0:
        raise RefusedLine("discounts beyond the value")
    unit = -(-shelf // quantity)
    line = {
        "sku": row["product_id"],
        "quantity": quantity,
        "unit_price": _money(unit),
        "discount": _money(unit * quantity - paid),
        "tax": _money(0),
    }
    return line, paid


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise RefusedLine("quantity is no whole number") from None


def _cents(text: str) -> int:
    try:
        return int((Decimal(text) * 100).to_integral_exact())
    except InvalidOperation:
        raise RefusedLine("an amount is no number") from None


def _money(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": CURRENCY}
