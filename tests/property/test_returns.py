"""Whatever is returned, in whichever order, and however late the saga follows: units and money stay within what was sold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hub.order_desk import requested
from kernel.contracts import EventData
from kernel.errors import DomainError
from kernel.money import Money
from kernel.units import Units
from orders import domain as orders
from orders import events as orders_ev
from orders import returning
from returns import domain, tasks
from returns.domain import Finding, Return
from returns.policy import Policy
from tests.examples import ORDER_ID, event, received

POLICY = Policy(fees={"unwanted": 1_234}, refund_limit=400, early_refund_limit=150)
REASONS = ("unwanted", "damaged")
OUTCOMES: tuple[Any, ...] = ("restock", "scrap", "refuse")


class ReturnMachine(RuleBasedStateMachine):
    """An order that is delivered bit by bit, its returns, and the saga that makes the order follow them."""

    def __init__(self) -> None:
        super().__init__()
        self.order: orders.Order | None = None
        self.returns: dict[str, Return] = {}
        self.version = 0
        self.restocked: dict[str, int] = {}
        self.put_back: set[str] = set()
        self.paid_out: dict[str, int] = {}

    @property
    def now(self) -> orders.Order:
        assert self.order is not None
        return self.order

    def tell(self, decided: Sequence[EventData]) -> None:
        for data in decided:
            self.version += 1
            self.order = orders.fold(self.order, event(data, self.version))

    def attempt(self, decide: Callable[[], Sequence[EventData]], apply: Callable[[Sequence[EventData]], None]) -> None:
        try:
            decided = decide()
        except DomainError:
            return
        apply(decided)

    @initialize(
        lines=st.lists(st.tuples(st.integers(1, 5), st.integers(0, 99), st.integers(0, 20)), min_size=1, max_size=3),
        shipping=st.integers(0, 50),
    )
    def sell(self, lines: list[tuple[int, int, int]], shipping: int) -> None:
        sold = tuple(
            orders_ev.Line(line_id=f"ln_{n}", sku=f"SKU-{n}", quantity=quantity, unit_price=101, discount=discount, tax=tax)
            for n, (quantity, discount, tax) in enumerate(lines)
        )
        held = tuple(orders_ev.Allocation(line_id=part.line_id, node_id="wh-1", quantity=part.quantity) for part in sold)
        self.tell([received(sold, shipping)])
        self.tell(orders.confirm(self.now, "pay", held))
        parcels = [
            orders_ev.PlannedShipment(
                shipment_id=f"shp_{part.line_id}_{unit}",
                node_id="wh-1",
                lines=(orders_ev.LineQuantity(line_id=part.line_id, quantity=1),),
            )
            for part in sold
            for unit in range(part.quantity)
        ]
        self.tell(orders.release(self.now, parcels))

    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        waiting = [parcel for parcel in self.now.shipments.values() if parcel.status == "released"]
        if waiting:
            parcel = data.draw(st.sampled_from(waiting))
            left = orders_ev.PlannedShipment(shipment_id=parcel.shipment_id, node_id=parcel.node_id, lines=parcel.lines)
            self.tell(orders.ship(self.now, left))
            self.tell(orders.deliver(self.now, parcel.shipment_id))

    @rule(data=st.data(), reason=st.sampled_from(REASONS))
    def ask(self, data: st.DataObject, reason: str) -> None:
        line_ids = data.draw(st.lists(st.sampled_from(sorted(self.now.lines)), min_size=1, max_size=2, unique=True))
        return_id = f"rma_{len(self.returns)}"
        wishes = [returning.Wish(line_id, data.draw(st.integers(1, 3)), reason) for line_id in line_ids]

        def begin(decided: Sequence[EventData]) -> None:
            self.tell(decided)
            fact = requested(ORDER_ID, returning.of(self.now, return_id).requested)
            self.returns[return_id] = domain.fold(None, event(fact, 1, return_id))

        self.attempt(lambda: returning.request(self.now, return_id, wishes), begin)

    def some(self, data: st.DataObject) -> Return:
        return self.returns[data.draw(st.sampled_from(sorted(self.returns)))]

    def decide(self, rma: Return, decision: Callable[[Return], Sequence[EventData]]) -> None:
        def apply(decided: Sequence[EventData]) -> None:
            for found in decided:
                self.returns[rma.id] = domain.fold(self.returns[rma.id], event(found, 2, rma.id))

        self.attempt(lambda: decision(rma), apply)

    @precondition(lambda self: self.returns)
    @rule(data=st.data(), step=st.sampled_from(["approve", "reject", "cancel", "receive"]))
    def move(self, data: st.DataObject, step: str) -> None:
        steps: dict[str, Callable[[Return], Sequence[EventData]]] = {
            "approve": domain.approve,
            "reject": lambda rma: domain.reject(rma, "no"),
            "cancel": lambda rma: domain.cancel(rma, "keeps it"),
            "receive": lambda rma: domain.receive(rma, None),
        }
        self.decide(self.some(data), steps[step])

    @precondition(lambda self: self.returns)
    @rule(data=st.data())
    def inspect(self, data: st.DataObject) -> None:
        rma = self.some(data)
        findings = [
            Finding(line_id, data.draw(st.sampled_from(OUTCOMES)), 1)
            for line_id, line in rma.lines.items()
            for _ in range(line.units.count)
        ]
        self.decide(rma, lambda found: domain.inspect(found, findings))

    @precondition(lambda self: self.returns)
    @rule(data=st.data(), boss=st.booleans())
    def refund(self, data: st.DataObject, boss: bool) -> None:
        self.decide(self.some(data), lambda rma: domain.request_refund(rma, POLICY, may_exceed=boss))

    @precondition(lambda self: self.returns)
    @rule(data=st.data(), crash=st.integers(0, 4))
    def follow(self, data: st.DataObject, crash: int) -> None:
        """The saga, as far as it gets: it may be started again at any time."""
        rma = self.some(data)
        plan: Any = tasks.plan(rma)
        accepted = {part["line_id"]: Units.of(part["spans"]) for part in plan["accepted"]}
        released = {part["line_id"]: Units.of(part["spans"]) for part in plan["released"]}
        if not accepted and not released:
            return
        self.tell(returning.settle(self.now, rma.id, accepted, released, plan["reason"]))
        if crash == 1:
            return
        if rma.id not in self.put_back and plan["restock"]:
            self.put_back.add(rma.id)
            for part in plan["restock"]:
                self.restocked[part["sku"]] = self.restocked.get(part["sku"], 0) + part["quantity"]
        if crash == 2 or plan["refund"] is None:
            return
        self.paid_out[rma.id] = plan["refund"]["amount"]
        if crash == 3:
            return
        self.tell(returning.record_refund(self.now, rma.id, plan["refund"]["amount"]))
        if crash != 4:
            self.decide(rma, domain.record_refund)

    @invariant()
    def never_more_comes_back_than_was_delivered(self) -> None:
        for line in self.now.lines.values() if self.order else ():
            assert min(line.return_requested, line.returned, line.refunded) >= 0
            assert line.return_requested + line.returned <= line.delivered
            assert line.refunded <= line.returned

    @invariant()
    def no_unit_is_in_two_returns(self) -> None:
        for line_id in self.now.lines if self.order else ():
            held = [r.pending.get(line_id, Units()) | r.accepted.get(line_id, Units()) for r in self.now.returns.values()]
            together = Units()
            for units in held:
                assert not (together & units).count
                together = together | units

    @invariant()
    def refunds_of_a_line_stay_within_what_was_paid_for_it(self) -> None:
        for line in self.now.lines.values() if self.order else ():
            back = sum(
                part.amount
                for rma in self.returns.values()
                if rma.refund is not None
                for part in rma.refund.parts
                if part.line_id == line.line_id
            )
            assert back <= Money(line.total, "USD").share(line.delivered, line.quantity).amount

    @invariant()
    def no_more_is_paid_out_than_was_captured(self) -> None:
        if self.order:
            assert sum(self.paid_out.values()) <= self.order.capturable.amount

    @invariant()
    def stock_gets_only_what_came_back(self) -> None:
        for line in self.now.lines.values() if self.order else ():
            assert self.restocked.get(line.sku, 0) <= line.returned


TestReturns = ReturnMachine.TestCase
