"""What can be asked of an order, as values that validate themselves."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Literal, Self

import phonenumbers
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from kernel.clock import parse_rfc3339, rfc3339
from kernel.currency import ISO_4217
from orders.events import HoldType, Resolution

MAX_LINES = 500
MAX_AMOUNT = 10**12
"""The largest amount of one field, in minor units; sums of 500 of them stay far inside 64 bits."""
MAX_QUANTITY = 10**6
MAX_PAYMENTS = 10

Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$", max_length=64)]
"""An identifier from outside: letters, digits, dot, underscore, colon, hyphen; at most 64."""
Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""A line of text without control characters."""


def _moment(text: str) -> str:
    """RFC 3339 text in the hub's own form. Raises ValueError for what is no instant of this century."""
    try:
        instant = parse_rfc3339(text)
    except ValueError:
        raise ValueError("not an RFC 3339 time with an offset") from None
    if not datetime(2000, 1, 1, tzinfo=UTC) <= instant <= datetime(2100, 1, 1, tzinfo=UTC):
        raise ValueError("not a time of this century")
    return rfc3339(instant)


Moment = Annotated[str, AfterValidator(_moment)]
"""An instant as RFC 3339 text, in UTC with milliseconds."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Amount(_Strict):
    """Money as integer minor units with an ISO 4217 code."""

    amount: int = Field(strict=True, ge=0, le=MAX_AMOUNT)
    currency: str

    @field_validator("currency")
    @classmethod
    def _known(cls, code: str) -> str:
        if code not in ISO_4217:
            raise ValueError("not an ISO 4217 code")
        return code


def _phone(number: str | None) -> str | None:
    if number is None:
        return None
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        parsed = None
    if parsed is None or not phonenumbers.is_possible_number(parsed):
        raise ValueError("not a phone number in international form, such as +8613800138000")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


class CustomerIn(_Strict):
    """Who orders."""

    id: Word
    name: Text | None = None
    email: (
        Annotated[str, StringConstraints(max_length=254, pattern=r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+\.[A-Za-z0-9-]+$")] | None
    ) = None
    phone: str | None = Field(default=None, max_length=32)

    _e164 = field_validator("phone")(_phone)


class LocationIn(_Strict):
    """Degrees of latitude and longitude, WGS 84."""

    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)


class ShipToIn(_Strict):
    """Where it goes."""

    name: Text
    phone: str | None = Field(default=None, max_length=32)
    line1: Text
    line2: Text | None = None
    city: Text
    region: Text | None = None
    postal_code: Annotated[str, StringConstraints(min_length=1, max_length=16, pattern=r"^[A-Za-z0-9 -]+$")]
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    location: LocationIn | None = None

    _e164 = field_validator("phone")(_phone)


class DeliveryIn(_Strict):
    """How it gets there: shipped (from `node_id`, where one is named), or picked up at `node_id`."""

    method: Literal["ship", "pickup"]
    node_id: Word | None = None

    @model_validator(mode="after")
    def _pickup_has_a_store(self) -> Self:
        if self.method == "pickup" and self.node_id is None:
            raise ValueError("a pickup names its node_id")
        return self


class LineIn(_Strict):
    """A line: unit price before discount; discount and tax of the whole line."""

    sku: Word
    quantity: int = Field(strict=True, ge=1, le=MAX_QUANTITY)
    unit_price: Amount
    discount: Amount
    tax: Amount

    @model_validator(mode="after")
    def _discount_within_price(self) -> Self:
        if self.discount.amount > self.unit_price.amount * self.quantity:
            raise ValueError("the discount is larger than the line")
        return self


class PromisedIn(_Strict):
    """The promise that the customer was given: the day on which everything is there."""

    deliver_on: date


Token = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]+$", max_length=128)]
"""The payment provider's name for a means of payment."""


class PaymentIn(_Strict):
    """What pays: a token of the payment provider."""

    method: Literal["card"]
    token: Token


class PartialPaymentIn(_Strict):
    """One of several means of payment: it pays `amount`, or, without one, what the others leave."""

    method: Literal["card", "gift_card"]
    token: Token
    amount: Amount | None = None


class PlaceOrder(_Strict):
    """A channel's order, as it arrives over HTTP."""

    channel: Word
    external_id: Word
    placed_at: Moment
    currency: str
    customer: CustomerIn
    ship_to: ShipToIn
    delivery: DeliveryIn = DeliveryIn(method="ship")
    lines: Annotated[list[LineIn], Field(min_length=1, max_length=MAX_LINES)]
    shipping: Amount
    payment: PaymentIn | None = None
    payments: Annotated[list[PartialPaymentIn] | None, Field(min_length=1, max_length=MAX_PAYMENTS)] = None
    promise: PromisedIn | None = None
    department: Word | None = None
    tags: Annotated[dict[Word, Text], Field(max_length=20)] = {}

    @field_validator("currency")
    @classmethod
    def _known(cls, code: str) -> str:
        if code not in ISO_4217:
            raise ValueError("not an ISO 4217 code")
        return code

    @model_validator(mode="after")
    def _one_currency(self) -> Self:
        amounts = [self.shipping, *(a for line in self.lines for a in (line.unit_price, line.discount, line.tax))]
        amounts += [part.amount for part in self.payments or [] if part.amount is not None]
        if any(amount.currency != self.currency for amount in amounts):
            raise ValueError("an order has one currency for all its money")
        return self

    @property
    def grand_total(self) -> int:
        """What the order costs, in minor units: lines after discount, tax, shipping."""
        lines = (line.unit_price.amount * line.quantity - line.discount.amount + line.tax.amount for line in self.lines)
        return sum(lines) + self.shipping.amount

    @model_validator(mode="after")
    def _paid_exactly(self) -> Self:
        if (self.payment is None) == (self.payments is None):
            raise ValueError("an order names its payment or its payments, one of the two")
        if self.payments is None:
            return self
        amounts = [part.amount.amount for part in self.payments if part.amount is not None]
        if len(self.payments) - len(amounts) > 1:
            raise ValueError("at most one of the payments has no amount")
        if 0 in amounts:
            raise ValueError("a payment of nothing is none")
        left = self.grand_total - sum(amounts)
        if left < 0 or (left > 0 and len(amounts) == len(self.payments)):
            raise ValueError("the payments do not add up to what the order costs")
        if left == 0 and amounts and len(amounts) < len(self.payments):
            raise ValueError("the payments leave nothing for the one without an amount")
        return self


class LineChange(_Strict):
    """How many units of a line the customer wants now; none for a line that shall go."""

    line_id: Word
    quantity: int = Field(strict=True, ge=0, le=MAX_QUANTITY)


class EditOrder(_Strict):
    """What shall be different about an order: lines added, quantities changed, another recipient, another delivery."""

    add: Annotated[list[LineIn], Field(max_length=MAX_LINES)] = []
    change: Annotated[list[LineChange], Field(max_length=MAX_LINES)] = []
    ship_to: ShipToIn | None = None
    delivery: DeliveryIn | None = None


class LineCancel(_Strict):
    """So many units of a line that nobody wants any more."""

    line_id: Word
    quantity: int = Field(strict=True, ge=1, le=MAX_QUANTITY)


class CancelOrder(_Strict):
    """Undo an order or, with lines, so much of it, and why."""

    reason: Text
    lines: Annotated[list[LineCancel], Field(min_length=1, max_length=MAX_LINES)] | None = None


class PlaceHold(_Strict):
    """Stop an order: what kind of hold, about which line if about one, and why.

    Where nobody decides before `expires_at`, the hold ends as `on_expiry` says, and unless it says otherwise, rejected.
    """

    type: HoldType
    reason: Text
    line_id: Word | None = None
    expires_at: Moment | None = None
    on_expiry: Resolution | None = None

    @model_validator(mode="after")
    def _an_outcome_needs_an_expiry(self) -> Self:
        if self.on_expiry is not None and self.expires_at is None:
            raise ValueError("on_expiry is for a hold that expires")
        return self


class ResolveHold(_Strict):
    """Release or reject a hold, and why."""

    reason: Text


def clear_fields(ship_to: ShipToIn, customer: CustomerIn | None = None) -> dict[str, str]:
    """The personal data of a request by its place in the order, as the vault keeps it; absent fields left out."""
    address = ship_to.model_dump_json(include={"line1", "line2", "city", "region", "postal_code", "country", "location"})
    fields = {
        "customer.name": customer.name if customer else None,
        "customer.email": customer.email if customer else None,
        "customer.phone": customer.phone if customer else None,
        "ship_to.name": ship_to.name,
        "ship_to.phone": ship_to.phone,
        "ship_to.address": address,
    }
    return {name: value for name, value in fields.items() if value is not None}
