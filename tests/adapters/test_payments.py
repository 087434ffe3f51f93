"""Payments on real table semantics with real threads: the provider is asked once for every intent, and never for too much."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest

from edge.aggregates import Aggregates, Command
from edge.event_store import EventStore
from edge.fast_lane import RelayOnly
from kernel.errors import Busy, Conflict
from kernel.money import Money
from payments.domain import Tender, payment_id_of
from payments.ledger import fold
from payments.provider import Declined, Held, Labels, ProviderRefused, ProviderUnavailable
from payments.service import PaymentRefused, Payments, Refund
from tests.aws import aws
from tests.examples import CAUSE, NOW, ORDER_ID

COMMAND = Command("test", CAUSE)
CARD = [Tender("card", "card")]
T = TypeVar("T")


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at


class Provider:
    """Counts what it is asked under every key; does it once, and refuses what it is told to."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self.calls: Counter[str] = Counter()
        self.done: dict[str, int] = {}
        self.declines: set[str] = set()
        self.refuses: set[str] = set()
        self.loses: set[str] = set()
        self.expired: set[str] = set()

    def _once(self, operation: str, token: str, key: str, amount: int) -> None:
        with self._lock:
            self.calls[key] += 1
            if token in self.declines:
                raise Declined("card_declined")
            if operation in self.refuses:
                raise ProviderRefused("charge_disputed")
            self.done[key] = amount
            if operation in self.loses:
                self.loses.discard(operation)
                raise ProviderUnavailable("the answer was lost")

    def total(self, operation: str) -> int:
        return sum(amount for key, amount in self.done.items() if f"-{operation}-" in key)

    def authorize(self, amount: Money, *, token: str, method: str, labels: Labels) -> Held:
        self._once("authorize", token, labels.key, amount.amount)
        until = self._clock.now() + timedelta(days=7) if method == "card" else None
        return Held(f"pi:{labels.payment_id}", amount.amount, until)

    def look(self, reference: str) -> Held:
        raise AssertionError("nothing is pending here")

    def capture(self, reference: str, amount: Money, *, final: bool, key: str) -> None:
        if reference in self.expired:
            raise ProviderRefused("charge_expired_for_capture")
        self._once("capture", "", key, amount.amount)

    def void(self, reference: str, *, key: str) -> None:
        self._once("void", "", key, 0)

    def refund(self, reference: str, amount: Money, *, labels: Labels) -> str:
        self._once("refund", "", labels.key, amount.amount)
        return f"re:{labels.key}"


class Shop:
    """An order's payments, and the provider behind them."""

    def __init__(self, database: Any) -> None:
        self.clock = Clock()
        self.provider = Provider(self.clock)
        ledgers = Aggregates(EventStore(database, "orders"), RelayOnly(), self.clock, fold, "payment", "pay")
        self.payments = Payments(ledgers, self.provider, self.clock)

    def paid(self, amount: int, tenders: list[Tender] | None = None) -> None:
        money = Money(amount, "USD")
        assert self.payments.authorize(ORDER_ID, money, tenders or CARD, COMMAND).outcome == "authorized"
        self.payments.capture(ORDER_ID, money, COMMAND, final=True)

    def refund(self, amount: int, intent: str) -> Refund:
        return patiently(lambda: self.payments.refund(ORDER_ID, Money(amount, "USD"), intent, COMMAND))


def patiently(call: Callable[[], T]) -> T:
    """As a saga does it: what is contended is asked for again."""
    for _ in range(50):
        try:
            return call()
        except (Busy, ProviderUnavailable):
            continue
    raise AssertionError("it stayed contended")


@pytest.fixture
def shop() -> Iterator[Shop]:
    with aws() as database:
        yield Shop(database)


def test_a_hundred_refunds_at_once_give_back_what_was_taken_and_the_rest_are_told_why(shop: Shop) -> None:
    shop.paid(1000)
    with ThreadPoolExecutor(16) as pool:
        done = list(pool.map(lambda number: shop.refund(150, f"rma-{number}"), range(100)))
    assert Counter(refund.outcome for refund in done) == {"refunded": 6, "refused": 94}
    assert {refund.reason for refund in done if refund.outcome == "refused"} == {"balance_exceeded"}
    assert shop.provider.total("refund") == 900
    assert {key: calls for key, calls in shop.provider.calls.items() if "refund" in key and calls > 1} == {}


def test_one_intent_asked_for_by_many_at_once_gives_back_once(shop: Shop) -> None:
    shop.paid(1000)
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: shop.refund(400, "rma-1"), range(8)))
    assert {(refund.outcome, refund.refunded) for refund in done} == {("refunded", 400)}
    assert shop.provider.total("refund") == 400


def test_two_captures_at_once_take_once(shop: Shop) -> None:
    target = Money(800, "USD")
    shop.payments.authorize(ORDER_ID, Money(1000, "USD"), CARD, COMMAND)
    with ThreadPoolExecutor(2) as pool:
        taken = list(pool.map(lambda _: patiently(lambda: shop.payments.capture(ORDER_ID, target, COMMAND, final=False)), range(2)))
    assert taken == [target, target]
    assert shop.provider.total("capture") == 800


def test_a_refund_whose_answer_is_lost_is_asked_for_again_under_the_same_key(shop: Shop) -> None:
    shop.paid(1000)
    shop.provider.loses.add("refund")
    with pytest.raises(ProviderUnavailable):
        shop.payments.refund(ORDER_ID, Money(300, "USD"), "rma-1", COMMAND)
    assert shop.refund(300, "rma-1").outcome == "refunded"
    assert [calls for key, calls in shop.provider.calls.items() if "refund" in key] == [2]
    assert shop.provider.total("refund") == 300


def test_an_intent_that_comes_with_another_amount_is_refused(shop: Shop) -> None:
    shop.paid(1000)
    shop.refund(300, "rma-1")
    assert shop.refund(200, "rma-1").reason == "intent_reused"
    assert shop.provider.total("refund") == 300


def test_a_gift_card_is_taken_first_and_given_back_to_last(shop: Shop) -> None:
    tenders = [Tender("card", "card"), Tender("gift_card", "gift", 300)]
    shop.payments.authorize(ORDER_ID, Money(1000, "USD"), tenders, COMMAND)
    gift, card = payment_id_of(ORDER_ID, 1), payment_id_of(ORDER_ID, 2)
    shop.payments.capture(ORDER_ID, Money(400, "USD"), COMMAND, final=False)
    ledger = shop.payments.find(ORDER_ID)
    assert ledger is not None
    assert [(p.id, p.method, p.authorized, p.captured) for p in ledger.payments.values()] == [
        (gift, "gift_card", 300, 300),
        (card, "card", 700, 100),
    ]
    assert ledger.status == "partially_paid"
    shop.payments.capture(ORDER_ID, Money(1000, "USD"), COMMAND, final=True)
    assert shop.refund(800, "rma-1").parts == ((card, 700), (gift, 100))


def test_a_card_that_is_declined_stops_the_order_and_the_gift_card_gets_its_money_back(shop: Shop) -> None:
    shop.provider.declines.add("card")
    tenders = [Tender("gift_card", "gift", 300), Tender("card", "card")]
    done = shop.payments.authorize(ORDER_ID, Money(1000, "USD"), tenders, COMMAND)
    assert (done.outcome, done.code) == ("declined", "card_declined")
    ledger = shop.payments.undo(ORDER_ID, "USD", COMMAND)
    assert (ledger.status, ledger.authorized) == ("voided", 0)
    assert shop.payments.authorize(ORDER_ID, Money(1000, "USD"), tenders, COMMAND).outcome == "closed"


def test_a_higher_target_is_one_more_payment_and_a_lower_one_asks_for_nothing(shop: Shop) -> None:
    for target in (1000, 1000, 1300, 1300, 900):
        assert shop.payments.authorize(ORDER_ID, Money(target, "USD"), CARD, COMMAND).outcome == "authorized"
    ledger = shop.payments.find(ORDER_ID)
    assert ledger is not None
    assert [payment.authorized for payment in ledger.payments.values()] == [1000, 300]
    shop.payments.capture(ORDER_ID, Money(900, "USD"), COMMAND, final=True)
    # The further authorisation was not needed in the end, and is let go.
    assert shop.provider.done.keys() >= {f"{payment_id_of(ORDER_ID, 2)}-void-1"}


def test_a_further_authorisation_that_is_declined_stays_declined_and_the_first_stays_held(shop: Shop) -> None:
    shop.payments.authorize(ORDER_ID, Money(1000, "USD"), CARD, COMMAND)
    shop.provider.declines.add("card")
    for _ in range(2):
        done = shop.payments.authorize(ORDER_ID, Money(1300, "USD"), CARD, COMMAND, intent="edit-1", purpose="edit")
        assert (done.outcome, done.code) == ("declined", "card_declined")
    assert shop.provider.calls[f"{payment_id_of(ORDER_ID, 2)}-authorize-1"] == 1
    shop.provider.declines.clear()
    assert shop.payments.authorize(ORDER_ID, Money(1300, "USD"), CARD, COMMAND, intent="edit-2").outcome == "authorized"
    assert shop.provider.total("authorize") == 1300


def test_an_authorisation_that_ran_out_is_made_anew_before_the_capture(shop: Shop) -> None:
    shop.payments.authorize(ORDER_ID, Money(1000, "USD"), CARD, COMMAND)
    shop.clock.at += timedelta(days=8)
    assert shop.payments.capture(ORDER_ID, Money(1000, "USD"), COMMAND, final=True).amount == 1000
    ledger = shop.payments.find(ORDER_ID)
    assert ledger is not None
    first, second = ledger.payments.values()
    assert (first.expired, first.captured, second.captured, second.replaces) == (True, 0, 1000, first.id)


def test_a_provider_that_says_an_authorisation_ran_out_is_believed(shop: Shop) -> None:
    shop.payments.authorize(ORDER_ID, Money(1000, "USD"), CARD, COMMAND)
    shop.provider.expired.add(f"pi:{payment_id_of(ORDER_ID, 1)}")
    assert shop.payments.capture(ORDER_ID, Money(600, "USD"), COMMAND, final=False).amount == 600
    ledger = shop.payments.find(ORDER_ID)
    assert ledger is not None
    assert [(p.authorized, p.captured, p.expired) for p in ledger.payments.values()] == [(1000, 0, True), (1000, 600, False)]


def test_an_authorisation_is_renewed_before_it_runs_out_and_the_old_one_voided(shop: Shop) -> None:
    shop.payments.authorize(ORDER_ID, Money(1000, "USD"), CARD, COMMAND)
    for _ in range(2):
        ledger = shop.payments.renew(ORDER_ID, payment_id_of(ORDER_ID, 1), COMMAND)
    assert [(p.authorized, p.voided) for p in ledger.payments.values()] == [(1000, True), (1000, False)]
    assert ledger.authorized == 1000


def test_a_renewal_that_is_declined_refuses_the_capture(shop: Shop) -> None:
    shop.payments.authorize(ORDER_ID, Money(1000, "USD"), CARD, COMMAND)
    shop.clock.at += timedelta(days=8)
    shop.provider.declines.add("card")
    with pytest.raises(PaymentRefused, match="declined"):
        shop.payments.capture(ORDER_ID, Money(1000, "USD"), COMMAND, final=True)


def test_parts_after_one_that_is_refused_are_not_asked_for(shop: Shop) -> None:
    shop.paid(1000, [Tender("gift_card", "gift", 300), Tender("card", "card")])
    shop.provider.refuses.add("refund")
    refused = shop.refund(900, "rma-1")
    assert (refused.outcome, refused.reason, refused.parts) == ("refused", "charge_disputed", ())
    assert sum("refund" in key for key in shop.provider.calls) == 1
    shop.provider.refuses.clear()
    # Nothing went back, so the same intent may be tried again, under fresh keys.
    assert shop.refund(900, "rma-1").outcome == "refunded"
    assert shop.provider.total("refund") == 900


def test_a_key_that_is_under_way_is_in_flight_and_after_its_time_is_completed(shop: Shop) -> None:
    shop.paid(1000)
    shop.provider.loses.add("refund")
    command = Command("refund-order", CAUSE, "key", "print")
    with pytest.raises(ProviderUnavailable):
        shop.payments.refund(ORDER_ID, Money(300, "USD"), "rfd", command)
    with pytest.raises(Conflict, match="in_flight"):
        shop.payments.refund(ORDER_ID, Money(300, "USD"), "rfd", command)
    shop.clock.at += timedelta(minutes=1)
    done = shop.payments.refund(ORDER_ID, Money(300, "USD"), "rfd", command)
    assert (done.outcome, done.refunded, done.replayed) == ("refunded", 300, True)
    assert shop.provider.total("refund") == 300
