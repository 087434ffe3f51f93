"""What the payment provider reports by itself, in the hub's terms, and what an order's ledger makes of it.

Reports come twice, late and out of order. So each says how things stand, never what changed, and what the ledger knows
already decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from payments import domain
from payments import events as ev

if TYPE_CHECKING:
    from datetime import datetime

    from kernel.contracts import EventData
    from payments.ledger import Ledger, Payment, Request


@dataclass(frozen=True, slots=True)
class Stands:
    """How an authorisation stands: `code` says why, where it failed or is gone."""

    payment_id: str
    reference: str
    how: Literal["held", "pending", "failed", "canceled", "expired"]
    expires_at: datetime | None = None
    code: str = ""


@dataclass(frozen=True, slots=True)
class Captured:
    """What was captured of a payment in all, in minor units."""

    payment_id: str
    total: int


@dataclass(frozen=True, slots=True)
class Returned:
    """How a refund stands; `key` is the hub's own, or None for a refund that somebody made with the provider."""

    payment_id: str
    reference: str
    amount: int
    how: Literal["succeeded", "pending", "failed"]
    key: str | None = None
    code: str = ""


@dataclass(frozen=True, slots=True)
class Disputed:
    """How a dispute stands."""

    payment_id: str
    reference: str
    amount: int
    reason: str
    stage: Literal["opened", "won", "lost"]


Report = Stands | Captured | Returned | Disputed


def record(ledger: Ledger, report: Report) -> list[EventData]:
    """What the ledger did not know yet. A payment that it never began says nothing to it: reconciliation finds that."""
    payment = ledger.payments.get(report.payment_id)
    if payment is None:
        return []
    match report:
        case Stands():
            return _stands(ledger, payment, report)
        case Captured():
            return _captured(ledger, payment, report.total)
        case Returned():
            return _returned(ledger, payment, report)
        case Disputed():
            return _disputed(ledger, payment, report)


def _stands(ledger: Ledger, payment: Payment, report: Stands) -> list[EventData]:
    asked = next(r for r in ledger.requests.values() if r.payment_id == payment.id and r.operation == "authorize")
    match report.how:
        case "held":
            return domain.succeed(ledger, asked.key, report.reference, report.expires_at)
        case "pending":
            return domain.wait(ledger, asked.key, report.reference)
        case "failed":
            return domain.fail(ledger, asked.key, report.code)
        case "canceled" | "expired":
            return _gone(ledger, payment, asked, report)


def _gone(ledger: Ledger, payment: Payment, asked: Request, report: Stands) -> list[EventData]:
    if asked.open:
        return domain.fail(ledger, asked.key, report.code or report.how)
    if report.how == "expired":
        return domain.expire(ledger, payment.id)
    void = next((r for r in ledger.open_of("void") if r.payment_id == payment.id), None)
    if void is not None:
        return domain.succeed(ledger, void.key)
    if payment.held <= 0:
        return []
    common = _common(ledger, payment, f"{payment.id}-voided-by-provider", payment.held)
    return [ev.PaymentVoided.model_validate(common)]


def _captured(ledger: Ledger, payment: Payment, total: int) -> list[EventData]:
    decided: list[EventData] = []
    missing = total - payment.captured
    for asked in ledger.open_of("capture"):
        if asked.payment_id == payment.id and asked.amount <= missing:
            missing -= asked.amount
            decided += domain.succeed(ledger, asked.key)
    if missing > 0:
        common = _common(ledger, payment, f"{payment.id}-captured-by-provider-{total}", missing)
        decided.append(ev.PaymentCaptured.model_validate(common))
    return decided


def _returned(ledger: Ledger, payment: Payment, report: Returned) -> list[EventData]:
    key = report.key or report.reference
    asked = ledger.requests.get(key)
    if asked is None:
        if report.how == "failed":
            return []
        common = _common(ledger, payment, key, report.amount)
        begun = ev.PaymentRequested.model_validate({**common, "operation": "refund"})
        if report.how == "pending":
            return [begun, ev.PaymentPending.model_validate({**common, "operation": "refund", "reference": report.reference})]
        return [begun, ev.PaymentRefunded.model_validate({**common, "reference": report.reference})]
    match report.how:
        case "succeeded":
            return domain.succeed(ledger, key, report.reference)
        case "pending":
            return domain.wait(ledger, key, report.reference)
        case "failed":
            return domain.fail_refund(ledger, key, report.code or "refund_failed")


def _disputed(ledger: Ledger, payment: Payment, report: Disputed) -> list[EventData]:
    known = ledger.chargebacks.get(report.reference)
    if known is not None and report.stage in (known.stage, "opened"):
        return []
    common = _common(ledger, payment, f"{report.reference}-{report.stage}", report.amount)
    told = {**common, "stage": report.stage, "reference": report.reference, "reason": report.reason}
    return [ev.PaymentChargeback.model_validate(told)]


def _common(ledger: Ledger, payment: Payment, key: str, amount: int) -> dict[str, object]:
    return {
        "order_id": ledger.order_id,
        "amount": amount,
        "currency": ledger.currency,
        "key": key,
        "payment_id": payment.id,
        "purpose": "provider",
    }
