"""Asks the payment provider what the ledger has recorded as asked, and records the answer."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kernel.errors import Conflict
from kernel.money import Money
from payments import domain
from payments.provider import Awaiting, Declined, Held, Labels, PaymentProvider, ProviderRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge.aggregates import Aggregates, Command
    from kernel.contracts import EventData
    from payments.domain import Ledger, Request

    Decision = Callable[[Ledger], Sequence[EventData]]

EXPIRED = frozenset({"charge_expired_for_capture", "payment_intent_expired"})
"""What a provider says of a capture that comes after the authorisation ran out."""


class Asking:
    """The calls to the provider: never between load and commit, always under the key that the ledger has."""

    def __init__(self, ledgers: Aggregates[Ledger], provider: PaymentProvider) -> None:
        self._ledgers = ledgers
        self._provider = provider

    def all_of(self, ledger: Ledger, requests: Sequence[Request], command: Command) -> Ledger:
        """Ask for these requests in turn; parts of an intent that come after one that failed are not asked for any more.

        Raises ProviderUnavailable: the same again completes it.
        """
        for position, asked in enumerate(requests):
            now = ledger.requests[asked.key]
            if not now.open:
                continue
            ledger = self._one(ledger, now, command)
            if ledger.requests[asked.key].state == "failed" and asked.intent:
                keys = [r.key for r in requests[position + 1 :] if r.intent == asked.intent and r.state == "requested"]
                ledger = self._record(ledger, command, partial(domain.withdraw, keys=keys))
        return ledger

    def _one(self, ledger: Ledger, asked: Request, command: Command) -> Ledger:
        try:
            answer = self._call(ledger, asked)
        except (Declined, ProviderRefused) as refused:
            code = refused.code
            return self._record(ledger, command, lambda found: _failed(found, asked, code))
        match answer:
            case Held():
                return self._record(
                    ledger, command, lambda found: domain.succeed(found, asked.key, answer.reference, answer.expires_at)
                )
            case Awaiting():
                return self._record(ledger, command, lambda found: domain.wait(found, asked.key, answer.reference))
            case _:
                return self._record(ledger, command, lambda found: domain.succeed(found, asked.key, answer))

    def _record(self, ledger: Ledger, command: Command, decide: Decision) -> Ledger:
        return self._ledgers.execute(ledger.id, command, decide).state

    def _call(self, ledger: Ledger, asked: Request) -> Held | Awaiting | str | None:
        payment = ledger.payments[asked.payment_id]
        amount = Money(asked.amount, ledger.currency)
        labels = Labels(ledger.order_id, payment.id, asked.key)
        if asked.operation == "authorize":
            if asked.state == "pending" and asked.reference:
                return self._provider.look(asked.reference)
            return self._provider.authorize(amount, token=payment.token, method=payment.method, labels=labels)
        if payment.reference is None:
            raise Conflict("not_authorized", "Nothing is authorised.", current_status=ledger.status)
        match asked.operation:
            case "capture":
                self._provider.capture(payment.reference, amount, final=asked.final, key=asked.key)
            case "refund":
                if asked.state == "pending" and asked.reference:
                    return Awaiting(asked.reference)
                return self._provider.refund(payment.reference, amount, labels=labels)
            case "void":
                self._provider.void(payment.reference, key=asked.key)
        return None


def _failed(ledger: Ledger, asked: Request, code: str) -> list[EventData]:
    failed = domain.fail(ledger, asked.key, code)
    if asked.operation == "capture" and code in EXPIRED:
        return [*failed, *domain.expire(ledger, asked.payment_id)]
    return failed
