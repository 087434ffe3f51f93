"""The use cases of payments. Never a provider call between load and commit: record the request, call, record the answer."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Literal

from edge.event_store import VersionTaken
from kernel.errors import Busy, Conflict, Invalid
from kernel.money import Money
from payments import domain
from payments.asking import Asking
from payments.domain import Tender, payment_id_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from edge.aggregates import Aggregates, Command
    from kernel.clock import Clock
    from payments import events as ev
    from payments.asking import Decision
    from payments.domain import Ledger, Payment
    from payments.provider import PaymentProvider

STEPS = 8
"""Rounds that one command may need, completing what others left unanswered included."""
UNDER_WAY = timedelta(seconds=30)
"""How long whoever asked may still be about it: a function lives 29 seconds."""


class PaymentRefused(Exception):
    """The provider refuses for good; people have to look at it."""


@dataclass(frozen=True, slots=True)
class Authorisation:
    """How an authorisation ended: `pending` where the provider will say later, `closed` where the order is over."""

    outcome: Literal["authorized", "declined", "pending", "closed"]
    payment_id: str
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Refund:
    """How a refund ended: what went back to which payment, and why not all of it did, if so."""

    outcome: Literal["refunded", "pending", "refused"]
    refunded: int
    parts: tuple[tuple[str, int], ...] = ()
    reason: str | None = None
    replayed: bool = False


class Payments:
    """Everything that sagas and people ask of payments."""

    def __init__(self, ledgers: Aggregates[Ledger], provider: PaymentProvider, clock: Clock) -> None:
        self._ledgers = ledgers
        self._clock = clock
        self._asking = Asking(ledgers, provider)

    def authorize(
        self,
        order_id: str,
        target: Money,
        tenders: Sequence[Tender],
        command: Command,
        *,
        intent: str | None = None,
        purpose: ev.Purpose = "sale",
    ) -> Authorisation:
        """Have the provider hold what is missing until `target` is authorised or captured in all.

        So the same call again, or a call for less, asks for nothing; a call for more is one more payment. A target that
        was declined stays declined under its intent, which is the target itself where none is named. An order that costs
        nothing has nothing to authorise. Raises ProviderUnavailable: the same call again completes it.
        """
        first = payment_id_of(order_id)
        if target.amount == 0:
            return Authorisation("authorized", first)
        named = intent or f"up-to-{target.amount}"
        for _ in range(STEPS):
            ledger = self._decide(
                domain.nothing_yet(order_id, target.currency),
                command,
                lambda found: domain.authorize(found, target.amount, tenders, named, purpose),
            )
            ledger = self._asking.all_of(ledger, ledger.open_of("authorize"), command)
            code = domain.declined(ledger, named)
            if ledger.closed:
                return Authorisation("closed", first)
            if code is not None:
                return Authorisation("declined", first, code)
            if ledger.open_of("authorize"):
                return Authorisation("pending", first)
            if ledger.authorized >= target.amount:
                return Authorisation("authorized", first)
        raise Busy("contended", "Too many operations on one order's payments at once.")

    def capture(self, order_id: str, target: Money, command: Command, *, final: bool, shipment_ids: Sequence[str] = ()) -> Money:
        """Capture until `target` is captured in all, and answer what is; `final` lets go of what no payment has to bear.

        An authorisation that ran out is renewed first. Raises PaymentRefused, ProviderUnavailable.
        """
        if target.amount == 0:
            return target
        ledger = self._answered(self._ledgers.load(payment_id_of(order_id)).state, "capture", command)
        for _ in range(STEPS):
            if ledger.captured >= target.amount:
                break
            before = ledger = self._renewed(ledger, target.amount - ledger.captured, command)
            try:
                ledger = self._decide(
                    ledger,
                    command,
                    lambda found: domain.capture(found, target.amount, final=final, shipment_ids=shipment_ids),
                )
            except Conflict as conflict:
                raise PaymentRefused(conflict.code) from conflict
            ledger = self._answered(ledger, "capture", command)
            if ledger.captured == before.captured and not _expired_meanwhile(before, ledger):
                raise PaymentRefused("capture refused")
        else:
            raise Busy("contended", "Too many captures of one order at once.")
        if final:
            ledger = self._let_go(ledger, command, [p for p in ledger.payments.values() if p.captured == 0], "release")
        return Money(ledger.captured, ledger.currency)

    def renew(self, order_id: str, payment_id: str, command: Command) -> Ledger:
        """Authorise again what a payment holds, before or after it runs out, then void the old authorisation.

        Raises PaymentRefused where the provider will not, ProviderUnavailable.
        """
        ledger = self._answered(self._ledgers.load(payment_id_of(order_id)).state, "authorize", command)
        intent = f"renew-{payment_id}-{command.cause.correlation_id}"
        ledger = self._decide(ledger, command, lambda found: domain.renew(found, payment_id, intent))
        ledger = self._answered(ledger, "authorize", command)
        code = domain.declined(ledger, intent)
        if code is not None:
            raise PaymentRefused(f"the renewal was declined: {code}")
        if any(p.replaces == payment_id and p.held for p in ledger.payments.values()):
            ledger = self._let_go(ledger, command, [ledger.payments[payment_id]], "renewal")
        return ledger

    def refund(
        self,
        order_id: str,
        amount: Money,
        intent: str,
        command: Command,
        *,
        purpose: ev.Purpose = "refund",
        reason: str | None = None,
    ) -> Refund:
        """Give back so much in all under this intent: once, however often and by however many at once it is asked for.

        Raises ProviderUnavailable (the same call again completes it), Conflict (`in_flight`) where another call under the
        same Idempotency-Key is about it at this moment, Invalid where that key came with another body.
        """
        found = self._ledgers.find(payment_id_of(order_id))
        if found is None or found.state.currency != amount.currency:
            return Refund("refused", 0, reason="nothing_captured" if found is None else "another_currency")
        try:
            done = self._ledgers.execute(
                found.id, command, lambda ledger: domain.refund(ledger, amount.amount, intent, purpose, reason)
            )
        except Conflict as conflict:
            return self._outcome(found.state, intent, amount, conflict.code)
        except Invalid as invalid:
            if invalid.code != "intent_reused":
                raise
            return self._outcome(found.state, intent, amount, invalid.code)
        ledger = self._ledgers.load(found.id).state if done.replayed else done.state
        asked = [r for r in ledger.of_intent(intent) if r.operation == "refund" and r.open]
        if command.key and (done.replayed or not done.events):
            self._refuse_while_under_way([r.asked_at for r in asked if r.state == "requested"])
        # The key belongs to the request; what is recorded of its answers are commits of their own.
        ledger = self._asking.all_of(ledger, asked, replace(command, key=None, fingerprint=None))
        return self._outcome(ledger, intent, amount, None, replayed=done.replayed)

    def _refuse_while_under_way(self, asked_at: Sequence[datetime]) -> None:
        since = self._clock.now() - UNDER_WAY
        if any(at > since for at in asked_at):
            raise Conflict("in_flight", "The first request with this Idempotency-Key is still under way.")

    def _outcome(self, ledger: Ledger, intent: str, amount: Money, reason: str | None, *, replayed: bool = False) -> Refund:
        asked = [r for r in ledger.of_intent(intent) if r.operation == "refund"]
        parts = tuple((r.payment_id, r.amount) for r in asked if r.state == "succeeded")
        total = sum(part for _, part in parts)
        if reason is None and total >= amount.amount:
            return Refund("refunded", total, parts, replayed=replayed)
        if reason is None and any(r.open for r in asked):
            return Refund("pending", total, parts, replayed=replayed)
        codes = [r.code for r in asked if r.state == "failed" and r.code != domain.NOT_ASKED]
        return Refund("refused", total, parts, reason or (codes[-1] if codes else "refused"), replayed)

    def undo(self, order_id: str, currency: str, command: Command) -> Ledger:
        """The order is over: close its ledger, void what is held, refund what was taken. What arrives later goes back too.

        Raises PaymentRefused, ProviderUnavailable.
        """
        ledger = self._decide(domain.nothing_yet(order_id, currency), command, domain.close)
        for _ in range(STEPS):
            ledger = self._all_answered(ledger, command)
            before = ledger = self._without_lapsed(ledger, command)
            ledger = self._decide(ledger, command, domain.give_back)
            if ledger == before:
                return ledger
            ledger = self._all_answered(ledger, command)
            if (ledger.refunded, ledger.authorized, ledger.open_of("refund")) == (before.refunded, before.authorized, []):
                raise PaymentRefused("the provider refuses to give the money back")
        raise Busy("contended", "Too many operations on one order's payments at once.")

    def find(self, order_id: str) -> Ledger | None:
        """The order's ledger, if anything was ever asked for it."""
        loaded = self._ledgers.find(payment_id_of(order_id))
        return loaded.state if loaded else None

    def _without_lapsed(self, ledger: Ledger, command: Command) -> Ledger:
        """The ledger with every authorisation that has run out recorded as gone."""
        now = self._clock.now()
        for payment_id in [p.id for p in ledger.payments.values() if p.lapses(now)]:
            ledger = self._decide(ledger, command, partial(domain.expire, payment_id=payment_id))
        return ledger

    def _renewed(self, ledger: Ledger, needed: int, command: Command) -> Ledger:
        """The ledger with authorisations that have run out made anew, where what is held does not come to what is needed."""
        ledger = self._without_lapsed(ledger, command)
        for payment_id in [p.id for p in ledger.payments.values() if p.expired]:
            if sum(ledger.capturable_of(p) for p in ledger.payments.values()) < needed:
                ledger = self.renew(ledger.order_id, payment_id, command)
        return ledger

    def _let_go(self, ledger: Ledger, command: Command, payments: Sequence[Payment], purpose: ev.Purpose) -> Ledger:
        ids = {payment.id for payment in payments}
        ledger = self._decide(ledger, command, lambda found: domain.release(found, [found.payments[i] for i in ids], purpose))
        # A hold that the provider will not let go of runs out by itself: that is no reason to stop.
        return self._answered(ledger, "void", command)

    def _answered(self, ledger: Ledger, operation: ev.Operation, command: Command) -> Ledger:
        """The ledger with what was asked of this operation asked again, where nobody knows how it ended."""
        return self._asking.all_of(ledger, ledger.open_of(operation), command)

    def _all_answered(self, ledger: Ledger, command: Command) -> Ledger:
        return self._asking.all_of(ledger, [r for r in ledger.requests.values() if r.open], command)

    def _decide(self, ledger: Ledger, command: Command, decide: Decision) -> Ledger:
        """The ledger after one decision, which may be the first of its stream."""
        if self._ledgers.find(ledger.id) is None:
            first = decide(ledger)
            if not first:
                return ledger
            # Where another run of the saga began it, the decision is made on what it began.
            with contextlib.suppress(VersionTaken):
                return self._ledgers.create(ledger.id, command, first).state
        return self._ledgers.execute(ledger.id, command, decide).state


def _expired_meanwhile(before: Ledger, after: Ledger) -> bool:
    return any(p.expired and not before.payments[p.id].expired for p in after.payments.values() if p.id in before.payments)
