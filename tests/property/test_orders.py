"""Whatever happens to an order, and in whichever order, its counters and its status stay true."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kernel.contracts import EventData
from kernel.errors import DomainError
from orders import domain
from orders import events as ev
from tests.examples import event, received


class OrderMachine(RuleBasedStateMachine):
    """Commands and facts in any order; every decision is folded."""

    def __init__(self) -> None:
        super().__init__()
        self.order: domain.Order | None = None
        self.version = 0
        self.ended: str | None = None

    def decide(self, decided: Sequence[EventData]) -> None:
        for data in decided:
            self.version += 1
            self.order = domain.fold(self.order, event(data, self.version))

    @property
    def now(self) -> domain.Order:
        assert self.order is not None
        return self.order

    @initialize(quantities=st.lists(st.integers(1, 5), min_size=1, max_size=4), discount=st.integers(0, 99))
    def place(self, quantities: list[int], discount: int) -> None:
        lines = tuple(
            ev.Line(line_id=f"ln_{n}", sku=f"SKU-{n}", quantity=quantity, unit_price=333, discount=discount, tax=7)
            for n, quantity in enumerate(quantities)
        )
        self.decide([received(lines)])

    def attempt(self, wish: object) -> None:
        """A refusal changes nothing."""
        before = self.order
        try:
            self.decide(wish())  # type: ignore[operator]
        except DomainError:
            assert self.order is before

    @rule(nodes=st.integers(1, 2))
    def confirm(self, nodes: int) -> None:
        sold = [
            ev.Allocation(line_id=line.line_id, node_id=f"wh-{n % nodes}", quantity=line.open)
            for n, line in enumerate(self.now.lines.values())
        ]
        self.attempt(lambda: domain.confirm(self.now, "pay", sold))

    def parcels(self) -> list[ev.PlannedShipment]:
        nodes = sorted({part.node_id for part in self.now.allocations})
        return [
            ev.PlannedShipment(
                shipment_id=f"shp_{node}",
                node_id=node,
                lines=tuple(
                    ev.LineQuantity(line_id=part.line_id, quantity=min(part.quantity, self.now.lines[part.line_id].open))
                    for part in self.now.allocations
                    if part.node_id == node and self.now.lines[part.line_id].open
                ),
            )
            for node in nodes
        ]

    @rule()
    def release(self) -> None:
        self.attempt(lambda: domain.release(self.now, self.parcels()))

    @precondition(lambda self: self.order is not None and self.order.shipments)
    @rule(data=st.data())
    def ship(self, data: st.DataObject) -> None:
        parcel = data.draw(st.sampled_from(self.parcels()))
        self.attempt(lambda: domain.ship(self.now, parcel))

    @precondition(lambda self: self.order is not None and self.order.shipments)
    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        shipment_id = data.draw(st.sampled_from(sorted(self.now.shipments)))
        self.attempt(lambda: domain.deliver(self.now, shipment_id))

    @rule(data=st.data(), quantity=st.integers(1, 3))
    def cancel_units(self, data: st.DataObject, quantity: int) -> None:
        line_id = data.draw(st.sampled_from(sorted(self.now.lines)))
        self.attempt(lambda: domain.cancel_units(self.now, [ev.LineQuantity(line_id=line_id, quantity=quantity)], "not found"))

    @rule()
    def cancel(self) -> None:
        self.attempt(lambda: domain.request_cancel(self.now, "changed my mind"))

    @rule(late=st.booleans())
    def end_cancellation(self, late: bool) -> None:
        self.attempt(lambda: domain.decline_cancel(self.now, "late") if late else domain.finish_cancel(self.now))

    @rule()
    def reject(self) -> None:
        self.attempt(lambda: domain.reject(self.now, "code", "reason"))

    @rule()
    def complete(self) -> None:
        self.attempt(lambda: domain.complete(self.now, self.now.capturable.amount))

    @invariant()
    def counters_never_lie(self) -> None:
        for line in self.now.lines.values() if self.order else ():
            assert 0 <= line.delivered <= line.shipped <= line.quantity - line.cancelled
            assert line.shipped <= line.released <= line.allocated <= line.quantity - line.cancelled

    @invariant()
    def never_more_is_charged_than_the_order_costs(self) -> None:
        if self.order:
            assert 0 <= self.order.capturable.amount <= self.order.grand_total.amount

    @invariant()
    def an_end_is_final(self) -> None:
        if self.order:
            assert self.ended in (None, self.order.ended)
            self.ended = self.order.ended


TestOrders = OrderMachine.TestCase
