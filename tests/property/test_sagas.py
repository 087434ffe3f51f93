"""A saga ends: completed, compensated, or in the repair queue with its reason; and no order stays half done."""

from __future__ import annotations

from typing import Any

from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fulfilment.domain import Fact
from hub.watch import RESTARTS
from kernel.errors import DomainError
from orders import domain, holds
from orders import events as ev
from orders.holds import NewHold
from orders.state import Order
from payments.domain import payment_id_of
from tests.examples import received
from tests.saga_world import COMMAND, World

NUMBERS = st.integers(0, 2)
NOW = "2026-11-23T10:00:00.000Z"
ROUNDS = 12
"""How often the watch may have to come, with everybody well again, until every order has ended."""


class Sagas(RuleBasedStateMachine):
    """Orders, partners in any mood, processes that are killed after any step, and a watch that starts sagas again."""

    @initialize(units=st.integers(0, 12))
    def begin(self, units: int) -> None:
        self.world = World(units)
        self.placed: dict[int, str] = {}

    def order(self, number: int) -> Order | None:
        order_id = self.placed.get(number)
        return self.world.orders.load(order_id).state if order_id else None

    @rule(number=NUMBERS, quantities=st.lists(st.integers(1, 3), min_size=1, max_size=3))
    def place(self, number: int, quantities: list[int]) -> None:
        if number in self.placed:
            return
        self.placed[number] = order_id = f"ord_{number:032x}"
        lines = tuple(
            ev.Line(line_id=f"ln_{n}", sku=f"SKU-{n}", quantity=quantity, unit_price=100, discount=0, tax=0)
            for n, quantity in enumerate(quantities)
        )
        self.world.orders._aggregates.create(order_id, COMMAND, [received(lines, shipping=50)])  # without a vault

    @rule(killed_after=st.integers(0, 12))
    def a_fact_starts_its_saga(self, killed_after: int) -> None:
        self.world.kill_at = killed_after
        self.world.follow()
        self.world.kill_at = 0

    @rule(number=NUMBERS, killed_after=st.integers(0, 12))
    def the_watch_comes(self, number: int, killed_after: int) -> None:
        order = self.order(number)
        if order is not None:
            self.world.kill_at = killed_after
            self.restart(order)
            self.world.kill_at = 0

    def restart(self, order: Order) -> None:
        if not order.moves:
            return
        saga = RESTARTS.get("cancelling" if order.locked else order.progress)
        if saga == "settlement" and "fulfilment" in order.repairs:
            saga = "fulfilment"
        if saga is not None:
            self.world.run(saga, order.id, list(order.shipments))

    @rule(mood=st.sampled_from(["loses question", "loses answer", "refuses"]), times=st.integers(1, 4))
    def the_provider_is_in_a_mood(self, mood: str, times: int) -> None:
        self.world.provider.mood, self.world.provider.times = mood, times

    @rule(times=st.integers(1, 4))
    def the_warehouse_is_down(self, times: int) -> None:
        self.world.warehouse.down = times

    @rule(times=st.integers(1, 4))
    def the_stock_table_is_down(self, times: int) -> None:
        self.world.stock.down = times

    @rule(number=NUMBERS)
    def somebody_cancels(self, number: int) -> None:
        self.attempt(number, lambda order: domain.request_cancel(order, "changed my mind"))

    @rule(number=NUMBERS)
    def somebody_holds(self, number: int) -> None:
        self.attempt(number, lambda order: holds.place(order, [NewHold("hld_1", "manual", "look")], order.received_at))

    @rule(number=NUMBERS)
    def somebody_releases(self, number: int) -> None:
        self.attempt(number, lambda order: holds.release(order, "hld_1", "looked"))

    def attempt(self, number: int, wish: Any) -> None:
        order = self.order(number)
        if order is None:
            return
        try:
            self.world.orders.decide(order.id, COMMAND, wish)
        except DomainError:
            pass  # A refusal is an answer.

    @rule(data=st.data(), fact=st.sampled_from(["picked", "dispatched", "delivered"]))
    def a_parcel_moves(self, data: st.DataObject, fact: Any) -> None:
        parcels = sorted(self.world.warehouse.taken)
        if parcels:
            self.report(data.draw(st.sampled_from(parcels)), fact)

    def report(self, shipment_id: str, fact: Any) -> None:
        if fact == "dispatched" and shipment_id in self.world.warehouse.recalled:
            return  # The warehouse keeps what it was told to keep.
        try:
            self.world.facts.record(shipment_id, Fact(fact, NOW), COMMAND)
        except DomainError:
            return
        if fact == "dispatched":
            self.world.warehouse.left.add(shipment_id)

    @invariant()
    def money_and_goods_only_ever_move_on(self) -> None:
        """Compensation adds the opposite fact, and takes nothing back that happened."""
        if not hasattr(self, "world"):
            return
        for stream in self.world.store.streams.values():
            sequences = [one.sequence for commit in stream for one in commit.events]
            assert sequences == list(range(1, len(sequences) + 1))
        provider = self.world.provider
        assert 0 <= provider.refunded <= provider.captured <= provider.held

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.everybody_is_well_again()
            for number in self.placed:
                self.has_ended_whole(self.order(number))
            self.the_stock_is_free()
        finally:
            self.world.close()

    def everybody_is_well_again(self) -> None:
        world = self.world
        world.kill_at = world.provider.times = world.warehouse.down = world.stock.down = 0
        for _ in range(ROUNDS):
            for number in self.placed:
                self.attempt(number, lambda order: holds.release(order, "hld_1", "looked"))
            while world.followed < len(world.store.log):
                world.follow()
            for shipment_id in sorted(world.warehouse.taken):
                for fact in ("dispatched", "delivered"):
                    self.report(shipment_id, fact)
            for number in self.placed:
                order = self.order(number)
                assert order is not None
                self.restart(order)

    def has_ended_whole(self, order: Order | None) -> None:
        assert order is not None
        found = self.world.payments.find(payment_id_of(order.id))
        ledger = found.state if found else None
        captured = ledger.captured - ledger.refunded if ledger else 0
        event(f"an order ended {order.ended}{' in the repair queue' if order.repairs else ''}")
        if order.repairs:
            assert all(repair.step and repair.error for repair in order.repairs.values())
            return
        assert order.ended, f"{order.status} for ever"
        if order.ended == "completed":
            assert captured == order.capturable.amount
        else:
            assert captured == 0
            assert ledger is None or all(payment.held == 0 for payment in ledger.payments.values())
            assert not any(line.shipped for line in order.lines.values())

    def the_stock_is_free(self) -> None:
        """Nobody holds units but orders whose parcels took them, or that wait in the repair queue."""
        for order_id, state in self.world.stock.state.items():
            order = self.world.orders.load(order_id).state
            if not order.repairs and order.ended in ("cancelled", "rejected"):
                assert state == "released"


TestSagas = Sagas.TestCase
