"""An order's payments as people see them: balances of each, and every entry of the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel

from kernel.clock import rfc3339
from orders.shapes import PaymentStatus
from payments import events as ev

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.event_store import Commit
    from payments.ledger import Ledger

State = Literal["requested", "pending", "succeeded", "failed", "expired", "closed", "concluded", "opened", "won", "lost"]


class PaymentOut(BaseModel):
    """One payment: what one means of payment was authorised for at once. Amounts in minor units of the order's currency."""

    payment_id: str
    number: int
    method: str
    reference: str | None
    authorized: int
    held: int
    captured: int
    refunded: int
    refundable: int
    expires_at: str | None
    state: Literal["awaited", "declined", "held", "captured", "voided", "expired"]
    replaces: str | None


class ChargebackOut(BaseModel):
    """A dispute about a charge."""

    reference: str
    payment_id: str
    amount: int
    reason: str
    stage: Literal["opened", "won", "lost"]


class LedgerEntry(BaseModel):
    """One entry: what was asked for or answered, by whom, under which key, with the provider's reference."""

    sequence: int
    time: str
    operation: str
    state: State
    amount: int
    payment_id: str
    key: str
    intent: str | None
    purpose: str | None
    reference: str | None
    code: str | None
    actor: dict[str, str]


class PaymentsOut(BaseModel):
    """All payments of an order. Amounts in minor units of its currency."""

    order_id: str
    currency: str
    payment_status: PaymentStatus
    authorized: int
    captured: int
    refunded: int
    refundable: int
    charged_back: int
    payments: list[PaymentOut]
    chargebacks: list[ChargebackOut]
    entries: list[LedgerEntry]


def payments_out(ledger: Ledger, commits: Sequence[Commit]) -> PaymentsOut:
    """A ledger and the commits that it is the fold of, as people see them. Tokens stay inside."""
    return PaymentsOut(
        order_id=ledger.order_id,
        currency=ledger.currency,
        payment_status=ledger.status,
        authorized=ledger.authorized,
        captured=ledger.captured,
        refunded=ledger.refunded,
        refundable=ledger.refundable,
        charged_back=ledger.charged_back,
        payments=[_payment(ledger, payment_id) for payment_id in ledger.payments],
        chargebacks=[
            ChargebackOut(reference=c.reference, payment_id=c.payment_id, amount=c.amount, reason=c.reason, stage=c.stage)
            for c in ledger.chargebacks.values()
        ],
        entries=_entries(ledger, commits),
    )


def _payment(ledger: Ledger, payment_id: str) -> PaymentOut:
    payment = ledger.payments[payment_id]
    asked = next((r for r in ledger.requests.values() if (r.payment_id, r.operation) == (payment_id, "authorize")), None)
    state: Literal["awaited", "declined", "held", "captured", "voided", "expired"]
    if payment.reference is None:
        state = "declined" if asked is not None and asked.state == "failed" else "awaited"
    elif payment.captured:
        state = "captured"
    else:
        state = "voided" if payment.voided else "expired" if payment.expired else "held"
    return PaymentOut(
        payment_id=payment.id,
        number=payment.number,
        method=payment.method,
        reference=payment.reference,
        authorized=payment.authorized,
        held=payment.held,
        captured=payment.captured,
        refunded=payment.refunded,
        refundable=ledger.refundable_of(payment),
        expires_at=rfc3339(payment.expires_at) if payment.expires_at else None,
        state=state,
        replaces=payment.replaces,
    )


_STATES: dict[str, tuple[str, State]] = {
    "payment.authorized": ("authorize", "succeeded"),
    "payment.captured": ("capture", "succeeded"),
    "payment.refunded": ("refund", "succeeded"),
    "payment.voided": ("void", "succeeded"),
    "payment.expired": ("authorize", "expired"),
    "payment.closed": ("close", "closed"),
    "payment.concluded": ("authorize", "concluded"),
}


def _entries(ledger: Ledger, commits: Sequence[Commit]) -> list[LedgerEntry]:
    found: list[LedgerEntry] = []
    for commit in commits:
        for event in commit.events:
            data = event.data
            if not isinstance(data, ev.LedgerEvent):
                continue
            operation, state = _state_of(data, event.type)
            found.append(
                LedgerEntry(
                    sequence=event.sequence,
                    time=rfc3339(event.time),
                    operation=operation,
                    state=state,
                    amount=data.amount,
                    payment_id=data.payment_id or ledger.id,
                    key=data.key,
                    intent=data.intent,
                    purpose=data.purpose,
                    reference=getattr(data, "reference", None),
                    code=getattr(data, "code", None),
                    actor={"kind": event.cause.actor.kind, "id": event.cause.actor.id},
                )
            )
    return found


def _state_of(data: ev.LedgerEvent, type_: str) -> tuple[str, State]:
    match data:
        case ev.PaymentRequested():
            return data.operation, "requested"
        case ev.PaymentPending():
            return data.operation, "pending"
        case ev.PaymentFailed():
            return data.operation, "failed"
        case ev.PaymentChargeback():
            return "chargeback", data.stage
        case _:
            return _STATES[type_]
