"""Step Functions entry point of orders. Every command's guard is the order's own state, so a saga may start again."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from edge import clients
from edge.settings import ClaimSettings, read
from edge.tasks import TaskFunction, TaskInput
from edge.wiring import aggregates
from kernel.clock import SystemClock
from kernel.errors import Conflict
from kernel.events import Actor
from orders import cancelling, domain, edits, payment_hold, releasing, return_tasks
from orders import events as ev
from orders.domain import Order, fold
from orders.screening import RuleSet
from orders.service import Orders
from orders.store import OrderCounters
from orders.task_inputs import (
    CancelUnitsInput,
    CompleteInput,
    ConfirmInput,
    DeclineInput,
    ReasonInput,
    RecallInput,
    RejectInput,
    RepairInput,
    ShipmentsInput,
    ShipmentState,
    UndoEditInput,
)

if TYPE_CHECKING:
    from edge.tasks import Result

handler = TaskFunction()
NextStep = Literal["proceed", "resume", "hold", "check_payment", "hold_shipments", "let_go", "return_money", "stop"]


@lru_cache(maxsize=1)
def orders() -> Orders:
    """The service, wired once."""
    return Orders(aggregates(fold, "order", "ord"), SystemClock())


@lru_cache(maxsize=1)
def rules() -> RuleSet:
    """The screening rules that were deployed with this code. Raises pydantic's ValidationError."""
    return RuleSet.model_validate_json(Path(__file__).with_name("screening_rules.json").read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def counters() -> OrderCounters:
    """How often customers order."""
    return OrderCounters(clients.dynamodb(), read(ClaimSettings).claims_table)


def brief(order: Order) -> dict[str, object]:
    """What the other contexts need to know of an order."""
    received = order.received
    return {
        "status": order.status,
        "currency": order.currency,
        "revision": order.revision,
        "amount": order.payable.amount,
        "token": received.payment.token,
        "payments": [method.model_dump() for method in received.payments or (received.payment,)],
        "delivery": order.destination.delivery.model_dump(),
        "sourcing": {
            "channel": received.channel,
            "department": received.department,
            "tags": received.tags,
            "country": order.destination.ship_to.country,
            "deliver_by": received.promised_on,
            "location": order.destination.ship_to.location.model_dump() if order.destination.ship_to.location else None,
        },
        "vault_entry": order.destination.vault_entry,
        "vault_order": order.destination.vault_order,
        "reason": order.reason or "",
        "lines": [{"line_id": line.line_id, "sku": line.sku, "quantity": line.open} for line in order.lines.values() if line.open],
        "allocations": [{**part.model_dump(), "sku": order.lines[part.line_id].sku} for part in order.allocations],
        "to_release": [{**part.model_dump(), "sku": order.lines[part.line_id].sku} for part in releasing.to_release(order)],
        "rounds": releasing.rounds(order),
        "node_ids": cancelling.to_stop(order),
        "shipment_ids": list(order.shipments),
        "in_repair": bool(order.repairs),
    }


def next_step(order: Order) -> NextStep:
    """What the selling saga has to do for an order as it is."""
    if order.status in ("cancelled", "rejected"):
        return "return_money"
    if payment_hold.waits(order) and order.progress == "received":
        return "check_payment"
    if order.status == "on_hold":
        return "hold_shipments" if order.shipments else "hold"
    if order.status in ("released", "shipped"):
        return "resume" if releasing.to_release(order) else "let_go" if order.holds else "stop"
    return "proceed" if order.status == "received" else "resume" if order.status in ("confirmed", "allocated") else "stop"


@handler.command("screen", TaskInput)
def screen(task: TaskInput) -> Result:
    """Screen the order, and say whether the saga has work to do.

    `proceed` with the order's brief, `resume` at the release, `hold` where somebody has to decide first (`hold_shipments`
    where the warehouse has some), `check_payment` where it waits for the provider, `let_go` where nobody holds the shipments
    any more, `return_money` where it is over and nothing may be held for it, or `stop`.
    """
    command = task.request("screen-order")
    by_rule = replace(command, cause=replace(command.cause, actor=Actor("rule", "screening")))
    order = orders().screen(task.order_id, by_rule, rules(), counters())
    return {"outcome": next_step(order), "order": brief(order)}


@handler.command("read", TaskInput)
def read_order(task: TaskInput) -> Result:
    """The order's brief."""
    order = orders().load(task.order_id).state
    return {"outcome": order.status, "order": brief(order)}


@handler.command("await-payment", TaskInput)
def await_payment(task: TaskInput) -> Result:
    """Hold the order until its payment is final: `held`, or `stop` where a cancellation was faster."""
    now = SystemClock().now()
    try:
        orders().decide(task.order_id, task.request("await-payment"), lambda order: payment_hold.wait(order, now))
    except Conflict:
        return {"outcome": "stop"}
    return {"outcome": "held"}


@handler.command("payment-arrived", TaskInput)
def payment_arrived(task: TaskInput) -> Result:
    """Release the order from the hold for its payment; the release starts the saga again."""
    try:
        orders().decide(task.order_id, task.request("payment-arrived"), payment_hold.arrive)
    except Conflict:
        return {"outcome": "stop"}
    return {"outcome": "released"}


@handler.command("confirm", ConfirmInput)
def confirm(task: ConfirmInput) -> Result:
    """Sell it: `confirmed`, `changed` by an edit, `hold` where somebody held it, or `stop` where a cancellation was faster."""
    allocations = [ev.Allocation(line_id=a.line_id, node_id=a.node_id, quantity=a.quantity) for a in task.allocations]
    try:
        order = (
            orders()
            .decide(
                task.order_id,
                task.request("confirm-order"),
                lambda o: domain.confirm(o, task.payment_id, allocations, task.why, revision=task.revision),
            )
            .state
        )
    except Conflict:
        order = orders().load(task.order_id).state
    outcomes = {"received": "changed", "allocated": "confirmed", "released": "confirmed", "on_hold": "hold"}
    outcome = outcomes.get(order.status, "stop")
    return {"outcome": outcome, "order": brief(order)}


@handler.command("release", ShipmentsInput)
def release(task: ShipmentsInput) -> Result:
    """Record that the warehouses took the shipments."""
    planned = [shipment.planned() for shipment in task.shipments]
    order = orders().decide(task.order_id, task.request("release-order"), lambda o: domain.release(o, planned)).state
    return {"outcome": order.status, "order": brief(order)}


@handler.command("reject", RejectInput)
def reject(task: RejectInput) -> Result:
    """Turn the order down: `rejected`, or `stop` where a cancellation was faster and does the same."""
    try:
        order = (
            orders().decide(task.order_id, task.request("reject-order"), lambda o: domain.reject(o, task.code, task.reason)).state
        )
    except Conflict as conflict:
        return {"outcome": "stop", "status": conflict.extra.get("current_status", "")}
    return {"outcome": order.status}


@handler.command("undo-edit", UndoEditInput)
def undo_edit(task: UndoEditInput) -> Result:
    """Undo the edit that cannot be had: `undone`, `changed` where the order is another one by now, or `none` to undo."""
    done = orders().decide(task.order_id, task.request("undo-edit"), lambda o: edits.undo(o, task.revision, task.code, task.reason))
    if done.events:
        return {"outcome": "undone"}
    return {"outcome": "none" if done.state.revision == task.revision else "changed"}


def _ship(task: TaskInput, shipment: ShipmentState) -> Order:
    """The order after it learned that a shipment left."""
    planned = shipment.planned()
    return orders().decide(task.order_id, task.request("ship-order"), lambda o: domain.ship(o, planned)).state


def _record(task: TaskInput, shipment: ShipmentState, order: Order) -> Order:
    """The order after it learned how far a shipment is."""
    if shipment.status == "ready_for_pickup" and shipment.collect_by:
        until = shipment.collect_by
        return (
            orders()
            .decide(task.order_id, task.request("note-ready"), lambda o: domain.note_ready(o, shipment.shipment_id, until))
            .state
        )
    if shipment.status in ("dispatched", "delivered", "lost", "picked_up"):
        order = _ship(task, shipment)
    if shipment.status in ("delivered", "picked_up"):
        delivered = shipment.shipment_id
        order = orders().decide(task.order_id, task.request("deliver-order"), lambda o: domain.deliver(o, delivered)).state
    return order


@handler.command("record-progress", ShipmentsInput)
def record_progress(task: ShipmentsInput) -> Result:
    """Record what left and what arrived; answers what stock and payment have to follow with."""
    order = orders().load(task.order_id).state
    for shipment in task.shipments:
        order = _record(task, shipment, order)
    left = [shipment for shipment in order.shipments.values() if shipment.status != "released"]
    return {
        "outcome": order.status,
        "shipped": [
            {
                "shipment_id": shipment.shipment_id,
                "lines": [
                    {"sku": order.lines[part.line_id].sku, "node_id": shipment.node_id, "quantity": part.quantity}
                    for part in shipment.lines
                ],
            }
            for shipment in left
        ],
        "amount": order.capturable.amount,
        "currency": order.currency,
        "final": order.all_shipped,
        "expired": order.status == "released" and any(shipment.status == "expired" for shipment in task.shipments),
        "in_repair": bool(order.repairs),
    }


@handler.command("complete", CompleteInput)
def complete(task: CompleteInput) -> Result:
    """Close the order where its last line is delivered and paid."""
    order = orders().decide(task.order_id, task.request("complete-order"), lambda o: domain.complete(o, task.captured)).state
    return {"outcome": order.status}


@handler.command("request-cancel", ReasonInput)
def request_cancel(task: ReasonInput) -> Result:
    """Lock the order for its cancellation."""
    return {"outcome": orders().cancel(task.order_id, task.request("cancel-order"), task.reason).state.status}


@handler.command("record-recall", RecallInput)
def record_recall(task: RecallInput) -> Result:
    """Record what left and what stays, and say what follows: `undo`, `recall`, `keep`, `decline`, or `over`."""
    order = orders().load(task.order_id).state
    for shipment in task.shipments:
        if shipment.shipment_id in task.late:
            order = _ship(task, shipment)
    if cancelling.outcome(order) != "undo":
        stopped = {shipment.shipment_id: shipment.node_id for shipment in task.shipments if shipment.shipment_id not in task.late}
        order = orders().decide(task.order_id, task.request("record-recall"), lambda o: cancelling.record_recall(o, stopped)).state
    outcome = cancelling.outcome(order)
    kept = cancelling.settlement(order).allocations if outcome == "keep" else ()
    return {
        "outcome": outcome,
        "order": brief(order),
        "late": task.late,
        "keep": [{**part.model_dump(), "sku": order.lines[part.line_id].sku} for part in kept],
    }


@handler.command("settle-cancel", TaskInput)
def settle_cancel(task: TaskInput) -> Result:
    """A part is cancelled, and its stock given back: the order goes on with the rest."""
    return {"outcome": orders().decide(task.order_id, task.request("settle-cancel"), cancelling.settle).state.status}


@handler.command("finish-cancel", TaskInput)
def finish_cancel(task: TaskInput) -> Result:
    """All is undone."""
    return {"outcome": orders().decide(task.order_id, task.request("finish-cancel"), domain.finish_cancel).state.status}


@handler.command("decline-cancel", DeclineInput)
def decline_cancel(task: DeclineInput) -> Result:
    """The warehouse was faster: the order goes on."""
    done = orders().decide(
        task.order_id, task.request("decline-cancel"), lambda o: domain.decline_cancel(o, task.reason, task.late)
    )
    return {"outcome": done.state.status}


@handler.command("cancel-units", CancelUnitsInput)
def cancel_units(task: CancelUnitsInput) -> Result:
    """Give up units that cannot be had, once for each incident."""
    lines = [ev.LineQuantity(line_id=line.line_id, quantity=line.quantity) for line in task.lines]

    done = orders().decide(
        task.order_id,
        task.request("cancel-units"),
        lambda o: domain.cancel_units(o, lines, task.reason, task.shipment_id, task.incident_id),
    )
    return {"outcome": done.state.status}


@handler.command("open-repair", RepairInput)
def open_repair(task: RepairInput) -> Result:
    """Put the order into the repair queue."""
    orders().decide(
        task.order_id,
        task.request("open-repair"),
        lambda o: domain.open_repair(o, task.stopped_saga, task.step, task.error, task.return_id),
    )
    return {"outcome": "repair_opened"}


@handler.command("resolve-repair", RepairInput)
def resolve_repair(task: RepairInput) -> Result:
    """Take the order out of the repair queue, if it is in it."""
    orders().decide(
        task.order_id, task.request("resolve-repair"), lambda o: domain.resolve_repair(o, task.stopped_saga, task.return_id)
    )
    return {"outcome": "resolved"}


return_tasks.declare(handler, orders)
