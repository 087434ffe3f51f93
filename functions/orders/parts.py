"""What the events of an order are made of. Money is in minor units of the order's currency; personal data is masked."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Line(_Part):
    """A line as it was sold; discount and tax are of the whole line."""

    line_id: str
    sku: str
    quantity: int
    unit_price: int
    discount: int
    tax: int


class LineQuantity(_Part):
    """So many units of a line."""

    line_id: str
    quantity: int


class Customer(_Part):
    """Who ordered: their id in the clear, the rest masked; `vault_entry` of the order says where the clear is.

    `phone_country` is the country (ISO 3166-1 alpha-2) whose numbering plan the phone number belongs to.
    """

    id: str
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    phone_country: str | None = None


class Location(_Part):
    """Degrees, rounded to a tenth (some 11 km): near enough to source by, too coarse to find a door."""

    lat: float
    lon: float


class ShipTo(_Part):
    """Where it goes, as coarse as sourcing and screening need it."""

    name: str
    phone: str | None = None
    city: str
    region: str | None = None
    postal_code: str
    country: str
    location: Location | None = None


class Delivery(_Part):
    """How it gets there. `node_id` is the store of a pickup, or the node that a shipment has to come from."""

    method: Literal["ship", "pickup"]
    node_id: str | None = None


class PaymentMethod(_Part):
    """What pays: the provider's token stands for the card, so that the hub never knows its number.

    With an amount it pays that much, else whatever the others leave.
    """

    method: Literal["card", "gift_card"]
    token: str
    amount: int | None = None


class Allocation(_Part):
    """Units of a line that a node holds for the order."""

    line_id: str
    node_id: str
    quantity: int


HoldType = Literal["fraud", "compliance", "deposit", "payment", "address", "credit", "manual", "ai"]
Resolution = Literal["released", "rejected"]
Stage = Literal["received", "confirmed", "allocated", "released", "shipped", "delivered"]


class RuleReference(_Part):
    """The screening rule that placed a hold, and the version of the rule set that it was in."""

    id: str
    version: int


class PlannedShipment(_Part):
    """What one node sends."""

    shipment_id: str
    node_id: str
    lines: tuple[LineQuantity, ...]


class RecalledShipment(_Part):
    """A shipment that its node will not send."""

    shipment_id: str
    node_id: str
