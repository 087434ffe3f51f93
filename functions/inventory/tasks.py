"""Step Functions entry point of inventory."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

from pydantic import BaseModel

from edge import clients
from edge.settings import FromEnvironment, read
from edge.tasks import TaskFunction, TaskInput
from inventory.distance import Point
from inventory.domain import Source, Wanted
from inventory.network_store import Networks, NetworkStore
from inventory.plans import Attributes
from inventory.returned import ReturnedStock
from inventory.revisions import RevisedReservations
from inventory.store import InventoryStore
from kernel.clock import SystemClock

if TYPE_CHECKING:
    from edge.tasks import Result
    from inventory.reservations import Outcome

handler = TaskFunction()


class InventorySettings(FromEnvironment):
    """Where stock is kept."""

    inventory_table: str


@lru_cache(maxsize=1)
def reservations() -> RevisedReservations:
    """The service, wired once."""
    table, clock = read(InventorySettings).inventory_table, SystemClock()
    store = InventoryStore(clients.dynamodb(), table)
    return RevisedReservations(store, clock, Networks(store.nodes, NetworkStore(clients.dynamodb(), table), clock))


@lru_cache(maxsize=1)
def returned_stock() -> ReturnedStock:
    """What puts returned units back, wired once."""
    return ReturnedStock(InventoryStore(clients.dynamodb(), read(InventorySettings).inventory_table))


class WantedLine(BaseModel):
    """Units of an order's line."""

    line_id: str
    sku: str
    quantity: int


class Place(BaseModel):
    """Degrees, WGS 84."""

    lat: float
    lon: float


class SourcingInput(BaseModel):
    """What rules may ask of an order."""

    channel: str = ""
    department: str | None = None
    tags: dict[str, str] = {}
    country: str = ""
    location: Place | None = None
    deliver_by: date | None = None
    awarded: tuple[str, ...] = ()
    auctioned: bool = False

    def attributes(self) -> Attributes:
        """The same as a value."""
        at = Point(self.location.lat, self.location.lon) if self.location else None
        told = (self.channel, self.department or "", self.tags, self.country)
        return Attributes(*told, at, self.deliver_by, self.awarded, self.auctioned)


class ReserveInput(TaskInput):
    """What to hold, what rules may ask of the order, the node that it has to come from, if any, and of which revision it is."""

    lines: list[WantedLine]
    node_id: str | None = None
    sourcing: SourcingInput = SourcingInput()
    revision: int = 0

    def wanted(self) -> list[Wanted]:
        """The lines in the stock's terms."""
        return [Wanted(line.line_id, line.sku, line.quantity) for line in self.lines]


class AllocateInput(TaskInput):
    """What the order wants, from where and in which revision; without lines, all that is held is allocated."""

    lines: list[WantedLine] | None = None
    node_id: str | None = None
    revision: int = 0

    def wanted(self) -> list[Wanted] | None:
        """The lines in the stock's terms."""
        return None if self.lines is None else [Wanted(line.line_id, line.sku, line.quantity) for line in self.lines]


class KeptUnits(BaseModel):
    """Units of a line that stay with the order."""

    line_id: str
    sku: str
    node_id: str
    quantity: int


class KeepInput(TaskInput):
    """All that stays with an order after some of it was cancelled."""

    allocations: list[KeptUnits]
    revision: int


class NodeUnits(BaseModel):
    """Units of a SKU at a node."""

    sku: str
    node_id: str
    quantity: int


class UnitsInput(TaskInput):
    """Units of SKUs at nodes."""

    lines: list[NodeUnits]

    def by_pair(self) -> dict[tuple[str, str], int]:
        """Units by (sku, node)."""
        pairs: dict[tuple[str, str], int] = {}
        for line in self.lines:
            pairs[line.sku, line.node_id] = pairs.get((line.sku, line.node_id), 0) + line.quantity
        return pairs


class ShipmentInput(UnitsInput):
    """What a shipment carried, or did not find."""

    shipment_id: str


class ReturnInput(UnitsInput):
    """What a return brought back that can be sold again, and when that was found."""

    return_id: str
    at: str


def _out(done: Outcome) -> Result:
    return {
        "outcome": done.outcome,
        "allocations": [
            {"line_id": part.line_id, "sku": part.sku, "node_id": part.node_id, "quantity": part.quantity} for part in done.sources
        ],
        "shortages": [asdict(part) for part in done.shortages],
        "why": json.loads(done.why) if done.why else None,
        "auction": {**asdict(done.auction), "deliver_by": done.auction.deliver_by.isoformat()} if done.auction else None,
    }


@handler.command("reserve", ReserveInput)
def reserve(task: ReserveInput) -> Result:
    """Hold all units: `reserved`, first `auction` for bids, `out_of_stock`, `closed` by a cancellation, `superseded` by an edit."""
    order = task.sourcing.attributes()
    return _out(reservations().reserve(task.order_id, task.wanted(), task.node_id, task.correlation_id, order, task.revision))


@handler.command("allocate", AllocateInput)
def allocate(task: AllocateInput) -> Result:
    """Allocate what is held and give back what is not wanted: `allocated`, `expired`, `closed` or `superseded`."""
    return _out(reservations().allocate(task.order_id, task.correlation_id, task.wanted(), task.node_id, task.revision))


@handler.command("keep", KeepInput)
def keep(task: KeepInput) -> Result:
    """Give back what was cancelled of an allocation."""
    parts = [Source(part.line_id, part.sku, part.node_id, part.quantity) for part in task.allocations]
    return _out(reservations().keep(task.order_id, parts, task.revision, task.correlation_id))


@handler.command("release", TaskInput)
def release(task: TaskInput) -> Result:
    """Give back whatever is held, for good."""
    return _out(reservations().release(task.order_id, task.correlation_id))


@handler.command("ship", ShipmentInput)
def ship(task: ShipmentInput) -> Result:
    """Take a shipment off the books, once."""
    reservations().ship(task.order_id, task.shipment_id, task.by_pair(), task.correlation_id)
    return {"outcome": "shipped"}


@handler.command("write_off_short", ShipmentInput)
def write_off_short(task: ShipmentInput) -> Result:
    """Take units that were not found off the books, once."""
    reservations().write_off(task.order_id, task.shipment_id, task.by_pair(), task.correlation_id)
    return {"outcome": "written_off"}


@handler.command("return", ReturnInput)
def put_back(task: ReturnInput) -> Result:
    """Count what a return brought as on hand again, once."""
    returned_stock().put_back(task.order_id, task.return_id, task.by_pair(), task.at, task.correlation_id)
    return {"outcome": "returned"}
