"""The use cases of fulfilment: hand shipments to warehouses, record their facts, recall what has not left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from edge.aggregates import Aggregates, Command, Done
from edge.event_store import VersionTaken
from fulfilment import domain, pickup
from fulfilment import events as ev
from kernel.errors import Conflict
from kernel.ids import derived_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from fulfilment.domain import Fact
    from fulfilment.state import Shipment
    from fulfilment.warehouse import Warehouse
    from kernel.contracts import EventData


class Recipients(Protocol):
    """What a label may know of the recipient."""

    def phone_last4(self, vault_order: str, vault_entry: str) -> str | None:
        """The last four digits of the recipient's phone, or None where there is none, or none any more."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What one node shall send, after so many shipments of its that were recalled."""

    node_id: str
    lines: tuple[ev.ShipmentLine, ...]
    pickup: bool = False
    round: int = 0


@dataclass(frozen=True, slots=True)
class Recall:
    """How a recall ended: all stay, none could be stopped, or some stay and some left; and the shipments as they are now."""

    outcome: Literal["recalled", "too_late", "partly"]
    late: tuple[str, ...]
    shipments: tuple[Shipment, ...] = ()


def shipment_id_of(order_id: str, node_id: str, round_: int = 0) -> str:
    """The id of what a node sends for an order; after each shipment of it that was recalled, it is another one."""
    return derived_id("shp", order_id, node_id, *([str(round_)] if round_ else []))


class Facts:
    """What warehouses and carriers report."""

    def __init__(self, shipments: Aggregates[Shipment]) -> None:
        self._shipments = shipments

    def record(self, shipment_id: str, fact: Fact, command: Command) -> Done[Shipment]:
        """Record a fact. Raises NotFound, Conflict (recalled, or not yet dispatched), Invalid."""
        return self._shipments.execute(shipment_id, command, lambda shipment: domain.record(shipment, fact))

    def issue_code(self, shipment_id: str, code: str, command: Command) -> Done[Shipment]:
        """Let the customer collect with this code, and with no earlier one. Raises NotFound, Conflict."""
        return self._shipments.execute(shipment_id, command, lambda shipment: pickup.issue_code(shipment, code))

    def load(self, shipment_id: str) -> Done[Shipment]:
        """The shipment as it is. Raises NotFound."""
        loaded = self._shipments.load(shipment_id)
        return Done(shipment_id, loaded.state, loaded.version, ())


class Fulfilment:
    """Everything that sagas ask of fulfilment."""

    def __init__(self, shipments: Aggregates[Shipment], warehouse: Warehouse, recipients: Recipients) -> None:
        self._shipments = shipments
        self._warehouse = warehouse
        self._recipients = recipients

    def release(self, order_id: str, plans: Sequence[Plan], vault: tuple[str, str], command: Command) -> list[Shipment] | None:
        """Hand every plan to its warehouse; None where a recall was faster. Raises WarehouseUnavailable.

        `vault` is where the recipient's data is kept: under which order, in which entry.
        """
        released = []
        for plan in plans:
            shipment_id = shipment_id_of(order_id, plan.node_id, plan.round)
            planned = ev.ShipmentPlanned(order_id=order_id, node_id=plan.node_id, lines=plan.lines, pickup=plan.pickup)
            try:
                shipment = self._shipments.create(shipment_id, command, [planned]).state
            except VersionTaken:
                shipment = self._shipments.load(shipment_id).state
            if shipment.status == "planned":
                self._warehouse.release(
                    shipment_id=shipment_id,
                    order_id=order_id,
                    node_id=plan.node_id,
                    lines=[(line.line_id, line.sku, line.quantity) for line in shipment.lines],
                    phone_last4=self._recipients.phone_last4(*vault),
                    correlation_id=command.cause.correlation_id,
                    pickup=shipment.pickup,
                )
                shipment = self._shipments.execute(shipment_id, command, domain.release).state
            if shipment.status == "cancelled":
                # The recall came while the warehouse was taking it: the warehouse has to hear it too.
                self._warehouse.recall(shipment_id, correlation_id=command.cause.correlation_id)
                return None
            released.append(shipment)
        return released

    def recall(self, order_id: str, node_ids: Sequence[str], rounds: Mapping[str, int], reason: str, command: Command) -> Recall:
        """Stop what has not left; a shipment that was never planned is cancelled in advance. Raises WarehouseUnavailable.

        `rounds` is how many shipments of a node were recalled before.
        """
        late, stopped, shipments = [], 0, []
        for node_id in node_ids:
            shipment_id = shipment_id_of(order_id, node_id, rounds.get(node_id, 0))
            if self._stop(shipment_id, order_id, node_id, reason, command):
                stopped += 1
            else:
                late.append(shipment_id)
            shipments.append(self._shipments.load(shipment_id).state)
        outcome: Literal["recalled", "too_late", "partly"] = "recalled" if not late else "partly" if stopped else "too_late"
        return Recall(outcome, tuple(late), tuple(shipments))

    def _stop(self, shipment_id: str, order_id: str, node_id: str, reason: str, command: Command) -> bool:
        if self._shipments.find(shipment_id) is None:
            never = ev.ShipmentCancelled(order_id=order_id, node_id=node_id, reason=reason)
            try:
                self._shipments.create(shipment_id, command, [never])
            except VersionTaken:
                pass  # It was planned in this moment; it is recalled below.
            else:
                return True
        shipment = self._shipments.load(shipment_id).state
        if shipment.left:
            return False
        recalled = self._warehouse.recall(shipment_id, correlation_id=command.cause.correlation_id)
        if not recalled:
            return False
        try:
            self._shipments.execute(shipment_id, command, lambda s: domain.cancel(s, reason))
        except Conflict:
            return False
        return True

    def hold(self, shipment_ids: Sequence[str], command: Command) -> tuple[str, ...]:
        """Keep shipments in their nodes; answers those that had left already. Raises WarehouseUnavailable.

        What the hub's own shipment says is what counts: a warehouse that hears of it late is refused its dispatch.
        """
        late = []
        for shipment_id in shipment_ids:
            shipment = self._shipments.execute(shipment_id, command, domain.hold).state
            if shipment.left:
                late.append(shipment_id)
            elif shipment.held:
                self._warehouse.hold(shipment_id, correlation_id=command.cause.correlation_id)
        return tuple(late)

    def let_go(self, shipment_ids: Sequence[str], command: Command) -> None:
        """Let shipments leave their nodes again. Raises WarehouseUnavailable."""
        for shipment_id in shipment_ids:
            shipment = self._shipments.execute(shipment_id, command, domain.let_go).state
            if not shipment.left and shipment.status != "cancelled":
                self._warehouse.let_go(shipment_id, correlation_id=command.cause.correlation_id)

    def resume(self, shipment_id: str, lines: Mapping[str, int], command: Command) -> Shipment:
        """Go on picking with so many units by line, after a short pick. Raises Conflict, WarehouseUnavailable."""

        def decide(shipment: Shipment) -> Sequence[EventData]:
            kept = [line.model_copy(update={"quantity": lines[line.line_id]}) for line in shipment.lines if lines.get(line.line_id)]
            return domain.resume(shipment, kept)

        shipment = self._shipments.execute(shipment_id, command, decide).state
        self._warehouse.resume(
            shipment_id, [(line.line_id, line.quantity) for line in shipment.lines], correlation_id=command.cause.correlation_id
        )
        return shipment

    def load(self, shipment_id: str) -> Shipment:
        """The shipment as it is. Raises NotFound."""
        return self._shipments.load(shipment_id).state

    def as_of(self, shipment_id: str, now: datetime, command: Command) -> Shipment:
        """The shipment at a time: a pickup that nobody collected by then is put back. Raises NotFound, WarehouseUnavailable."""
        before = self._shipments.load(shipment_id).state
        if not pickup.expire(before, now):
            return before
        # The store learns it first: what it no longer keeps cannot be collected.
        self._warehouse.recall(shipment_id, correlation_id=command.cause.correlation_id)
        return self._shipments.execute(shipment_id, command, lambda shipment: pickup.expire(shipment, now)).state
