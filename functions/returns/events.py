"""The events of a return (RMA). Money is in minor units of the order's currency; units are ordinals of a line's units."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from kernel.contracts import EventData, contract
from kernel.units import Span, Units

_LISTENERS = ("returns saga", "webhooks")
Outcome = Literal["restock", "scrap", "refuse"]
"""What inspection finds: good to sell again; kept and not sold again; not taken, and sent back to the customer."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ReturnLine(_Part):
    """Units of an order's line, what the whole line cost after discount with tax, and why they come back."""

    line_id: str
    sku: str
    node_id: str
    spans: tuple[Span, ...]
    line_total: int
    line_tax: int
    line_quantity: int
    reason: str

    @property
    def units(self) -> Units:
        """The units."""
        return Units(self.spans)


class Inspected(_Part):
    """Units of a line and what was found."""

    line_id: str
    outcome: Outcome
    spans: tuple[Span, ...]

    @property
    def units(self) -> Units:
        """The units."""
        return Units(self.spans)


class RefundPart(_Part):
    """What goes back for the accepted units of a line: what was paid, the tax in it, and the fee that is kept."""

    line_id: str
    sku: str
    quantity: int
    amount: int
    tax: int
    fee: int


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


class _OfOrder(EventData):
    order_id: str


@contract("return.requested", 1, context="returns", trigger="POST /v1/orders/{id}/returns", consumers=("webhooks",))
class ReturnRequested(_OfOrder):
    """A customer wants to send units back; the order has set them aside."""

    currency: str
    lines: tuple[ReturnLine, ...]
    shipping: int = 0
    """What the order's shipping cost, where all of the order is to come back in this one return; else 0."""
    exchange: Exchange | None = None


@contract("return.approved", 1, context="returns", trigger="POST /v1/returns/{id}/approve", consumers=("webhooks",))
class ReturnApproved(_OfOrder):
    """The customer may send them."""


@contract("return.rejected", 1, context="returns", trigger="POST /v1/returns/{id}/reject, or inspection", consumers=_LISTENERS)
class ReturnRejected(_OfOrder):
    """Nothing is taken back; the units count as delivered again."""

    reason: str


@contract("return.cancelled", 1, context="returns", trigger="POST /v1/returns/{id}/cancel", consumers=_LISTENERS)
class ReturnCancelled(_OfOrder):
    """The customer keeps them; the units count as delivered again."""

    reason: str


@contract("return.received", 1, context="returns", trigger="POST /v1/returns/{id}/receive", consumers=("webhooks",))
class ReturnReceived(_OfOrder):
    """The parcel is at a node; None is the node that sent each line."""

    node_id: str | None = None


@contract("return.inspected", 1, context="returns", trigger="POST /v1/returns/{id}/inspect", consumers=_LISTENERS)
class ReturnInspected(_OfOrder):
    """Every unit was looked at."""

    lines: tuple[Inspected, ...]


@contract("return.refund_requested", 1, context="returns", trigger="POST /v1/returns/{id}/refund", consumers=_LISTENERS)
class RefundRequested(_OfOrder):
    """So much is to go back to the customer, fee taken off; before inspection, all units are accepted by it."""

    amount: int
    currency: str
    parts: tuple[RefundPart, ...]
    shipping: int = 0


@contract(
    "return.refunded", 1, context="returns", trigger="the payment provider gave the money back", consumers=("finance", "webhooks")
)
class ReturnRefunded(_OfOrder):
    """So much went back to the customer."""

    amount: int
    currency: str


@contract("return.exchanged", 1, context="returns", trigger="the order for the exchange was placed", consumers=("webhooks",))
class ReturnExchanged(_OfOrder):
    """What the customer gets instead is an order of its own."""

    exchange_order_id: str
