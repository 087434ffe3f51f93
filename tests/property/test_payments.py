"""The money invariants over the real ledger and service, with a provider that loses questions and answers.

Captured ≤ authorised, refunded ≤ captured, one effect at the provider for every part of an intent, an intent never gives
back more than it asked for, and whatever happened, one more compensation leaves nobody out of pocket.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from edge.aggregates import Aggregates, Command
from edge.fast_lane import RelayOnly
from kernel.errors import Busy, Conflict
from kernel.money import Money
from payments import reports
from payments.domain import Tender, payment_id_of
from payments.ledger import Ledger, fold
from payments.provider import Awaiting, Declined, Held, Labels, ProviderRefused, ProviderUnavailable
from payments.reports import Captured, Disputed, Report, Stands
from payments.service import PaymentRefused, Payments
from tests.examples import CAUSE, NOW, ORDER_ID
from tests.memory import MemoryStore

COMMAND = Command("test", CAUSE)
TENDERS = [Tender("gift_card", "gift", 300), Tender("card", "card")]
INTENTS = ["rma-1", "rma-2", "goodwill"]
VALID = timedelta(days=7)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at


@dataclass
class Charge:
    """What the provider has under a reference."""

    amount: int
    expires_at: datetime | None
    captured: int = 0
    refunded: int = 0
    gone: bool = False
    pending: bool = False
    disputed: int = 0
    dispute: str = ""


class Provider:
    """Does a thing once for a key; loses the answer, or the question, or refuses, when told to."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.done: dict[str, str] = {}
        self.charges: dict[str, Charge] = {}
        self.refunds: dict[str, int] = {}
        self.next = "answer"

    def _once(self, key: str, asked: str, act: Callable[[], None]) -> None:
        mood, self.next = self.next, "answer"
        if mood == "lose question":
            raise ProviderUnavailable("lost")
        if key not in self.done:
            if mood == "refuse":
                raise Declined("declined") if asked.startswith("authorize") else ProviderRefused("refused")
            act()
            self.done[key] = asked
        assert self.done[key] == asked, "the same key asks for the same thing"
        if mood == "lose answer":
            raise ProviderUnavailable("lost")

    def _standing(self, reference: str) -> Held | Awaiting:
        charge = self.charges[reference]
        return Awaiting(reference) if charge.pending else Held(reference, charge.amount, charge.expires_at)

    def authorize(self, amount: Money, *, token: str, method: str, labels: Labels) -> Held | Awaiting:
        reference = f"pi-{labels.payment_id}"
        pending = self.next == "pending"

        def hold() -> None:
            until = self._clock.now() + VALID if method == "card" else None
            self.charges[reference] = Charge(amount.amount, until, pending=pending)

        self._once(labels.key, f"authorize {amount.amount} {token}", hold)
        return self._standing(reference)

    def look(self, reference: str) -> Held | Awaiting:
        return self._standing(reference)

    def capture(self, reference: str, amount: Money, *, final: bool, key: str) -> None:
        charge = self.charges[reference]

        def take() -> None:
            if charge.expires_at is not None and charge.expires_at <= self._clock.now():
                raise ProviderRefused("charge_expired_for_capture")
            assert not charge.gone
            assert charge.captured + amount.amount <= charge.amount
            charge.captured += amount.amount

        self._once(key, f"capture {reference} {amount.amount} {final}", take)

    def refund(self, reference: str, amount: Money, *, labels: Labels) -> str:
        charge = self.charges[reference]

        def give_back() -> None:
            if charge.disputed and charge.refunded + amount.amount > charge.captured - charge.disputed:
                raise ProviderRefused("charge_disputed")
            assert charge.refunded + amount.amount <= charge.captured
            charge.refunded += amount.amount
            self.refunds[labels.key] = amount.amount

        self._once(labels.key, f"refund {reference} {amount.amount}", give_back)
        return f"re-{labels.key}"

    def void(self, reference: str, *, key: str) -> None:
        charge = self.charges[reference]

        def let_go() -> None:
            if charge.expires_at is not None and charge.expires_at <= self._clock.now():
                raise ProviderRefused("payment_intent_unexpected_state")
            assert charge.captured == 0
            charge.gone = True

        self._once(key, f"void {reference}", let_go)


class PaymentMachine(RuleBasedStateMachine):
    """Sagas and people that ask, stop and ask again, against a provider in any mood, while time goes by."""

    @initialize()
    def begin(self) -> None:
        self.clock = Clock()
        self.provider = Provider(self.clock)
        store: Any = MemoryStore()
        self.ledgers = Aggregates(store, RelayOnly(), self.clock, fold, "payment", "pay")
        self.payments = Payments(self.ledgers, self.provider, self.clock)
        self.asked_back: dict[str, int] = {}
        self.told: list[Report] = []

    @property
    def ledger(self) -> Ledger | None:
        return self.payments.find(ORDER_ID)

    def attempt(self, call: Callable[[], object]) -> None:
        try:
            call()
        except (ProviderUnavailable, PaymentRefused, Conflict, Busy):
            pass  # The saga tries again, or gives up; either way the books have to hold.

    @rule(mood=st.sampled_from(["answer", "lose question", "lose answer", "refuse", "pending"]))
    def provider_is_in_a_mood(self, mood: str) -> None:
        self.provider.next = mood

    @rule(hours=st.integers(1, 100))
    def time_goes_by(self, hours: int) -> None:
        self.clock.at += timedelta(hours=hours)

    @rule()
    def what_was_pending_clears(self) -> None:
        for charge in self.provider.charges.values():
            charge.pending = False

    @rule(amount=st.sampled_from([200, 1000, 1300]))
    def authorize(self, amount: int) -> None:
        self.attempt(lambda: self.payments.authorize(ORDER_ID, Money(amount, "USD"), TENDERS, COMMAND))

    @rule(amount=st.integers(1, 1300), final=st.booleans())
    def capture(self, amount: int, final: bool) -> None:
        if self.ledger is not None:
            self.attempt(lambda: self.payments.capture(ORDER_ID, Money(amount, "USD"), COMMAND, final=final))

    @rule(amount=st.integers(1, 1300), intent=st.sampled_from(INTENTS))
    def refund(self, amount: int, intent: str) -> None:
        amount = self.asked_back.setdefault(intent, amount)
        self.attempt(lambda: self.payments.refund(ORDER_ID, Money(amount, "USD"), intent, COMMAND))

    @rule(place=st.integers(0, 3))
    def renew(self, place: int) -> None:
        payments = list(self.ledger.payments) if self.ledger else []
        if place < len(payments):
            self.attempt(lambda: self.payments.renew(ORDER_ID, payments[place], COMMAND))

    @rule(place=st.integers(0, 3))
    def a_charge_is_disputed_or_its_dispute_ends(self, place: int) -> None:
        charges = list(self.provider.charges.values())
        if place >= len(charges):
            return
        charge = charges[place]
        if not charge.dispute and charge.captured > charge.refunded:
            charge.dispute, charge.disputed = "opened", charge.captured - charge.refunded
        elif charge.dispute == "opened":
            charge.dispute = "lost" if place % 2 else "won"
            charge.disputed = charge.disputed if charge.dispute == "lost" else 0

    @rule(place=st.integers(0, 3))
    def the_provider_tells_how_things_stand(self, place: int) -> None:
        if self.ledger is None or place >= len(self.ledger.payments):
            return
        payment = list(self.ledger.payments.values())[place]
        reference = f"pi-{payment.id}"
        charge = self.provider.charges.get(reference)
        if charge is None:
            return
        if charge.gone:
            self.told.append(Stands(payment.id, reference, "canceled"))
        else:
            self.told.append(Stands(payment.id, reference, "pending" if charge.pending else "held", charge.expires_at))
        self.told.append(Captured(payment.id, charge.captured))
        if charge.dispute:
            amount = charge.disputed or charge.captured - charge.refunded
            stage: Any = charge.dispute
            self.told.append(Disputed(payment.id, f"dp-{payment.id}", amount, "fraudulent", stage))
        self.tell(self.told[-3:])

    @rule(place=st.integers(0, 50))
    def the_provider_repeats_itself(self, place: int) -> None:
        self.tell(self.told[place : place + 1])

    def tell(self, told: list[Report]) -> None:
        for report in told:
            self.ledgers.execute(payment_id_of(ORDER_ID), COMMAND, lambda ledger, one=report: reports.record(ledger, one))  # type: ignore[misc]

    @rule()
    def undo(self) -> None:
        self.attempt(lambda: self.payments.undo(ORDER_ID, "USD", COMMAND))

    @invariant()
    def no_payment_takes_or_gives_back_more_than_it_may(self) -> None:
        if not hasattr(self, "payments") or self.ledger is None:
            return
        for payment in self.ledger.payments.values():
            assert 0 <= payment.refunded <= payment.captured <= payment.authorized
            lost = sum(c.amount for c in self.ledger.chargebacks.values() if c.payment_id == payment.id and c.stage == "lost")
            assert payment.refunded + lost <= payment.captured
        assert self.ledger.captured <= self.ledger.authorized

    @invariant()
    def what_the_ledger_says_was_done_was_done(self) -> None:
        if not hasattr(self, "payments") or self.ledger is None:
            return
        for payment in self.ledger.payments.values():
            charge = self.provider.charges.get(payment.reference or "")
            if charge is not None:
                assert payment.captured <= charge.captured
                assert payment.refunded <= charge.refunded

    @invariant()
    def an_intent_gives_back_what_it_asked_for_at_the_most(self) -> None:
        if not hasattr(self, "payments") or self.ledger is None:
            return
        for intent, amount in self.asked_back.items():
            keys = [request.key for request in self.ledger.of_intent(intent)]
            assert sum(self.provider.refunds.get(key, 0) for key in keys) <= amount

    def teardown(self) -> None:
        """With the provider well again, one more run of the compensation leaves nobody out of pocket."""
        if not hasattr(self, "payments"):
            return
        self.provider.next = "answer"
        self.what_was_pending_clears()
        if self.ledger is not None:
            for place in range(len(self.ledger.payments)):
                self.the_provider_tells_how_things_stand(place)
        ledger = self.payments.undo(ORDER_ID, "USD", COMMAND)
        assert ledger.closed
        assert not [request for request in ledger.requests.values() if request.open]
        for charge in self.provider.charges.values():
            assert charge.captured == charge.refunded + charge.disputed
            lapsed = charge.expires_at is not None and charge.expires_at <= self.clock.now()
            assert charge.gone or charge.captured > 0 or lapsed
        loaded = self.ledgers.load(payment_id_of(ORDER_ID))
        assert [event.sequence for commit in loaded.commits for event in commit.events] == list(range(1, loaded.version + 1))


TestPayments = PaymentMachine.TestCase
