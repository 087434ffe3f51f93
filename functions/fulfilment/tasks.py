"""Step Functions entry point of fulfilment."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from edge import clients
from edge.cipher import FieldCipher
from edge.settings import FromEnvironment, VaultSettings, read
from edge.tasks import TaskFunction, TaskInput
from edge.vault import Vault
from edge.wiring import aggregates
from fulfilment.domain import fold
from fulfilment.events import ShipmentLine
from fulfilment.service import Fulfilment, Plan
from fulfilment.warehouse_http import HttpWarehouse
from kernel.clock import SystemClock

if TYPE_CHECKING:
    from edge.tasks import Result
    from fulfilment.state import Shipment

handler = TaskFunction()


class WarehouseSettings(FromEnvironment):
    """Where the warehouse is and the secret that holds its key."""

    warehouse_base_url: str
    warehouse_key_secret: str


class VaultRecipients:
    """Opens the one field that a label may show: the last four digits of the recipient's phone."""

    def __init__(self, vault: Vault, cipher: FieldCipher) -> None:
        self._vault = vault
        self._cipher = cipher

    def phone_last4(self, vault_order: str, vault_entry: str) -> str | None:
        """The last four digits, or None where there is no phone, or none any more."""
        sealed = self._vault.get(vault_order, vault_entry, "ship_to.phone:last4")
        return self._cipher.open(sealed, vault_order) if sealed else None


@lru_cache(maxsize=1)
def fulfilment() -> Fulfilment:
    """The service, wired once. Raises ValueError where the key for the last four digits is not configured."""
    settings, vault = read(WarehouseSettings), read(VaultSettings)
    if vault.last4_key_id is None:
        raise ValueError("LAST4_KEY_ID is needed to open the last four digits")
    recipients = VaultRecipients(
        Vault(clients.dynamodb(), vault.vault_table), FieldCipher(clients.kms(), vault.last4_key_id, "last4")
    )
    warehouse = HttpWarehouse(base_url=settings.warehouse_base_url, api_key=clients.secret(settings.warehouse_key_secret))
    return Fulfilment(aggregates(fold, "shipment", "shp"), warehouse, recipients)


class AllocatedLine(BaseModel):
    """Units of a line that a node holds."""

    line_id: str
    sku: str
    node_id: str
    quantity: int


class ReleaseInput(TaskInput):
    """What the nodes hold for the order, and where its personal data lies."""

    allocations: list[AllocatedLine]
    rounds: dict[str, int] = Field(default_factory=dict)
    """How many shipments of each node were recalled before."""
    vault_entry: str
    vault_order: str | None = None
    """The order under which the vault keeps it, where it is not this one."""
    pickup: bool = False


class RecallInput(TaskInput):
    """The nodes that may have a shipment of the order, and why it is recalled."""

    node_ids: list[str]
    rounds: dict[str, int] = Field(default_factory=dict)
    reason: str


class ResumeInput(TaskInput):
    """A short-picked shipment and the units, by line, to go on with."""

    shipment_id: str
    lines: dict[str, int]


class ShipmentsInput(TaskInput):
    """The shipments that it is about."""

    shipment_ids: list[str]


def _out(shipment: Shipment) -> dict[str, object]:
    return {
        "shipment_id": shipment.id,
        "node_id": shipment.node_id,
        "status": shipment.status,
        "collect_by": shipment.collect_by,
        "lines": [line.model_dump() for line in shipment.lines],
        "missing": [line.model_dump() for line in shipment.missing],
    }


@handler.command("release", ReleaseInput)
def release(task: ReleaseInput) -> Result:
    """Hand the order to its warehouses: `released`, or `closed` where a recall was faster."""
    by_node: dict[str, list[ShipmentLine]] = {}
    for part in task.allocations:
        line = ShipmentLine(line_id=part.line_id, sku=part.sku, quantity=part.quantity)
        by_node.setdefault(part.node_id, []).append(line)
    plans = [Plan(node_id, tuple(lines), task.pickup, task.rounds.get(node_id, 0)) for node_id, lines in by_node.items()]
    vault = (task.vault_order or task.order_id, task.vault_entry)
    released = fulfilment().release(task.order_id, plans, vault, task.request("release-shipments"))
    if released is None:
        return {"outcome": "closed", "shipments": []}
    return {"outcome": "released", "shipments": [_out(shipment) for shipment in released]}


@handler.command("recall", RecallInput)
def recall(task: RecallInput) -> Result:
    """Stop what has not left: `recalled`, `too_late` or `partly`."""
    done = fulfilment().recall(task.order_id, task.node_ids, task.rounds, task.reason, task.request("recall-shipments"))
    return {"outcome": done.outcome, "late": list(done.late), "shipments": [_out(shipment) for shipment in done.shipments]}


@handler.command("hold", ShipmentsInput)
def hold(task: ShipmentsInput) -> Result:
    """Keep shipments in their nodes: `held`, with those that had left already."""
    return {"outcome": "held", "late": list(fulfilment().hold(task.shipment_ids, task.request("hold-shipments")))}


@handler.command("let_go", ShipmentsInput)
def let_go(task: ShipmentsInput) -> Result:
    """Let shipments leave their nodes again."""
    fulfilment().let_go(task.shipment_ids, task.request("let-shipments-go"))
    return {"outcome": "let_go"}


@handler.command("resume", ResumeInput)
def resume(task: ResumeInput) -> Result:
    """Go on picking with what there is."""
    return {
        "outcome": "resumed",
        "shipment": _out(fulfilment().resume(task.shipment_id, task.lines, task.request("resume-shipment"))),
    }


@handler.command("progress", ShipmentsInput)
def progress(task: ShipmentsInput) -> Result:
    """How far shipments are; a pickup that nobody collected in time is put back now."""
    now, command = SystemClock().now(), task.request("expire-pickup")
    shipments = [fulfilment().as_of(shipment_id, now, command) for shipment_id in task.shipment_ids]
    return {"outcome": "read", "shipments": [_out(shipment) for shipment in shipments]}
