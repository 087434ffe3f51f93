"""Stripe's webhook events, read as reports (docs.stripe.com/api/events/types)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from payments.reports import Captured, Disputed, Report, Stands
from payments.stripe_provider import expiry_of, refund_report

if TYPE_CHECKING:
    from collections.abc import Callable

    from payments.provider import PaymentProvider

Content = dict[str, Any]
"""An object of Stripe's, as it is on the wire."""
_INTENT: dict[str, Literal["held", "pending", "failed", "canceled"]] = {
    "requires_capture": "held",
    "succeeded": "held",
    "processing": "pending",
    "requires_action": "pending",
    "requires_confirmation": "pending",
    "requires_payment_method": "failed",
    "canceled": "canceled",
}
"""What an intent's status says of its authorisation (docs.stripe.com/payments/paymentintents/lifecycle)."""


@dataclass(frozen=True, slots=True)
class Told:
    """What an event tells, and of which order."""

    order_id: str
    reports: list[Report]


def told_by(event: Content, provider: PaymentProvider) -> Told | None:
    """What an event tells; None for one that the hub does not need, or that is about nothing of the hub's.

    Refunds and disputes that somebody made in Stripe's dashboard carry no label of ours: the payment intent that they are of
    does, and is asked for. Raises ProviderRefused, ProviderUnavailable.
    """
    read = _READERS.get(str(event["type"]))
    if read is None:
        return None
    content: Content = event["data"]["object"]
    labels = content.get("metadata") or {}
    if "payment_id" not in labels:
        found = provider.entry(str(content.get("payment_intent") or content["id"]))
        if found is None or found.labels is None:
            return None
        labels = {**labels, "order_id": found.labels.order_id, "payment_id": found.labels.payment_id}
    reports = read(content, str(labels["payment_id"]), provider)
    return Told(str(labels.get("order_id", "")), reports)


def _intent(content: Content, payment_id: str, _: PaymentProvider) -> list[Report]:
    how = _INTENT.get(str(content["status"]), "pending")
    code = str((content.get("last_payment_error") or {}).get("code") or content.get("cancellation_reason") or "payment_failed")
    # Stripe cancels by itself what was not captured in time, and says so (`cancellation_reason` of the payment intent).
    lapsed = how == "canceled" and content.get("cancellation_reason") == "automatic"
    held_until = expiry_of(content)
    stands = Stands(payment_id, str(content["id"]), "expired" if lapsed else how, held_until, code)
    captured = int(content.get("amount_received") or 0)
    return [stands, Captured(payment_id, captured)] if captured else [stands]


def _charge_captured(content: Content, payment_id: str, _: PaymentProvider) -> list[Report]:
    return [Captured(payment_id, int(content["amount_captured"]))]


def _charge_expired(content: Content, payment_id: str, _: PaymentProvider) -> list[Report]:
    return [Stands(payment_id, str(content["payment_intent"]), "expired")]


def _charge_refunded(content: Content, payment_id: str, provider: PaymentProvider) -> list[Report]:
    # A charge only says what its refunds come to: which they are is asked for.
    return list(provider.refunds_of(str(content["payment_intent"]), payment_id))


def _refund(content: Content, payment_id: str, _: PaymentProvider) -> list[Report]:
    return [refund_report(content, payment_id)]


def _dispute(content: Content, payment_id: str, _: PaymentProvider) -> list[Report]:
    stages: dict[str, Literal["opened", "won", "lost"]] = {"won": "won", "lost": "lost", "warning_closed": "won"}
    stage = stages.get(str(content["status"]), "opened")
    return [Disputed(payment_id, str(content["id"]), int(content["amount"]), str(content.get("reason") or "general"), stage)]


_READERS: dict[str, Callable[[Content, str, PaymentProvider], list[Report]]] = {
    "payment_intent.amount_capturable_updated": _intent,
    "payment_intent.succeeded": _intent,
    "payment_intent.processing": _intent,
    "payment_intent.requires_action": _intent,
    "payment_intent.payment_failed": _intent,
    "payment_intent.canceled": _intent,
    "charge.captured": _charge_captured,
    "charge.expired": _charge_expired,
    "charge.refunded": _charge_refunded,
    "charge.refund.updated": _refund,
    "refund.created": _refund,
    "refund.updated": _refund,
    "refund.failed": _refund,
    "charge.dispute.created": _dispute,
    "charge.dispute.closed": _dispute,
}
