"""However holds, releases, sagas and the parcel cross, the warehouse's gate ends as the order says."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edge.queue_events import Message
from fulfilment import domain as fulfilment
from fulfilment import events as shipment_events
from hub.starter import saga_after
from kernel.errors import DomainError
from orders import domain, holds
from orders.holds import NewHold
from orders.tasks import next_step
from tests.examples import NOW, ORDER_ID, event, folded
from tests.unit.test_order_transitions import PARCEL, RELEASED

Steps = Generator[None, None, None]


class World:
    """An order whose shipment is at a warehouse, and the sagas that its facts have started."""

    def __init__(self) -> None:
        self.order = folded(*RELEASED)
        self.version = len(RELEASED)
        planned = shipment_events.ShipmentPlanned(
            order_id=ORDER_ID, node_id="wh", lines=(shipment_events.ShipmentLine(line_id="ln_1", sku="SKU-1", quantity=3),)
        )
        self.shipment = fulfilment.fold(None, event(planned, 1, "shp_1"))
        self.sagas: list[Steps] = []

    def decide(self, decided: list[Any]) -> None:
        for data in decided:
            self.version += 1
            self.order = domain.fold(self.order, event(data, self.version))
            told = data.model_dump(exclude_none=True)
            name = f"{data.event_type}.v{data.event_version}"
            message = Message("m", "evt", name, ORDER_ID, self.version, NOW, "fast", "req", None, told)
            if saga_after(message) == "fulfilment":
                self.sagas.append(self.saga())

    def at_the_warehouse(self, decided: list[Any]) -> None:
        for data in decided:
            self.shipment = fulfilment.fold(self.shipment, event(data, 2, "shp_1"))

    def saga(self) -> Steps:
        """The part of the fulfilment saga that follows a screening; others do what they want between its steps."""
        step = next_step(self.order)
        yield
        while step in ("hold_shipments", "let_go"):
            closes = step == "hold_shipments"
            self.at_the_warehouse(fulfilment.hold(self.shipment) if closes else fulfilment.let_go(self.shipment))
            yield
            status = self.order.status
            yield
            if status == "on_hold":
                step = "stop" if closes else "hold_shipments"
            elif status in ("released", "shipped"):
                step = "let_go" if closes else "stop"
            else:
                step = "stop"

    def step(self, number: int) -> None:
        if self.sagas:
            running = self.sagas[number % len(self.sagas)]
            try:
                next(running)
            except StopIteration:
                self.sagas.remove(running)

    def act(self, what: str, number: int) -> None:
        match what:
            case "hold":
                self.decide(holds.place(self.order, [NewHold(f"hld_{number}", "manual", "look")], NOW))
            case "release":
                self.decide(holds.release(self.order, f"hld_{number}", "fine"))
            case "saga":
                self.step(number)
            case "dispatch":
                fact = fulfilment.Fact("dispatched", "2026-11-23T10:00:00.000Z")
                self.at_the_warehouse(fulfilment.record(self.shipment, fact))
                self.decide(domain.ship(self.order, PARCEL))


@given(
    st.lists(st.tuples(st.sampled_from(["hold", "release", "saga", "saga", "saga", "dispatch"]), st.integers(0, 3)), max_size=40)
)
def test_the_gate_ends_as_the_order_says_and_a_closed_gate_lets_nothing_out(acts: list[tuple[str, int]]) -> None:
    world = World()
    for what, number in acts:
        closed = world.shipment.held
        left = world.shipment.left
        try:
            world.act(what, number)
        except DomainError:
            continue
        assert not (closed and not left and world.shipment.left and world.shipment.held)
    for _ in range(200):
        world.step(0)
    assert not world.sagas
    if not world.shipment.left:
        assert world.shipment.held == (world.order.status == "on_hold")
