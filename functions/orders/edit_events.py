"""The events of edits: an order changed after it was placed, and before its warehouses got it. Money is in minor units."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from kernel.contracts import EventData, contract
from orders.events import Delivery, Line, ShipTo

_BOARD = ("board", "timeline")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LineEdit(_Part):
    """A line before and after: without `before` it was added, without `after` it is gone. `cancelled` units count in neither."""

    line_id: str
    before: Line | None = None
    after: Line | None = None


class Totals(_Part):
    """What an order costs as a whole: items before discount, and grand = items − discount + tax + shipping."""

    items: int
    discount: int
    tax: int
    shipping: int
    grand: int


class _Edited(EventData):
    lines: tuple[LineEdit, ...] = ()
    ship_to: ShipTo | None = None
    delivery: Delivery | None = None
    vault_entry: str | None = None
    """Where the vault keeps the new recipient, under the order's own id."""
    totals_before: Totals
    totals_after: Totals
    payment_delta: int
    """What has to be paid more, or, where it is negative, less."""


@contract("order.edit_previewed", 1, context="orders", trigger="POST /v1/orders/{id}/edits", consumers=("timeline",))
class EditPreviewed(_Edited):
    """Somebody looked at what an edit would change; nothing has changed. `order_version` is what it was computed on."""

    order_id: str
    order_version: int
    currency: str


@contract(
    "order.edited",
    1,
    context="orders",
    trigger="POST /v1/orders/{id}/edits/{edit_id}/commit",
    consumers=("fulfilment saga", *_BOARD),
)
class OrderEdited(_Edited):
    """The order is another one from here on; stock and payment follow, and where they cannot, the edit is undone."""

    edit_id: str


@contract(
    "order.edit_undone", 1, context="orders", trigger="the stock or the money that an edit asks for cannot be had", consumers=_BOARD
)
class OrderEditUndone(EventData):
    """The order is as it was before the edit: `code` is stable, `reason` a sentence."""

    edit_id: str
    code: str
    reason: str
