"""What the payment ledger decides: how targets and refunds are split over an order's payments, and what answers mean.

A request is recorded before the provider is called, and reserves its amount from the balance. Its key is the provider's
idempotency key, so that there is one effect for every part of an intent however often it is asked for.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel.clock import rfc3339
from kernel.errors import Conflict, Invalid
from kernel.ids import derived_id
from payments import events as ev
from payments.ledger import Ledger, Payment, Request, fold

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from kernel.contracts import EventData

__all__ = ["Ledger", "Payment", "Request", "fold"]
NOT_ASKED = "not_asked"
"""The code of a part that the provider was never asked for, because one before it failed."""


@dataclass(frozen=True, slots=True)
class Tender:
    """A means of payment that the customer gave: up to `amount` of it, or whatever the others leave."""

    method: ev.Method
    token: str
    amount: int | None = None


def payment_id_of(order_id: str, number: int = 1) -> str:
    """The id of an order's nth payment; the ledger has that of the first."""
    return derived_id("pay", order_id, str(number))


def nothing_yet(order_id: str, currency: str) -> Ledger:
    """The ledger of an order for which nothing was asked yet."""
    return Ledger(payment_id_of(order_id), order_id, currency)


# --- asking ----------------------------------------------------------------------------------------------------


def authorize(ledger: Ledger, target: int, tenders: Sequence[Tender], intent: str, purpose: ev.Purpose) -> list[EventData]:
    """Ask for what is missing until `target` is authorised or captured in all.

    Gift cards come first. What a target asks for beyond the amounts of the tenders is for the one without an amount,
    else for the last. Decides nothing while an authorisation is unanswered, once the ledger is closed, where the intent was
    declined before, and where nothing is missing.
    """
    if ledger.closed or ledger.open_of("authorize") or declined(ledger, intent):
        return []
    missing = target - ledger.authorized
    number = len(ledger.payments)
    asked: list[EventData] = []
    for place, wanted in _shares(target, tenders):
        covered = sum(p.captured + p.held for p in ledger.payments.values() if p.tender == place)
        part = min(missing, wanted - covered)
        if part <= 0:
            continue
        missing -= part
        number += 1
        payment_id = payment_id_of(ledger.order_id, number)
        asked.append(_begin(ledger, payment_id, tenders[place], place, part, intent, purpose))
    return asked


def _shares(target: int, tenders: Sequence[Tender]) -> list[tuple[int, int]]:
    """How much of the target each tender is to bear, in the order of their use."""
    order = sorted(range(len(tenders)), key=lambda place: (tenders[place].method != "gift_card", place))
    rest = next((place for place in order if tenders[place].amount is None), order[-1])
    left, shares = target, dict.fromkeys(order, 0)
    for place in order:
        shares[place] = min(left, tenders[place].amount or 0)
        left -= shares[place]
    shares[rest] += left
    return list(shares.items())


def _begin(
    ledger: Ledger,
    payment_id: str,
    tender: Tender,
    place: int,
    amount: int,
    intent: str,
    purpose: ev.Purpose,
    replaces: str | None = None,
) -> ev.PaymentRequested:
    return ev.PaymentRequested(
        order_id=ledger.order_id,
        amount=amount,
        currency=ledger.currency,
        key=f"{payment_id}-authorize-1",
        payment_id=payment_id,
        intent=intent,
        purpose=purpose,
        operation="authorize",
        token=tender.token,
        method=tender.method,
        tender=place,
        replaces=replaces,
    )


def declined(ledger: Ledger, intent: str) -> str | None:
    """The provider's code, where it declined what this intent asked for."""
    failed = [r for r in ledger.of_intent(intent) if r.operation == "authorize" and r.state == "failed" and r.code != NOT_ASKED]
    return failed[-1].code if failed else None


def renew(ledger: Ledger, payment_id: str, intent: str) -> list[EventData]:
    """Ask for what a payment holds, or held until it expired, once more under a new key."""
    old = ledger.payments[payment_id]
    amount = old.authorized - old.captured
    if ledger.closed or amount <= 0 or old.voided or old.released or ledger.open_of("authorize") or declined(ledger, intent):
        return []
    if any(p.replaces == payment_id and (p.held or p.captured) for p in ledger.payments.values()):
        return []
    payment = payment_id_of(ledger.order_id, len(ledger.payments) + 1)
    tender = Tender(old.method, old.token)
    return [_begin(ledger, payment, tender, old.tender, amount, intent, "renewal", replaces=payment_id)]


def capture(ledger: Ledger, target: int, *, final: bool, shipment_ids: Sequence[str]) -> list[EventData]:
    """Ask for what is missing until `target` is captured in all, of gift cards first; `final` lets go of the rest.

    Decides nothing while a capture is unanswered, and where nothing is missing. Raises Conflict where less is held, or the
    ledger is closed.
    """
    missing = target - ledger.captured
    if missing <= 0 or ledger.open_of("capture"):
        return []
    told = {shipment for r in ledger.requests.values() if r.state != "failed" for shipment in r.shipment_ids}
    fresh = tuple(shipment for shipment in shipment_ids if shipment not in told)
    if ledger.closed:
        raise Conflict("closed", "The order is over: nothing is captured for it any more.", current_status=ledger.status)
    asked: list[EventData] = []
    for payment in ledger.in_capture_order:
        part = min(missing, ledger.capturable_of(payment))
        if part > 0:
            missing -= part
            asked.append(_ask(ledger, payment, "capture", part, purpose="shipment", final=final, shipment_ids=fresh))
    if missing > 0:
        raise Conflict("balance_exceeded", "Less is authorised than is to be captured.", current_status=ledger.status)
    return asked


def release(ledger: Ledger, payments: Sequence[Payment], purpose: ev.Purpose) -> list[EventData]:
    """Ask to let go of what these payments hold. What was captured in part cannot be voided, and runs out by itself."""
    asked_already = {r.payment_id for r in ledger.open_of("void")}
    return [
        _ask(ledger, payment, "void", payment.held, purpose=purpose)
        for payment in payments
        if payment.held > 0 and payment.captured == 0 and payment.id not in asked_already
    ]


def refund(ledger: Ledger, amount: int, intent: str, purpose: ev.Purpose, reason: str | None = None) -> list[EventData]:
    """Ask to give back so much in all under this intent, to what was captured last first.

    What the intent gave back, or asked for, already counts. Raises Conflict (`balance_exceeded`) where less may be given
    back, Invalid (`intent_reused`) where the intent had asked for more than this.
    """
    parts = [r for r in ledger.of_intent(intent) if r.operation == "refund" and r.state != "failed"]
    missing = amount - sum(r.amount for r in parts)
    if missing < 0:
        raise Invalid("intent_reused", "This refund was asked for before, with another amount.")
    if missing > ledger.refundable:
        left = str(ledger.refundable)
        raise Conflict("balance_exceeded", "Less may be given back than this.", current_status=ledger.status, refundable=left)
    asked: list[EventData] = []
    for payment in reversed(ledger.in_capture_order):
        part = min(missing, ledger.refundable_of(payment))
        if part > 0:
            missing -= part
            asked.append(_ask(ledger, payment, "refund", part, purpose=purpose, intent=intent, reason=reason))
    return asked


def close(ledger: Ledger) -> list[EventData]:
    """The order is over: nothing is authorised or captured for it any more."""
    if ledger.closed:
        return []
    key = f"{ledger.id}-closed"
    return [ev.PaymentClosed(order_id=ledger.order_id, amount=0, currency=ledger.currency, key=key, purpose="cancellation")]


def give_back(ledger: Ledger) -> list[EventData]:
    """Ask for everything back: what was captured refunded, what is held voided."""
    refunds = [
        _ask(ledger, payment, "refund", ledger.refundable_of(payment), purpose="cancellation")
        for payment in reversed(ledger.in_capture_order)
        if ledger.refundable_of(payment) > 0
    ]
    return [*refunds, *release(ledger, list(ledger.payments.values()), "cancellation")]


def _ask(
    ledger: Ledger,
    payment: Payment,
    operation: ev.Operation,
    amount: int,
    *,
    purpose: ev.Purpose,
    final: bool = True,
    intent: str | None = None,
    reason: str | None = None,
    shipment_ids: tuple[str, ...] = (),
) -> ev.PaymentRequested:
    return ev.PaymentRequested(
        order_id=ledger.order_id,
        amount=amount,
        currency=ledger.currency,
        key=_key(ledger, payment, operation, intent),
        payment_id=payment.id,
        intent=intent,
        purpose=purpose,
        operation=operation,
        final=final,
        reason=reason,
        shipment_ids=shipment_ids,
    )


def _key(ledger: Ledger, payment: Payment, operation: ev.Operation, intent: str | None) -> str:
    """A fresh key of the payment: by intent where there is one, and by how often it was tried before."""
    tries = sum(1 for r in ledger.requests.values() if (r.payment_id, r.operation, r.intent) == (payment.id, operation, intent))
    named = f"{hashlib.sha256(intent.encode()).hexdigest()[:16]}-" if intent else ""
    return f"{payment.id}-{operation}-{named}{tries + 1}"


# --- answers ---------------------------------------------------------------------------------------------------


def succeed(ledger: Ledger, key: str, reference: str | None = None, expires_at: datetime | None = None) -> list[EventData]:
    """Record that the provider did it. An answer that is known already decides nothing.

    An authorisation that had been pending, or that nobody counts on any more, is told as concluded too.
    """
    asked = ledger.requests.get(key)
    if asked is None or asked.state == "succeeded":
        return []
    common = _of(ledger, asked)
    match asked.operation:
        case "authorize":
            if reference is None:
                raise ValueError("an authorisation has the provider's reference")
            until = rfc3339(expires_at) if expires_at else None
            held: list[EventData] = [ev.PaymentAuthorized.model_validate({**common, "reference": reference, "expires_at": until})]
            late = asked.state != "requested" or ledger.closed
            return [*held, ev.PaymentConcluded.model_validate({**common, "outcome": "authorized"})] if late else held
        case "capture":
            return [ev.PaymentCaptured.model_validate(common)]
        case "refund":
            return [ev.PaymentRefunded.model_validate({**common, "reference": reference})]
        case "void":
            return [ev.PaymentVoided.model_validate(common)]


def wait(ledger: Ledger, key: str, reference: str) -> list[EventData]:
    """Record that the provider's answer is not final."""
    asked = ledger.requests.get(key)
    if asked is None or asked.state != "requested":
        return []
    return [ev.PaymentPending.model_validate({**_of(ledger, asked), "operation": asked.operation, "reference": reference})]


def fail(ledger: Ledger, key: str, code: str) -> list[EventData]:
    """Record that the provider will not do it. An answer that is known already decides nothing."""
    asked = ledger.requests.get(key)
    if asked is None or not asked.open:
        return []
    failed = ev.PaymentFailed.model_validate({**_of(ledger, asked), "operation": asked.operation, "code": code})
    if asked.operation == "authorize" and asked.state == "pending":
        return [failed, ev.PaymentConcluded.model_validate({**_of(ledger, asked), "outcome": "failed"})]
    return [failed]


def fail_refund(ledger: Ledger, key: str, code: str) -> list[EventData]:
    """Record that a refund did not arrive, which a bank may say days after it was made; the money is the hub's again."""
    asked = ledger.requests.get(key)
    if asked is None or asked.state == "failed":
        return []
    return [ev.PaymentFailed.model_validate({**_of(ledger, asked), "operation": asked.operation, "code": code})]


def withdraw(ledger: Ledger, keys: Sequence[str]) -> list[EventData]:
    """Record that parts will not be asked for, because one before them failed."""
    return [event for key in keys for event in fail(ledger, key, NOT_ASKED)]


def expire(ledger: Ledger, payment_id: str) -> list[EventData]:
    """Record that what a payment held has run out."""
    payment = ledger.payments[payment_id]
    if payment.held <= 0:
        return []
    common = {"order_id": ledger.order_id, "amount": payment.held, "currency": ledger.currency}
    return [ev.PaymentExpired.model_validate({**common, "key": f"{payment_id}-expired", "payment_id": payment_id})]


def _of(ledger: Ledger, asked: Request) -> dict[str, object]:
    return {
        "order_id": ledger.order_id,
        "amount": asked.amount,
        "currency": ledger.currency,
        "key": asked.key,
        "payment_id": asked.payment_id,
        "intent": asked.intent,
        "purpose": asked.purpose,
        "shipment_ids": asked.shipment_ids,
    }
