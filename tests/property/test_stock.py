"""Invariants 1 and 5: stock is never oversold, and every unit is accounted for by a movement.

Under any order of receipts, reservations, allocations, releases, shipments, spreading, gathering, sweeps and time, with
processes that die before or after any of their writes, and others that get in between any two of them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

from botocore.exceptions import EndpointConnectionError
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from benchmarks.stock_books import audit
from inventory.domain import Node, Wanted
from inventory.movements import Movement, Movements, NotEnough
from inventory.spreading import Spreading
from kernel.errors import Busy, Conflict
from tests.adapters.test_placing import Crashing
from tests.adapters.test_reservations import Watch, reservations, store
from tests.aws import aws

SKUS = ("A", "B")
NODES = ("n1", "n2")
ORDERS = tuple(f"ord_{n}" for n in range(6))
WRITES = ("put_item", "update_item", "delete_item", "transact_write_items")


class Interrupted:
    """A DynamoDB client, before whose nth write somebody else does something."""

    def __init__(self, real: Any, at: int, others: Callable[[], None]) -> None:
        self._real = real
        self._left = at
        self._others = others

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._real, name)
        if name not in WRITES:
            return call

        def after_others(**arguments: Any) -> Any:
            self._left -= 1
            if self._left == 0:
                self._others()
            return call(**arguments)

        return after_others


orders = st.sampled_from(ORDERS)
skus = st.sampled_from(SKUS)
nodes = st.sampled_from(NODES)
crashes = st.one_of(st.none(), st.tuples(st.integers(1, 4), st.booleans()))


class Stock(RuleBasedStateMachine):
    """A shop of two SKUs at two nodes."""

    def __init__(self) -> None:
        super().__init__()
        self.open = ExitStack()
        self.client = self.open.enter_context(aws())
        self.clock = Watch()
        self.batches = 0
        self.shipments = 0
        self.between: tuple[int, Callable[[], None]] | None = None

    def teardown(self) -> None:
        try:
            self._everything_ends_and_is_free_again()
        finally:
            self.open.close()

    @initialize(units=st.lists(st.integers(0, 90), min_size=4, max_size=4))
    def open_shop(self, units: list[int]) -> None:
        for node in NODES:
            store(self.client).put_node(Node(node, node, "warehouse", 0, 0, ("ship",), 1))
        pairs = [(sku, node) for sku in SKUS for node in NODES]
        rows = [Movement(*pair, "received", quantity, "r") for pair, quantity in zip(pairs, units, strict=True) if quantity]
        if rows:
            Movements(store(self.client), self.clock).make(rows, "me", "open", "f", "req")

    def run(self, crash: tuple[int, bool] | None, work: Callable[[Any], object]) -> None:
        """Do something in a process that may die at a write, and in which others may get between two writes."""
        client = self.client
        if self.between is not None:
            client, self.between = Interrupted(client, *self.between), None
        if crash is not None:
            client = Crashing(client, crash[0], after=crash[1])
        try:
            work(client)
        except (EndpointConnectionError, Busy, Conflict, NotEnough):
            pass  # It died, gave up or was refused: the books have to add up all the same.

    @rule(at=st.integers(1, 3), order=orders, sku=skus, quantity=st.integers(1, 30))
    def somebody_else_will_reserve_in_between(self, at: int, order: str, sku: str, quantity: int) -> None:
        self.between = (
            at,
            lambda: self.run(
                None, lambda c: reservations(c, self.clock).reserve(order, [Wanted("ln_1", sku, quantity)], None, "req")
            ),
        )

    @rule(at=st.integers(1, 3), order=orders)
    def somebody_else_will_release_in_between(self, at: int, order: str) -> None:
        self.between = (at, lambda: self.run(None, lambda c: reservations(c, self.clock).release(order, "req")))

    @rule(at=st.integers(1, 3), sku=skus, node=nodes)
    def somebody_else_will_spread_in_between(self, at: int, sku: str, node: str) -> None:
        self.between = (at, lambda: self.run(None, lambda c: Spreading(store(c), self.clock).widen(sku, node)))

    @rule(sku=skus, node=nodes, quantity=st.integers(-40, 40).filter(bool), crash=crashes)
    def move(self, sku: str, node: str, quantity: int, crash: tuple[int, bool] | None) -> None:
        self.batches += 1
        row = Movement(sku, node, "received" if quantity > 0 else "adjusted", quantity, "r")
        for attempt in (crash, None):  # A batch that was cut off is sent again.
            self.run(attempt, lambda c: Movements(store(c), self.clock).make([row], "me", f"b{self.batches}", "f", "req"))

    @rule(order=orders, wanted=st.lists(st.tuples(skus, st.integers(1, 25)), min_size=1, max_size=4), crash=crashes)
    def reserve(self, order: str, wanted: list[tuple[str, int]], crash: tuple[int, bool] | None) -> None:
        lines = [Wanted(f"ln_{n}", sku, quantity) for n, (sku, quantity) in enumerate(wanted)]
        self.run(crash, lambda c: reservations(c, self.clock).reserve(order, lines, None, "req"))

    @rule(order=orders, crash=crashes)
    def allocate(self, order: str, crash: tuple[int, bool] | None) -> None:
        self.run(crash, lambda c: reservations(c, self.clock).allocate(order, "req"))

    @rule(order=orders, crash=crashes)
    def release(self, order: str, crash: tuple[int, bool] | None) -> None:
        self.run(crash, lambda c: reservations(c, self.clock).release(order, "req"))

    @rule(order=orders, crash=crashes, lost=st.booleans())
    def ship(self, order: str, crash: tuple[int, bool] | None, lost: bool) -> None:
        known = store(self.client).reservation(order)
        if known is None or known.state != "allocated":
            return
        part = known.sources[0]
        if known.settled.get((part.sku, part.node_id), 0):
            return
        self.shipments += 1
        units = {(part.sku, part.node_id): 1}
        for attempt in (crash, None):
            self.run(
                attempt,
                lambda c: (reservations(c, self.clock).write_off if lost else reservations(c, self.clock).ship)(
                    order, f"shp_{self.shipments}", units, "req"
                ),
            )

    @rule(sku=skus, node=nodes, crash=crashes)
    def spread(self, sku: str, node: str, crash: tuple[int, bool] | None) -> None:
        self.run(crash, lambda c: Spreading(store(c), self.clock).widen(sku, node))

    @rule(sku=skus, node=nodes, need=st.one_of(st.none(), st.integers(1, 40)), crash=crashes)
    def gather(self, sku: str, node: str, need: int | None, crash: tuple[int, bool] | None) -> None:
        self.run(crash, lambda c: Spreading(store(c), self.clock).gather(sku, node, need))

    @rule(crash=crashes)
    def look_after_everything(self, crash: tuple[int, bool] | None) -> None:
        self.run(crash, lambda c: reservations(c, self.clock).sweep())
        self.run(crash, lambda c: Spreading(store(c), self.clock).merge())

    @precondition(lambda self: self.between is None)
    @rule(minutes=st.sampled_from([1, 5, 17]))
    def time_passes(self, minutes: int) -> None:
        self.clock.at += timedelta(minutes=minutes)

    @invariant()
    def the_books_add_up_and_nothing_is_owed_twice(self) -> None:
        for sku in SKUS:
            for node in NODES:
                audit(store(self.client), sku, node)

    def _everything_ends_and_is_free_again(self) -> None:
        self.between = None
        for order in ORDERS:
            self.run(None, lambda c, order=order: reservations(c, self.clock).release(order, "req"))
        self.clock.at += timedelta(hours=1)
        for _ in range(3):
            self.look_after_everything(None)
        assert store(self.client).spread() == []
        for sku in SKUS:
            for node in NODES:
                stock = audit(store(self.client), sku, node).stock
                assert (stock.allocated, stock.reserved, len(stock.parts)) == (0, 0, 1)


TestStock = Stock.TestCase
TestStock.settings = settings(max_examples=10, stateful_step_count=25)
