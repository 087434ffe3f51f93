"""A world for sagas, in memory: the real orders, payments and shipments, and partners that can be told to fail.

Stock is a double that keeps the same promises (all or nothing, once, undone once): its own properties hold the real one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

from edge.aggregates import Aggregates, Command
from edge.fast_lane import RelayOnly
from edge.queue_events import Message
from fulfilment import domain as fulfilment_domain
from fulfilment import tasks as fulfilment_tasks
from fulfilment.service import Facts, Fulfilment
from fulfilment.warehouse import WarehouseUnavailable
from hub import contexts
from hub.starter import saga_after
from kernel.clock import SystemClock
from kernel.money import Money
from orders import domain as orders_domain
from orders import tasks as orders_tasks
from orders.service import Orders
from payments import ledger as payments_ledger
from payments import tasks as payments_tasks
from payments.provider import Declined, Held, Labels, ProviderRefused, ProviderUnavailable
from payments.service import Payments
from tests.asl import Execution, SagaFailed
from tests.examples import CAUSE
from tests.memory import Killed, MemoryStore

contexts.declare()
COMMAND = Command("test", CAUSE)


class Provider:
    """Does a thing once for a key; declines, or loses the question or the answer, as often as it is told to."""

    def __init__(self) -> None:
        self.done: set[str] = set()
        self.held = self.captured = self.refunded = 0
        self.mood, self.times = "well", 0

    def _once(self, key: str, act: Callable[[], None], refusal: type[Declined | ProviderRefused] = ProviderRefused) -> None:
        mood = self.mood if self.times > 0 else "well"
        self.times -= 1
        if mood == "loses question":
            raise ProviderUnavailable("lost")
        if key not in self.done:
            if mood == "refuses":
                raise refusal("refused")
            act()
            self.done.add(key)
        if mood == "loses answer":
            raise ProviderUnavailable("lost")

    def authorize(self, amount: Money, *, token: str, method: str, labels: Labels) -> Held:
        self._once(labels.key, lambda: self._add(held=amount.amount), Declined)
        return Held(f"pi_{labels.key}", amount.amount)

    def look(self, reference: str) -> Held:
        raise ProviderRefused("nothing here is ever pending")

    def capture(self, reference: str, amount: Money, *, final: bool, key: str) -> None:
        self._once(key, lambda: self._add(captured=amount.amount))

    def refund(self, reference: str, amount: Money, *, labels: Labels) -> str:
        self._once(labels.key, lambda: self._add(refunded=amount.amount))
        return f"re_{labels.key}"

    def void(self, reference: str, *, key: str) -> None:
        self._once(key, lambda: None)

    def _add(self, held: int = 0, captured: int = 0, refunded: int = 0) -> None:
        self.held, self.captured, self.refunded = self.held + held, self.captured + captured, self.refunded + refunded


class Warehouse:
    """Takes shipments, and lets them leave unless they were recalled or are held."""

    def __init__(self) -> None:
        self.taken: set[str] = set()
        self.recalled: set[str] = set()
        self.left: set[str] = set()
        self.down = 0

    def _up(self) -> None:
        self.down -= 1
        if self.down >= 0:
            raise WarehouseUnavailable("down")

    def release(self, *, shipment_id: str, **_: Any) -> None:
        self._up()
        self.taken.add(shipment_id)

    def recall(self, shipment_id: str, *, correlation_id: str) -> bool:
        self._up()
        if shipment_id in self.left:
            return False
        self.recalled.add(shipment_id)
        return True

    def hold(self, shipment_id: str, *, correlation_id: str) -> None:
        self._up()

    def let_go(self, shipment_id: str, *, correlation_id: str) -> None:
        self._up()

    def resume(self, shipment_id: str, lines: Any, *, correlation_id: str) -> None:
        self._up()


class Stock:
    """Units by node, reservations that end once, and parcels that are taken off the books once."""

    def __init__(self, units: int) -> None:
        self.on_hand: Counter[str] = Counter({"wh-a": units, "wh-b": units})
        self.state: dict[str, str] = {}
        self.sources: dict[str, list[dict[str, Any]]] = {}
        self.shipped: dict[str, Counter[str]] = {}
        self.down = 0

    def __call__(self, task: dict[str, Any]) -> dict[str, Any]:
        self.down -= 1
        if self.down >= 0:
            raise ConnectionError("the table does not answer")
        order_id, state = task["order_id"], self.state.get(task["order_id"], "none")
        match task["command"]:
            case "reserve":
                return self._reserve(order_id, state, task["lines"])
            case "allocate":
                if state == "released":
                    return self._answer("closed", order_id)
                self.state[order_id] = "allocated"
                return self._answer("allocated", order_id)
            case "release":
                self.state[order_id] = "released"
                return self._answer("released", order_id)
            case "ship":
                if task["shipment_id"] not in self.shipped:
                    self.shipped[task["shipment_id"]] = Counter({line["node_id"]: 0 for line in task["lines"]})
                    for line in task["lines"]:
                        self.shipped[task["shipment_id"]][line["node_id"]] += line["quantity"]
                return {"outcome": "shipped"}
        raise NotImplementedError(task["command"])

    def _reserve(self, order_id: str, state: str, lines: list[dict[str, Any]]) -> dict[str, Any]:
        if state == "released":
            return self._answer("closed", order_id)
        if state == "none":
            held: Counter[str] = Counter()
            for known, kept in self.state.items():
                if kept in ("held", "allocated"):
                    held.update({part["node_id"]: part["quantity"] for part in self.sources[known]})
            chosen = []
            for place, line in enumerate(lines):
                node = ("wh-a", "wh-b")[place % 2]
                if self.on_hand[node] - held[node] < line["quantity"]:
                    return {
                        "outcome": "out_of_stock",
                        "allocations": [],
                        "shortages": [{"sku": line["sku"], "missing": 1}],
                        "why": None,
                    }
                held[node] += line["quantity"]
                chosen.append({**line, "node_id": node})
            self.state[order_id], self.sources[order_id] = "held", chosen
        return self._answer("reserved", order_id)

    def _answer(self, outcome: str, order_id: str) -> dict[str, Any]:
        return {"outcome": outcome, "allocations": self.sources.get(order_id, []), "shortages": [], "why": None}


class World:
    """Everything that sagas act on, and the facts that start them."""

    def __init__(self, units: int) -> None:
        self.store = MemoryStore()
        store: Any = self.store
        self.provider, self.warehouse, self.stock = Provider(), Warehouse(), Stock(units)
        warehouse: Any = self.warehouse
        recipients: Any = mock.Mock(phone_last4=lambda *_: None)
        counters: Any = mock.Mock(count=lambda *_: 1)
        self.orders = Orders(Aggregates(store, RelayOnly(), SystemClock(), orders_domain.fold, "order", "ord"), SystemClock())
        self.payments = Aggregates(store, RelayOnly(), SystemClock(), payments_ledger.fold, "payment", "pay")
        self.shipments = Aggregates(store, RelayOnly(), SystemClock(), fulfilment_domain.fold, "shipment", "shp")
        self.facts = Facts(self.shipments)
        payments, fulfilment = (
            Payments(self.payments, self.provider, SystemClock()),
            Fulfilment(self.shipments, warehouse, recipients),
        )
        self.followed = 0
        self.kill_at = 0
        self._patches = ExitStack()
        for module, name, made in (
            (orders_tasks, "orders", self.orders),
            (orders_tasks, "counters", counters),
            (payments_tasks, "payments", payments),
            (fulfilment_tasks, "fulfilment", fulfilment),
        ):
            self._patches.enter_context(mock.patch.object(module, name, lambda made=made: made))
        self.functions = {
            "OrdersTasks": self._called(lambda task: orders_tasks.handler(task, None)),
            "PaymentsTasks": self._called(lambda task: payments_tasks.handler(task, None)),
            "FulfilmentTasks": self._called(lambda task: fulfilment_tasks.handler(task, None)),
            "InventoryTasks": self._called(self.stock),
        }

    def close(self) -> None:
        self._patches.close()

    def _called(self, function: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
        """The function, after whose nth call from now the saga's own process is killed."""

        def call(task: dict[str, Any]) -> Any:
            done = function(task)
            self.kill_at -= 1
            if self.kill_at == 0:
                raise Killed
            return done

        return call

    def follow(self) -> None:
        """Start the saga that follows from the next fact in the stream; facts that nothing follows from are passed over."""
        while self.followed < len(self.store.log):
            commit = self.store.log[self.followed]
            self.followed += 1
            for event in commit.events:
                data = event.data.model_dump(mode="json", exclude_none=True)
                message = Message(
                    "m", event.id, event.detail_type, event.subject, event.sequence, event.time, "fast", "req", None, data
                )
                saga = saga_after(message)
                if saga is not None:
                    subjects = [event.subject] if event.subject.startswith("shp_") else list(data.get("shipment_ids", []))
                    self.run(saga, message.order_id, subjects)
                    return

    def run(self, saga: str, order_id: str, shipment_ids: list[str]) -> None:
        """Run a saga. A process that is killed or a saga that fails leaves what it had done."""
        given = {"saga": saga, "order_id": order_id, "correlation_id": "req", "causation_id": None, "traceparent": None}
        try:
            Execution(saga, self.functions).run({**given, "shipment_ids": shipment_ids})
        except (Killed, SagaFailed):
            pass  # The watch starts it again; what it left in the repair queue waits for people.

    def later(self) -> datetime:
        return SystemClock().now() + timedelta(days=30)
