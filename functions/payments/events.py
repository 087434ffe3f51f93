"""The events of an order's payment ledger. Amounts are minor units of the order's currency.

All payments of an order are in one stream. `payment_id` says which of them an event is about; an event without one, from
before an order could have several, is about the first, whose id the stream has.
"""

from __future__ import annotations

from typing import Literal

from kernel.contracts import EventData, contract

Operation = Literal["authorize", "capture", "refund", "void"]
Method = Literal["card", "gift_card"]
Purpose = Literal["sale", "edit", "renewal", "shipment", "release", "refund", "goodwill", "cancellation", "provider"]
"""What a movement of money is for: `release` lets go of what will not be captured, `provider` began with the provider."""
_BOARD = ("board", "timeline")


class LedgerEvent(EventData):
    """What all events of a ledger say."""

    order_id: str
    amount: int
    currency: str
    key: str
    """The idempotency key that the provider gets, one for every part of an intent."""
    payment_id: str | None = None
    intent: str | None = None
    """What the caller asked for under one name, such as one refund; it may have parts in several payments."""
    purpose: Purpose | None = None
    shipment_ids: tuple[str, ...] = ()
    """The shipments that a capture is for, where they are known."""


@contract("payment.requested", 1, context="payments", trigger="the hub is about to call the provider", consumers=_BOARD)
class PaymentRequested(LedgerEvent):
    """The hub is going to ask the provider for this; the amount is reserved from here on."""

    operation: Operation
    token: str | None = None
    final: bool = True
    method: Method | None = None
    tender: int | None = None
    """Which of the order's means of payment this authorisation is of, from 0 in the order of their use."""
    replaces: str | None = None
    """The payment whose authorisation ran out, or is about to, and is renewed by this one."""
    reason: str | None = None


@contract(
    "payment.pending", 1, context="payments", trigger="the provider's answer is not final", since="2026-11-24", consumers=_BOARD
)
class PaymentPending(LedgerEvent):
    """The provider has it under its reference and will say later how it ended."""

    operation: Operation
    reference: str


@contract("payment.authorized", 1, context="payments", trigger="the provider authorised", consumers=_BOARD)
class PaymentAuthorized(LedgerEvent):
    """The provider holds the amount under its reference, until `expires_at` where that is known."""

    reference: str
    expires_at: str | None = None


@contract(
    "payment.concluded",
    1,
    context="payments",
    trigger="an authorisation that was pending, or came too late, has its answer",
    since="2026-11-24",
    consumers=("fulfilment saga", *_BOARD),
)
class PaymentConcluded(LedgerEvent):
    """What an order waited for, or no longer counted on, is known: the order goes on, ends, or gives the money back."""

    outcome: Literal["authorized", "failed"]


@contract("payment.captured", 1, context="payments", trigger="the provider captured", consumers=("invoicing", "finance", *_BOARD))
class PaymentCaptured(LedgerEvent):
    """So much was captured by this request."""


@contract(
    "payment.refunded",
    1,
    context="payments",
    trigger="the provider refunded",
    consumers=("returns saga", "invoicing", "finance", *_BOARD),
)
class PaymentRefunded(LedgerEvent):
    """So much was given back by this request."""

    reference: str | None = None


@contract("payment.voided", 1, context="payments", trigger="the provider voided", consumers=_BOARD)
class PaymentVoided(LedgerEvent):
    """The authorisation is gone. An amount of 0 closed a payment before any authorisation, before payment.closed did."""


@contract("payment.expired", 1, context="payments", trigger="an authorisation ran out", since="2026-11-24", consumers=_BOARD)
class PaymentExpired(LedgerEvent):
    """The provider holds the amount no longer: nobody captured it in time."""


@contract("payment.failed", 1, context="payments", trigger="the provider declined or refused", consumers=_BOARD)
class PaymentFailed(LedgerEvent):
    """The provider will not do it; `code` is the provider's own, or `not_asked` where a part before it failed."""

    operation: Operation
    code: str


@contract(
    "payment.closed", 1, context="payments", trigger="the order is over before it was paid", since="2026-11-24", consumers=_BOARD
)
class PaymentClosed(LedgerEvent):
    """Nothing is authorised or captured for the order any more; what still arrives goes back."""


@contract(
    "payment.chargeback",
    1,
    context="payments",
    trigger="the customer disputed a charge, or the dispute ended",
    since="2026-11-24",
    consumers=("finance", *_BOARD),
)
class PaymentChargeback(LedgerEvent):
    """A dispute: while it is open the amount is not refunded; lost, the money is gone; won, it is there again."""

    stage: Literal["opened", "won", "lost"]
    reference: str
    reason: str
