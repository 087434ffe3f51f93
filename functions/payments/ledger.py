"""The payment ledger of an order as its events leave it: requests, the provider's answers, and what they come to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from kernel.clock import parse_rfc3339
from payments import events as ev

if TYPE_CHECKING:
    from datetime import datetime

    from kernel.events import Event

Status = Literal["none", "authorized", "partially_paid", "paid", "partially_refunded", "refunded", "overcharged", "voided"]
State = Literal["requested", "pending", "succeeded", "failed"]


@dataclass(frozen=True, slots=True)
class Request:
    """Something asked of the provider: `requested` until there is an answer, `pending` while the answer is not final."""

    operation: ev.Operation
    amount: int
    key: str
    payment_id: str
    asked_at: datetime
    token: str | None = None
    final: bool = True
    state: State = "requested"
    code: str | None = None
    reference: str | None = None
    intent: str | None = None
    purpose: ev.Purpose | None = None
    shipment_ids: tuple[str, ...] = ()

    @property
    def open(self) -> bool:
        """Whether nobody knows yet how it ended."""
        return self.state in ("requested", "pending")


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment: what one means of payment was authorised for at once, and what became of it."""

    id: str
    number: int
    method: ev.Method = "card"
    token: str = ""
    tender: int = 0
    replaces: str | None = None
    reference: str | None = None
    authorized: int = 0
    captured: int = 0
    refunded: int = 0
    expires_at: datetime | None = None
    voided: bool = False
    expired: bool = False
    released: bool = False
    """Whether the last capture let go of what it left."""

    @property
    def held(self) -> int:
        """What the provider holds and nobody has captured."""
        return 0 if self.voided or self.expired or self.released else self.authorized - self.captured

    def lapses(self, at: datetime) -> bool:
        """Whether what is held runs out by then."""
        return self.held > 0 and self.expires_at is not None and self.expires_at <= at


@dataclass(frozen=True, slots=True)
class Chargeback:
    """A dispute about a charge."""

    reference: str
    payment_id: str
    amount: int
    reason: str
    stage: Literal["opened", "won", "lost"]


@dataclass(frozen=True, slots=True)
class Ledger:
    """All payments of one order."""

    id: str
    order_id: str
    currency: str
    payments: dict[str, Payment] = field(default_factory=dict)
    requests: dict[str, Request] = field(default_factory=dict)
    chargebacks: dict[str, Chargeback] = field(default_factory=dict)
    closed: bool = False

    @property
    def authorized(self) -> int:
        """What was authorised in all, renewed authorisations counted once: captured, or still held."""
        return sum(p.captured + p.held for p in self.payments.values())

    @property
    def captured(self) -> int:
        """What was captured in all, refunds not taken off."""
        return sum(p.captured for p in self.payments.values())

    @property
    def refunded(self) -> int:
        """What was refunded in all."""
        return sum(p.refunded for p in self.payments.values())

    @property
    def charged_back(self) -> int:
        """What lost disputes took."""
        return sum(c.amount for c in self.chargebacks.values() if c.stage == "lost")

    @property
    def refundable(self) -> int:
        """What may still be refunded."""
        return sum(self.refundable_of(payment) for payment in self.payments.values())

    def open_of(self, operation: ev.Operation) -> list[Request]:
        """The requests of an operation whose end nobody knows, in the order in which they were made."""
        return [r for r in self.requests.values() if r.operation == operation and r.open]

    def of_intent(self, intent: str) -> list[Request]:
        """The parts of an intent, in the order in which they were made."""
        return [r for r in self.requests.values() if r.intent == intent]

    def capturable_of(self, payment: Payment) -> int:
        """What may be captured of a payment: held, and neither asked for already nor about to be let go."""
        if any(r.payment_id == payment.id for r in self.open_of("void")):
            return 0
        return payment.held - self._asked(payment.id, "capture")

    def refundable_of(self, payment: Payment) -> int:
        """What may be refunded of a payment: captured, and neither given back, asked to be, nor disputed."""
        disputed = sum(c.amount for c in self.chargebacks.values() if c.payment_id == payment.id and c.stage != "won")
        return max(0, payment.captured - payment.refunded - self._asked(payment.id, "refund") - disputed)

    def _asked(self, payment_id: str, operation: ev.Operation) -> int:
        return sum(r.amount for r in self.open_of(operation) if r.payment_id == payment_id)

    @property
    def in_capture_order(self) -> list[Payment]:
        """Gift cards first, then cards, each in the order in which they were authorised."""
        return sorted(self.payments.values(), key=lambda p: (p.method != "gift_card", p.number))

    @property
    def status(self) -> Status:
        """Over all payments; derived, never stored."""
        returned = self.refunded + self.charged_back
        if returned:
            return "refunded" if returned >= self.captured else "partially_refunded"
        if self.captured:
            if self.captured > self.authorized:
                return "overcharged"
            return "paid" if self.captured == self.authorized else "partially_paid"
        if self.authorized:
            return "authorized"
        return "voided" if self.closed or any(p.voided for p in self.payments.values()) else "none"


def fold(ledger: Ledger | None, event: Event) -> Ledger:  # noqa: C901  # one case an event
    """The ledger after one more event."""
    data = event.data
    if not isinstance(data, ev.LedgerEvent):
        raise TypeError(f"a payment ledger has no {data.event_type}")
    if ledger is None:
        ledger = Ledger(event.subject, data.order_id, data.currency)
    payment_id = data.payment_id or event.subject
    match data:
        case ev.PaymentRequested():
            return _requested(ledger, payment_id, data, event.time)
        case ev.PaymentPending():
            return _answered(ledger, data.key, "pending", reference=data.reference)
        case ev.PaymentAuthorized():
            known = ledger.payments.get(payment_id) or Payment(payment_id, len(ledger.payments) + 1)
            until = parse_rfc3339(data.expires_at) if data.expires_at else None
            held = replace(known, reference=data.reference, authorized=known.authorized + data.amount, expires_at=until)
            return _with(_answered(ledger, data.key, "succeeded", reference=data.reference), held)
        case ev.PaymentCaptured():
            paid = ledger.payments[payment_id]
            asked = ledger.requests.get(data.key)
            paid = replace(paid, captured=paid.captured + data.amount, released=asked is not None and asked.final)
            return _with(_answered(ledger, data.key, "succeeded"), paid)
        case ev.PaymentRefunded():
            paid = ledger.payments[payment_id]
            done = _answered(ledger, data.key, "succeeded", reference=data.reference)
            return _with(done, replace(paid, refunded=paid.refunded + data.amount))
        case ev.PaymentVoided() if data.amount == 0:
            return replace(ledger, closed=True)
        case ev.PaymentVoided():
            return _with(_answered(ledger, data.key, "succeeded"), replace(ledger.payments[payment_id], voided=True))
        case ev.PaymentExpired():
            return _with(ledger, replace(ledger.payments[payment_id], expired=True))
        case ev.PaymentFailed():
            return _failed(ledger, data)
        case ev.PaymentClosed():
            return replace(ledger, closed=True)
        case ev.PaymentChargeback():
            found = Chargeback(data.reference, payment_id, data.amount, data.reason, data.stage)
            return replace(ledger, chargebacks={**ledger.chargebacks, data.reference: found})
        case ev.PaymentConcluded():
            return ledger
        case _:
            raise ValueError(f"a payment ledger has no {data.event_type}")


def _requested(ledger: Ledger, payment_id: str, data: ev.PaymentRequested, at: datetime) -> Ledger:
    asked = Request(
        data.operation,
        data.amount,
        data.key,
        payment_id,
        at,
        token=data.token,
        final=data.final,
        intent=data.intent,
        purpose=data.purpose,
        shipment_ids=data.shipment_ids,
    )
    ledger = replace(ledger, requests={**ledger.requests, data.key: asked})
    if payment_id in ledger.payments:
        return ledger
    begun = Payment(
        payment_id, len(ledger.payments) + 1, data.method or "card", data.token or "", data.tender or 0, replaces=data.replaces
    )
    return _with(ledger, begun)


def _failed(ledger: Ledger, data: ev.PaymentFailed) -> Ledger:
    asked = ledger.requests.get(data.key)
    if asked is not None and asked.operation == "refund" and asked.state == "succeeded":
        # The bank gave the refund back, after the provider had said that it was made.
        paid = ledger.payments[asked.payment_id]
        ledger = _with(ledger, replace(paid, refunded=paid.refunded - asked.amount))
    return _answered(ledger, data.key, "failed", code=data.code)


def _with(ledger: Ledger, payment: Payment) -> Ledger:
    return replace(ledger, payments={**ledger.payments, payment.id: payment})


def _answered(ledger: Ledger, key: str, state: State, *, code: str | None = None, reference: str | None = None) -> Ledger:
    asked = ledger.requests.get(key)
    if asked is None:
        return ledger
    answered = replace(asked, state=state, code=code, reference=reference or asked.reference)
    return replace(ledger, requests={**ledger.requests, key: answered})
