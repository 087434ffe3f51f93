"""The events of a payment. Amounts are minor units of the payment's currency."""

from __future__ import annotations

from typing import Literal

from kernel.contracts import EventData, contract

Operation = Literal["authorize", "capture", "refund", "void"]
_BOARD = ("board", "timeline")


class _OfOrder(EventData):
    order_id: str
    amount: int
    currency: str
    key: str
    """The idempotency key that the provider gets, one for every intent."""


@contract("payment.requested", 1, context="payments", trigger="a saga is about to call the provider", consumers=_BOARD)
class PaymentRequested(_OfOrder):
    """The hub is going to ask the provider for this; the amount is reserved from here on."""

    operation: Operation
    token: str | None = None
    final: bool = True


@contract("payment.authorized", 1, context="payments", trigger="the provider authorised", consumers=_BOARD)
class PaymentAuthorized(_OfOrder):
    """The provider holds the amount under its reference."""

    reference: str


@contract("payment.captured", 1, context="payments", trigger="the provider captured", consumers=("finance", *_BOARD))
class PaymentCaptured(_OfOrder):
    """So much was captured by this request."""


@contract("payment.refunded", 1, context="payments", trigger="the provider refunded", consumers=("finance", *_BOARD))
class PaymentRefunded(_OfOrder):
    """So much was given back by this request."""


@contract("payment.voided", 1, context="payments", trigger="the provider voided", consumers=_BOARD)
class PaymentVoided(_OfOrder):
    """The authorisation is gone; an amount of 0 closes a payment before any authorisation."""


@contract("payment.failed", 1, context="payments", trigger="the provider declined or refused", consumers=_BOARD)
class PaymentFailed(_OfOrder):
    """The provider will not do it; `code` is the provider's own."""

    operation: Operation
    code: str
