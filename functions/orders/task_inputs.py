"""What the sagas give with a command on an order."""

from __future__ import annotations

from pydantic import BaseModel

from edge.tasks import TaskInput
from orders import events as ev
from orders.reasons import SourcingReasons  # noqa: TC001  # pydantic reads it at run time


class Allocated(BaseModel):
    """Units of a line that a node holds."""

    line_id: str
    node_id: str
    quantity: int


class Quantity(BaseModel):
    """Units of a line."""

    line_id: str
    quantity: int


class ShipmentState(BaseModel):
    """A shipment as fulfilment knows it."""

    shipment_id: str
    node_id: str
    status: str
    lines: list[Quantity]
    collect_by: str | None = None

    def planned(self) -> ev.PlannedShipment:
        """The shipment in the order's terms."""
        lines = tuple(ev.LineQuantity(line_id=line.line_id, quantity=line.quantity) for line in self.lines)
        return ev.PlannedShipment(shipment_id=self.shipment_id, node_id=self.node_id, lines=lines)


class ConfirmInput(TaskInput):
    """What was authorised and allocated, why from there, and for which revision of the order's lines."""

    payment_id: str
    allocations: list[Allocated]
    why: SourcingReasons | None = None
    revision: int = 0


class ShipmentsInput(TaskInput):
    """Shipments to record."""

    shipments: list[ShipmentState]


class RejectInput(TaskInput):
    """Why the hub does not take the order."""

    code: str
    reason: str


class UndoEditInput(RejectInput):
    """Which revision of the order's lines cannot be had, and why."""

    revision: int


class ReasonInput(TaskInput):
    """Why."""

    reason: str


class DeclineInput(ReasonInput):
    """The shipments that had left."""

    late: list[str]


class RecallInput(TaskInput):
    """How the recall ended: the shipments that were to be stopped, and those of them that had left."""

    shipments: list[ShipmentState]
    late: list[str]


class CompleteInput(TaskInput):
    """What was captured in all, in minor units."""

    captured: int


class CancelUnitsInput(TaskInput):
    """Units that cannot be had, and why; of which shipment and for which incident, where they were not found."""

    lines: list[Quantity]
    reason: str
    shipment_id: str | None = None
    incident_id: str | None = None


class RepairInput(TaskInput):
    """Which saga stopped at which step, and why."""

    stopped_saga: ev.RepairedSaga
    step: str = ""
    error: str = ""
    return_id: str | None = None
