"""Whatever races and crashes, numbers have no gap and no double, and documents come to what moved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edge.aggregates import Command
from edge.event_store import Commit, EventStore, VersionTaken
from edge.fast_lane import RelayOnly
from invoicing.billing import Charge, Sale
from invoicing.domain import Issued, Movement, Series
from invoicing.events import Customer
from invoicing.policy import Policy, Split
from invoicing.service import Invoicing
from tests.examples import CAUSE, NOW

COMMAND = Command("issue", CAUSE)
SPLITS: tuple[Split, ...] = ("payment", "shipment", "tax_rate")


class At:
    """A clock that stands still."""

    def now(self) -> Any:
        return NOW


class Crashed(Exception):
    """The process died."""


class MemoryStore(EventStore):
    """An event store in memory, in which others write, and processes die, right before or after a write."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, int], Commit] = {}
        self.fates: list[str] = []
        self.others: list[Any] = []

    def commits(self, aggregate_id: str) -> Sequence[Commit]:
        return [commit for (subject, _), commit in sorted(self.kept.items()) if subject == aggregate_id]

    def last(self, aggregate_id: str) -> Commit | None:
        found = self.commits(aggregate_id)
        return found[-1] if found else None

    def append_together(self, commits: Sequence[Commit]) -> None:
        fate = self.fates.pop() if self.fates else "ok"
        if fate == "race" and self.others:
            self.others.pop()()
        if fate == "crash before":
            raise Crashed
        keys = [(commit.aggregate_id, commit.first) for commit in commits]
        if any(key in self.kept for key in keys):
            raise VersionTaken(keys[0][0])
        self.kept.update(zip(keys, commits, strict=True))
        if fate == "crash after":
            raise Crashed


def sale(order: int, charges: Sequence[tuple[int, int, int]], country: str = "DE") -> Sale:
    """An order's charges as (gross, tax, shipment)."""
    made = tuple(
        Charge(
            "goods",
            gross,
            tax=min(tax, gross),
            quantity=2,
            unit_price=gross,
            line_id=f"ln_{n}",
            sku=f"SKU-{n}",
            shipment_id=f"shp_{shipment}",
        )
        for n, (gross, tax, shipment) in enumerate(charges)
    )
    customer = Customer(id="cus_1", name="A***", country=country)
    return Sale(f"ord_{order}", f"A-{order}", "web", "EUR", customer, made)


CHARGES = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 90), st.integers(1, 3)), min_size=1, max_size=5)
ORDER = st.tuples(CHARGES, st.lists(st.integers(1, 400), min_size=1, max_size=4), st.sampled_from(["DE", "US"]))


@given(
    orders=st.lists(ORDER, min_size=1, max_size=4),
    fates=st.lists(st.sampled_from(["ok", "race", "race", "crash before", "crash after"]), max_size=12),
    split=st.sampled_from(SPLITS),
    chance=st.randoms(use_true_random=False),
)
def test_numbers_have_no_gap_and_documents_come_to_what_moved(
    orders: list[tuple[list[tuple[int, int, int]], list[int], str]], fates: list[str], split: Split, chance: Any
) -> None:
    store, policy = MemoryStore(), Policy(split=split)
    invoicing = Invoicing(store, RelayOnly(), At(), policy)
    sales = [sale(number, charges, country) for number, (charges, _, country) in enumerate(orders)]
    work: list[Any] = []
    for number, (_, amounts, _) in enumerate(orders):
        for nth, amount in enumerate(amounts):
            capture = Movement(f"evt_c{number}_{nth}", f"pay_{number}", amount)
            work.append(lambda s=sales[number], m=capture: invoicing.invoice(s, m, COMMAND))
            refund = Movement(
                f"evt_r{number}_{nth}", f"pay_{number}", max(1, amount // 2), intent=f"int_{number}", reason="goodwill"
            )
            work.append(lambda s=sales[number], m=refund: invoicing.credit(s, m, (), COMMAND))
    chance.shuffle(work)
    store.fates, store.others = list(fates), list(work)
    for do in work:
        try:
            do()
        except Crashed:
            pass
    store.fates = []
    for do in work:  # the queue shows again whatever was not answered, and now and then what was
        do()
    for kind in ("invoice", "credit_note"):
        for entity in policy.entities:
            series = Series(entity.code, kind, NOW.year)
            taken = [event for commit in store.commits(series.id) for event in commit.events]
            assert [event.sequence for event in taken] == list(range(1, len(taken) + 1))
            numbers = [event.data.number for event in taken]  # type: ignore[attr-defined]
            assert numbers == [series.number(n) for n in range(1, len(taken) + 1)]
            issued = [
                one for s in sales for one in invoicing.of_order(s.order_id) if one.kind == kind and one.document.entity == entity
            ]
            assert sorted(one.document.number for one in issued) == sorted(numbers)
    for number, (_, amounts, _) in enumerate(orders):
        found = invoicing.of_order(sales[number].order_id)
        assert total(found, "invoice") == sum(amounts)
        assert total(found, "credit_note") == sum(max(1, amount // 2) for amount in amounts)
        for one in found:
            assert one.document.gross == one.document.net + one.document.tax == sum(item.gross for item in one.document.items)
            assert sum(rate.tax for rate in one.document.rates) == one.document.tax


def total(issued: list[Issued], kind: str) -> int:
    return sum(one.document.gross for one in issued if one.kind == kind)


@given(CHARGES, st.lists(st.integers(1, 300), min_size=1, max_size=6))
def test_every_charge_is_invoiced_once_whatever_the_payments_are_cut_by(
    charges: list[tuple[int, int, int]], cuts: list[int]
) -> None:
    sold = sale(1, charges)
    due = sum(charge.gross for charge in sold.charges)
    invoicing = Invoicing(MemoryStore(), RelayOnly(), At(), Policy())
    left = due
    for nth, cut in enumerate([*cuts, due]):
        if min(cut, left):
            invoicing.invoice(sold, Movement(f"evt_{nth}", "pay_1", min(cut, left)), COMMAND)
            left -= min(cut, left)
    items = [item for one in invoicing.of_order(sold.order_id) for item in one.document.items]
    for charge in sold.charges:
        parts = [item for item in items if item.line_id == charge.line_id]
        assert sum(item.gross for item in parts) == charge.gross
        assert sum(item.tax for item in parts) == charge.tax or not charge.gross
