"""Edits, cancellations and parcels in any order: counters and money stay true, and what was delivered stays as it was sold."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fulfilment.service import shipment_id_of
from kernel.contracts import EventData
from kernel.errors import DomainError
from orders import cancelling, domain, edits, releasing
from orders import events as ev
from orders.edits import NewLine, Wish
from tests.examples import event, received

NODES = ("east", "west")


class ChangeMachine(RuleBasedStateMachine):
    """An order, the stock that is kept for it, and the parcels at its nodes, as sagas and people change them."""

    def __init__(self) -> None:
        super().__init__()
        self.order: domain.Order | None = None
        self.sequence = 0
        self.kept: dict[tuple[str, str], int] = {}
        """What the stock keeps for the order, by (line, node), what has left included."""
        self.at_warehouse: dict[str, ev.PlannedShipment] = {}

    @property
    def now(self) -> domain.Order:
        assert self.order is not None
        return self.order

    def decide(self, decided: Sequence[EventData]) -> None:
        for data in decided:
            self.sequence += 1
            self.order = domain.fold(self.order, event(data, self.sequence))

    def attempt(self, wish: object) -> bool:
        try:
            decided: Sequence[EventData] = wish()  # type: ignore[operator]
        except DomainError:
            return False
        self.decide(decided)
        return True

    @initialize(quantities=st.lists(st.integers(1, 5), min_size=1, max_size=3), discount=st.integers(0, 99), tax=st.integers(0, 60))
    def place(self, quantities: list[int], discount: int, tax: int) -> None:
        lines = tuple(
            ev.Line(line_id=f"ln_{n}", sku=f"SKU-{n}", quantity=quantity, unit_price=333, discount=discount, tax=tax)
            for n, quantity in enumerate(quantities, start=1)
        )
        self.decide([received(lines)])

    def line(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.now.lines)))

    @rule(data=st.data(), quantity=st.integers(0, 7), added=st.integers(0, 2))
    def edit(self, data: st.DataObject, quantity: int, added: int) -> None:
        change = [(self.line(data), quantity)]
        wish = Wish(add=[NewLine("SKU-NEW", 1 + added, 100, added, 3, "USD")] if added else [], change=change)
        before = self.now
        try:
            previewed = edits.preview(before, self.sequence, wish)
        except DomainError:
            return
        self.decide(edits.commit(before, f"edt_{self.sequence}", previewed))
        assert self.now.payable.amount - before.payable.amount == previewed.payment_delta
        assert self.now.grand_total.amount == previewed.totals_after.grand

    @precondition(lambda self: self.order is not None and self.order.open_edits)
    @rule()
    def undo(self) -> None:
        before = self.now.open_edits[-1]
        self.attempt(lambda: edits.undo(self.now, self.now.revision, "out_of_stock", "gone"))
        if not self.now.locked and not self.now.ended:
            assert (self.now.lines, self.now.destination) == (before.lines, before.destination)

    @rule(data=st.data())
    def sell(self, data: st.DataObject) -> None:
        sold: list[ev.Allocation] = []
        for line in self.now.lines.values():
            east = data.draw(st.integers(0, line.open))
            for node_id, units in zip(NODES, (east, line.open - east), strict=True):
                if units:
                    sold.append(ev.Allocation(line_id=line.line_id, node_id=node_id, quantity=units))
        if sold and self.attempt(lambda: domain.confirm(self.now, "pay", sold, revision=self.now.revision)) and not self.kept:
            self.kept = {(part.line_id, part.node_id): part.quantity for part in self.now.allocations}

    @precondition(lambda self: self.order is not None and self.order.moves and not self.order.locked)
    @rule(recorded=st.booleans())
    def release(self, recorded: bool) -> None:
        """The saga hands over what there is to release; where it dies on the way, the order does not know of it yet."""
        rounds = releasing.rounds(self.now)
        by_node: dict[str, list[ev.LineQuantity]] = {}
        for part in releasing.to_release(self.now):
            by_node.setdefault(part.node_id, []).append(ev.LineQuantity(line_id=part.line_id, quantity=part.quantity))
        planned = []
        for node_id, lines in by_node.items():
            shipment_id = shipment_id_of(self.now.id, node_id, rounds.get(node_id, 0))
            parcel = ev.PlannedShipment(shipment_id=shipment_id, node_id=node_id, lines=tuple(lines))
            planned.append(self.at_warehouse.setdefault(shipment_id, parcel))
        if planned and recorded:
            self.attempt(lambda: domain.release(self.now, planned))

    @precondition(lambda self: self.at_warehouse)
    @rule(data=st.data())
    def ship(self, data: st.DataObject) -> None:
        parcel = self.at_warehouse[data.draw(st.sampled_from(sorted(self.at_warehouse)))]
        assert self.attempt(lambda: domain.ship(self.now, parcel))

    @precondition(lambda self: self.order is not None and self.order.shipments)
    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        shipment_id = data.draw(st.sampled_from(sorted(self.now.shipments)))
        self.attempt(lambda: domain.deliver(self.now, shipment_id))

    @rule(data=st.data(), quantity=st.integers(1, 4), whole=st.sampled_from([False] * 5 + [True]))
    def cancel(self, data: st.DataObject, quantity: int, whole: bool) -> None:
        lines = None if whole else [ev.LineQuantity(line_id=self.line(data), quantity=quantity)]
        self.attempt(lambda: domain.request_cancel(self.now, "changed my mind", lines))

    @precondition(lambda self: self.order is not None and self.order.locked)
    @rule(late=st.booleans())
    def carry_out(self, late: bool) -> None:
        """One run of the saga: recall, give the stock back, and settle. `late` parcels leave before the recall arrives."""
        for _ in range(5):
            rounds = releasing.rounds(self.now)
            for node_id in cancelling.to_stop(self.now):
                shipment_id = shipment_id_of(self.now.id, node_id, rounds.get(node_id, 0))
                if late and shipment_id in self.at_warehouse:
                    parcel = self.at_warehouse[shipment_id]
                    self.decide(domain.ship(self.now, parcel))
                elif cancelling.outcome(self.now) != "undo" or late:
                    self.at_warehouse.pop(shipment_id, None)
                    self.decide(cancelling.record_recall(self.now, {shipment_id: node_id}))
            if cancelling.outcome(self.now) != "recall":
                break
        outcome = cancelling.outcome(self.now)
        assert outcome in ("undo", "keep", "decline")
        paid = self.now.capturable
        if outcome == "undo":
            self.at_warehouse.clear()
            self.kept.clear()
            self.decide(domain.finish_cancel(self.now))
        elif outcome == "keep":
            stays = {(part.line_id, part.node_id): part.quantity for part in cancelling.settlement(self.now).allocations}
            assert all(units <= self.kept.get(key, 0) for key, units in stays.items())
            self.kept = stays
            self.decide(cancelling.settle(self.now))
            assert not self.now.locked
        else:
            self.decide(domain.decline_cancel(self.now, "it had left"))
        assert self.now.capturable == paid

    @invariant()
    def counters_keep_their_law(self) -> None:
        if self.order is None:
            return
        for line in self.order.lines.values():
            assert 0 <= line.delivered <= line.shipped <= line.released <= line.allocated <= line.open <= line.quantity

    @invariant()
    def money_stays_within_the_order(self) -> None:
        if self.order is not None:
            assert 0 <= self.order.capturable.amount <= self.order.payable.amount <= self.order.grand_total.amount

    @invariant()
    def what_is_kept_covers_what_left_and_what_is_wanted(self) -> None:
        if self.order is None or not self.kept or self.order.locked:
            return
        for line in self.order.lines.values():
            assert sum(units for (line_id, _), units in self.kept.items() if line_id == line.line_id) == line.open


TestChanges = ChangeMachine.TestCase
