"""The events of an order that tell what became of units which were to come back. Money is in minor units."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from kernel.contracts import EventData, contract
from kernel.units import Span, Units

_BOARD = ("board", "timeline")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LineUnits(_Part):
    """Units of a line, by their ordinals: spans of first and last, both inclusive."""

    line_id: str
    spans: tuple[Span, ...]

    @property
    def units(self) -> Units:
        """The units."""
        return Units(self.spans)


class ReturnedLine(LineUnits):
    """Units of a line that are to come back, what they cost, and why they come back."""

    sku: str
    node_id: str
    """The node that sent the line, where it goes back to unless somebody says otherwise."""
    line_total: int
    """What the whole line cost after discount, with tax."""
    line_tax: int
    line_quantity: int
    reason: str


class WantedLine(_Part):
    """A line of what the customer gets instead; discount and tax are of the whole line."""

    sku: str
    quantity: int
    unit_price: int
    discount: int = 0
    tax: int = 0


class Exchange(_Part):
    """What the customer gets instead, as an order of its own."""

    lines: tuple[WantedLine, ...]
    shipping: int = 0


@contract(
    "order.return_requested",
    1,
    context="orders",
    trigger="POST /v1/orders/{id}/returns",
    consumers=("returns saga", *_BOARD),
)
class ReturnRequested(EventData):
    """Delivered units are set aside for a return, so that no other return can have them."""

    return_id: str
    currency: str
    lines: tuple[ReturnedLine, ...]
    shipping: int = 0
    """What the order's shipping cost, where all of the order is to come back in this one return; else 0."""
    exchange: Exchange | None = None


@contract("order.return_released", 1, context="orders", trigger="a return was rejected, cancelled or refused", consumers=_BOARD)
class ReturnReleased(EventData):
    """Units of a return count as delivered again: they may be returned another time."""

    return_id: str
    lines: tuple[LineUnits, ...]
    reason: Literal["rejected", "cancelled", "refused"]


@contract("order.returned", 1, context="orders", trigger="units of a return were accepted", consumers=_BOARD)
class UnitsReturned(EventData):
    """Units came back for good; what was paid for them is owed, less the fee."""

    return_id: str
    lines: tuple[LineUnits, ...]


@contract("order.refunded", 1, context="orders", trigger="the money for a return went back", consumers=("finance", *_BOARD))
class UnitsRefunded(EventData):
    """So much went back to the customer for these units, the fee taken off."""

    return_id: str
    lines: tuple[LineUnits, ...]
    amount: int
