"""Captured ≤ authorised, refunded ≤ captured, one provider call per intent: with a provider that loses answers."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from edge.aggregates import Aggregates, Command
from edge.fast_lane import RelayOnly
from kernel.clock import SystemClock
from kernel.errors import Busy, Conflict
from kernel.money import Money
from payments.domain import fold
from payments.provider import Declined, Held, ProviderRefused, ProviderUnavailable
from payments.service import PaymentRefused, Payments, payment_id_of
from tests.examples import CAUSE, ORDER_ID
from tests.memory import MemoryStore

COMMAND = Command("test", CAUSE)


class Provider:
    """Does a thing once for a key; loses the answer, or the question, when told to."""

    def __init__(self) -> None:
        self.done: dict[str, str] = {}
        self.held = self.captured = self.refunded = 0
        self.next = "answer"

    def _once(self, key: str, operation: str, act: Any) -> None:
        mood, self.next = self.next, "answer"
        if mood == "lose question":
            raise ProviderUnavailable("lost")
        if key not in self.done:
            if mood == "refuse":
                raise ProviderRefused("refused") if operation != "authorize" else Declined("declined")
            act()
            self.done[key] = operation
        assert self.done[key] == operation
        if mood == "lose answer":
            raise ProviderUnavailable("lost")

    def authorize(self, *, payment_id: str, order_id: str, amount: Money, token: str, key: str) -> Held:
        self._once(key, "authorize", lambda: self._hold(amount.amount))
        return Held("pi", amount.amount)

    def _hold(self, amount: int) -> None:
        self.held += amount

    def capture(self, reference: str, amount: Money, *, final: bool, key: str) -> None:
        self._once(key, "capture", lambda: self._take(amount.amount))

    def _take(self, amount: int) -> None:
        self.captured += amount
        assert self.captured <= self.held

    def refund(self, reference: str, amount: Money, *, key: str) -> None:
        self._once(key, "refund", lambda: self._give_back(amount.amount))

    def _give_back(self, amount: int) -> None:
        self.refunded += amount
        assert self.refunded <= self.captured

    def void(self, reference: str, *, key: str) -> None:
        self._once(key, "void", lambda: self._let_go())

    def _let_go(self) -> None:
        assert self.captured == 0
        self.held = 0


class PaymentMachine(RuleBasedStateMachine):
    """Sagas that run, stop and run again, against a provider in any mood."""

    @initialize()
    def begin(self) -> None:
        self.provider = Provider()
        store: Any = MemoryStore()
        self.ledger = Aggregates(store, RelayOnly(), SystemClock(), fold, "payment", "pay")
        self.payments = Payments(self.ledger, self.provider)

    def attempt(self, call: Any) -> None:
        try:
            call()
        except (ProviderUnavailable, PaymentRefused, Conflict, Busy):
            pass  # The saga tries again, or gives up; either way the books have to hold.

    @rule(mood=st.sampled_from(["answer", "lose question", "lose answer", "refuse"]))
    def provider_is_in_a_mood(self, mood: str) -> None:
        self.provider.next = mood

    @rule()
    def authorize(self) -> None:
        self.attempt(lambda: self.payments.authorize(ORDER_ID, Money(1000, "USD"), "tok", COMMAND))

    @rule(amount=st.integers(1, 1000), final=st.booleans())
    def capture(self, amount: int, final: bool) -> None:
        if self.payments.find(ORDER_ID) is not None:
            self.attempt(lambda: self.payments.capture(ORDER_ID, Money(amount, "USD"), COMMAND, final=final))

    @rule()
    def undo(self) -> None:
        self.attempt(lambda: self.payments.undo(ORDER_ID, "USD", COMMAND))

    @invariant()
    def the_books_hold(self) -> None:
        payment = self.payments.find(ORDER_ID) if hasattr(self, "payments") else None
        if payment is None:
            return
        assert 0 <= payment.refunded <= payment.captured <= payment.authorized
        assert sum(1 for r in payment.requests.values() if r.state == "pending") <= 1

    @invariant()
    def what_the_ledger_says_was_done_was_done(self) -> None:
        payment = self.payments.find(ORDER_ID) if hasattr(self, "payments") else None
        if payment is not None:
            assert payment.captured <= self.provider.captured
            assert payment.refunded <= self.provider.refunded

    def teardown(self) -> None:
        """With the provider well again, one more run of the compensation leaves nobody out of pocket."""
        if not hasattr(self, "payments"):
            return
        self.provider.next = "answer"
        self.payments.undo(ORDER_ID, "USD", COMMAND)
        payment = self.ledger.load(payment_id_of(ORDER_ID)).state
        assert payment.pending is None
        assert self.provider.captured == self.provider.refunded
        assert self.provider.held == 0 or self.provider.captured > 0
        assert [event.sequence for commit in self.ledger.load(payment_id_of(ORDER_ID)).commits for event in commit.events] == list(
            range(1, self.ledger.load(payment_id_of(ORDER_ID)).version + 1)
        )


TestPayments = PaymentMachine.TestCase
