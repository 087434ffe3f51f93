"""Whatever happens to an order, and in whichever order, its counters and its status stay true, and it can be brought to an end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kernel.contracts import EventData
from kernel.errors import DomainError
from kernel.events import Event
from orders import domain, holds
from orders import events as ev
from orders.holds import NewHold
from orders.lifecycle import edge_between
from tests.examples import NOW, event, received

HOLD_TYPES: list[ev.HoldType] = ["fraud", "compliance", "deposit", "payment", "address", "credit", "manual", "ai"]
SELDOM = st.sampled_from([False] * 7 + [True])
"""Ends are seldom, so that orders live long enough for much to happen to them."""


class OrderMachine(RuleBasedStateMachine):
    """Commands and facts in any order; every decision is folded."""

    def __init__(self) -> None:
        super().__init__()
        self.order: domain.Order | None = None
        self.events: list[Event] = []
        self.ended: str | None = None
        self.now_at: datetime = NOW

    def decide(self, decided: Sequence[EventData]) -> None:
        for data in decided:
            before = self.order
            self.events.append(event(data, len(self.events) + 1))
            self.order = domain.fold(before, self.events[-1])
            if before is not None:
                self.only_along_an_edge(before, self.order)

    def only_along_an_edge(self, before: domain.Order, after: domain.Order) -> None:
        if before.status != after.status:
            edge = edge_between(before.status, after.status)
            assert edge is not None, f"{before.status} became {after.status}"
            assert edge.guard is None or edge.guard.allows(before)

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

    @rule(data=st.data(), type_=st.sampled_from(HOLD_TYPES), hours=st.none() | st.integers(1, 3), outcome=SELDOM)
    def hold(self, data: st.DataObject, type_: ev.HoldType, hours: int | None, outcome: bool) -> None:
        line_id = data.draw(st.none() | st.sampled_from([*sorted(self.now.lines), "ln_unknown"]))
        number = data.draw(st.integers(1, 4))
        expires_at = self.now_at + timedelta(hours=hours) if hours else None
        on_expiry: ev.Resolution | None = None if hours is None else "rejected" if outcome else "released"
        new = NewHold(f"hld_{number}", type_, "look", line_id, expires_at, on_expiry)
        self.attempt(lambda: holds.place(self.now, [new], self.now_at))

    @precondition(lambda self: self.order is not None and self.order.holds)
    @rule(data=st.data(), release=SELDOM.map(lambda seldom: not seldom))
    def resolve_a_hold(self, data: st.DataObject, release: bool) -> None:
        hold_id = data.draw(st.sampled_from(sorted(self.now.holds)))
        decision = holds.release if release else holds.reject
        self.attempt(lambda: decision(self.now, hold_id, "somebody looked"))

    @rule(hours=st.integers(1, 2))
    def time_passes(self, hours: int) -> None:
        self.now_at += timedelta(hours=hours)
        self.attempt(lambda: holds.expire(self.now, self.now_at))
        assert self.now.status != "on_hold" or all(
            hold.expires_at is None or hold.expires_at > self.now_at for hold in self.now.open_holds
        )

    @rule(seldom=SELDOM)
    def cancel(self, seldom: bool) -> None:
        if seldom:
            self.attempt(lambda: domain.request_cancel(self.now, "changed my mind"))

    @rule(seldom=SELDOM)
    def end_cancellation(self, seldom: bool) -> None:
        self.attempt(lambda: domain.finish_cancel(self.now) if seldom else domain.decline_cancel(self.now, "late"))

    @rule(seldom=SELDOM)
    def reject(self, seldom: bool) -> None:
        if seldom:
            self.attempt(lambda: domain.reject(self.now, "code", "reason"))

    @rule()
    def complete(self) -> None:
        self.attempt(lambda: domain.complete(self.now, self.now.capturable.amount))

    @invariant()
    def never_more_is_shipped_than_ordered_or_returned_than_delivered(self) -> None:
        for line in self.now.lines.values() if self.order else ():
            assert 0 <= line.delivered <= line.shipped <= line.quantity - line.cancelled
            assert line.shipped <= line.released <= line.allocated <= line.quantity - line.cancelled
            assert 0 <= line.returned <= line.return_requested + line.returned <= line.delivered
            assert line.cancelled >= 0
            assert line.refunded >= 0

    @invariant()
    def never_more_is_charged_than_the_order_costs(self) -> None:
        if self.order:
            assert 0 <= self.order.capturable.amount <= self.order.grand_total.amount

    @invariant()
    def an_end_is_final(self) -> None:
        if self.order:
            assert self.ended in (None, self.order.ended)
            self.ended = self.order.ended

    @invariant()
    def an_order_is_on_hold_while_a_hold_is_open_and_nobody_undoes_it(self) -> None:
        if self.order and not self.order.ended and not self.order.locked:
            assert (self.order.status == "on_hold") == bool(self.order.open_holds)

    @invariant()
    def the_events_are_gapless_and_their_fold_is_the_order(self) -> None:
        state: domain.Order | None = None
        for place, known in enumerate(self.events, start=1):
            assert known.sequence == place
            state = domain.fold(state, known)
        assert state == self.order

    def teardown(self) -> None:
        """From wherever it is, an order can be brought to its end: by its holds, its saga and its parcels."""
        if self.order is None:
            return
        if self.now.status == "cancelling":
            shipped = self.now.progress in ("shipped", "delivered")
            self.decide(domain.decline_cancel(self.now, "late") if shipped else domain.finish_cancel(self.now))
        for hold in self.now.open_holds if not self.now.ended else ():
            self.decide(holds.release(self.now, hold.hold_id, "fine"))
        if self.now.status in ("received", "confirmed", "allocated", "released"):
            self.decide(domain.request_cancel(self.now, "brought to an end"))
            self.decide(domain.finish_cancel(self.now))
        if not self.now.ended:
            for line in self.now.lines.values():
                if line.open > line.shipped:
                    rest = ev.LineQuantity(line_id=line.line_id, quantity=line.open - line.shipped)
                    self.decide(domain.cancel_units(self.now, [rest], "brought to an end"))
            for shipment in self.now.shipments.values():
                if shipment.status == "shipped":
                    self.decide(domain.deliver(self.now, shipment.shipment_id))
            self.decide(domain.complete(self.now, self.now.capturable.amount))
        assert self.now.ended


TestOrders = OrderMachine.TestCase
