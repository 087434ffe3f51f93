"""The payment ledger: a fold of requests and the provider's answers.

A request is recorded before the provider is called, and reserves its amount from the balance; whoever comes while it is
pending completes it under its own key, so that there is one provider call per intent however often it is retried.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from kernel.errors import Conflict
from payments import events as ev

if TYPE_CHECKING:
    from kernel.contracts import EventData
    from kernel.events import Event

Status = Literal["none", "authorized", "partially_paid", "paid", "partially_refunded", "refunded", "overcharged", "voided"]


@dataclass(frozen=True, slots=True)
class Request:
    """Something asked of the provider."""

    operation: ev.Operation
    amount: int
    key: str
    token: str | None = None
    final: bool = True
    state: Literal["pending", "succeeded", "failed"] = "pending"
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment of one order, in minor units of its currency."""

    id: str
    order_id: str
    currency: str
    requests: dict[str, Request] = field(default_factory=dict)
    reference: str | None = None
    authorized: int = 0
    captured: int = 0
    refunded: int = 0
    voided: bool = False

    @property
    def pending(self) -> Request | None:
        """The request whose answer is not known yet; there is at most one at a time."""
        return next((r for r in self.requests.values() if r.state == "pending"), None)

    @property
    def declined(self) -> str | None:
        """The provider's code where it did not authorise."""
        failed = [r for r in self.requests.values() if r.operation == "authorize" and r.state == "failed"]
        return failed[-1].code if failed and self.reference is None else None

    @property
    def status(self) -> Status:
        """Derived, never stored."""
        if self.refunded:
            return "refunded" if self.refunded >= self.captured else "partially_refunded"
        if self.captured:
            if self.captured > self.authorized:
                return "overcharged"
            return "paid" if self.captured >= self.authorized or self._final_capture else "partially_paid"
        if self.voided:
            return "voided"
        return "authorized" if self.authorized else "none"

    @property
    def _final_capture(self) -> bool:
        return any(r.operation == "capture" and r.final and r.state == "succeeded" for r in self.requests.values())


def request(payment: Payment, operation: ev.Operation, amount: int, *, final: bool = True) -> list[EventData]:
    """Ask for an operation. Raises Conflict where another is pending or the balance does not allow it."""
    if payment.pending is not None:
        raise Conflict("payment_pending", "Another operation on this payment is under way.", current_status=payment.status)
    allowed = {
        "authorize": amount > 0 and payment.reference is None and not payment.voided,
        "capture": 0 < amount <= payment.authorized - payment.captured and not payment.voided,
        "refund": 0 < amount <= payment.captured - payment.refunded,
        "void": payment.reference is not None and payment.captured == 0 and not payment.voided,
    }
    if not allowed[operation]:
        raise Conflict("balance_exceeded", f"The payment's balance does not allow this {operation}.", current_status=payment.status)
    tries = sum(1 for r in payment.requests.values() if r.operation == operation)
    key = f"{payment.id}-{operation}-{tries + 1}"
    asked = ev.PaymentRequested(
        order_id=payment.order_id, amount=amount, currency=payment.currency, key=key, operation=operation, final=final
    )
    return [asked]


def first_request(order_id: str, payment_id: str, amount: int, currency: str, token: str) -> ev.PaymentRequested:
    """The request that begins a payment: its authorisation."""
    return ev.PaymentRequested(
        order_id=order_id, amount=amount, currency=currency, key=f"{payment_id}-authorize-1", operation="authorize", token=token
    )


def closed(order_id: str, payment_id: str, currency: str) -> ev.PaymentVoided:
    """The event that closes a payment which never began, so that a late authorisation finds it closed."""
    return ev.PaymentVoided(order_id=order_id, amount=0, currency=currency, key=f"{payment_id}-closed")


def succeed(payment: Payment, key: str, reference: str | None = None) -> list[EventData]:
    """Record that the provider did it. An answer that is known already decides nothing."""
    asked = payment.requests.get(key)
    if asked is None or asked.state == "succeeded":
        return []
    common = {"order_id": payment.order_id, "amount": asked.amount, "currency": payment.currency, "key": key}
    match asked.operation:
        case "authorize":
            if reference is None:
                raise ValueError("an authorisation has the provider's reference")
            return [ev.PaymentAuthorized.model_validate({**common, "reference": reference})]
        case "capture":
            return [ev.PaymentCaptured.model_validate(common)]
        case "refund":
            return [ev.PaymentRefunded.model_validate(common)]
        case "void":
            return [ev.PaymentVoided.model_validate(common)]


def fail(payment: Payment, key: str, code: str) -> list[EventData]:
    """Record that the provider will not do it. An answer that is known already decides nothing."""
    asked = payment.requests.get(key)
    if asked is None or asked.state != "pending":
        return []
    failed = ev.PaymentFailed(
        order_id=payment.order_id, amount=asked.amount, currency=payment.currency, key=key, operation=asked.operation, code=code
    )
    return [failed]


def fold(payment: Payment | None, event: Event) -> Payment:
    """The payment after one more event."""
    data = event.data
    if payment is None:
        if not isinstance(data, ev.PaymentRequested | ev.PaymentVoided):
            raise ValueError("a payment begins with payment.requested, or is closed at once")
        payment = Payment(event.subject, data.order_id, data.currency)
    match data:
        case ev.PaymentRequested():
            asked = Request(data.operation, data.amount, data.key, data.token, data.final)
            return replace(payment, requests={**payment.requests, data.key: asked})
        case ev.PaymentAuthorized():
            done = _answered(payment, data.key, "succeeded")
            return replace(payment, requests=done, reference=data.reference, authorized=payment.authorized + data.amount)
        case ev.PaymentCaptured():
            return replace(payment, requests=_answered(payment, data.key, "succeeded"), captured=payment.captured + data.amount)
        case ev.PaymentRefunded():
            return replace(payment, requests=_answered(payment, data.key, "succeeded"), refunded=payment.refunded + data.amount)
        case ev.PaymentVoided():
            return replace(payment, requests=_answered(payment, data.key, "succeeded"), voided=True)
        case ev.PaymentFailed():
            return replace(payment, requests=_answered(payment, data.key, "failed", data.code))
        case _:
            raise ValueError(f"a payment has no {data.event_type}")


def _answered(payment: Payment, key: str, state: Literal["succeeded", "failed"], code: str | None = None) -> dict[str, Request]:
    asked = payment.requests.get(key)
    if asked is None:
        return payment.requests
    return {**payment.requests, key: replace(asked, state=state, code=code)}
