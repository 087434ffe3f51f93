"""Everything that happened to an order on one timeline: commands, events with their lag by lane, saga steps, partner calls."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx

from local.api_client import Hub
from local.aws import client
from local.console import console
from local.hubfile import read
from local.instance import PARTNERS
from local.logs import events_arrived

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.instance import Instance

COLOURS = {
    "command": "bold",
    "event": "cyan",
    "saga": "green",
    "payment": "magenta",
    "warehouse": "yellow",
    "carrier": "blue",
    "bidders": "bright_yellow",
}


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """Something that happened."""

    at: datetime
    source: str
    text: str


def run(instance: Instance, order_id: str) -> None:
    """Print the timeline of an order. Raises Refused where there is none."""
    order = Hub(instance).order(order_id)
    entries = sorted(entries_of(instance, order))
    console.print(f"[bold]{order_id}[/] is {order['status']}, payment {order['payment_status']}, {len(entries)} entries\n")
    began = entries[0].at
    for entry in entries:
        colour = COLOURS.get(entry.source.split()[0], "")
        since = (entry.at - began).total_seconds()
        console.print(f"{since:9.3f} s  [{colour}]{entry.source:22}[/] {entry.text}", soft_wrap=True)


def entries_of(instance: Instance, order: dict[str, Any]) -> Iterator[Entry]:
    """All entries of an order, in no order."""
    lags: dict[str, dict[str, Any]] = {}
    since = datetime.fromisoformat(order["received_at"]).timestamp() - 1
    for event in events_arrived(instance, since):
        lags.setdefault(event["event_id"], event)
    for aggregate_id in _aggregates(order):
        yield from _commits(instance, aggregate_id, lags)
    yield from _saga_steps(instance, order["id"])
    for partner in PARTNERS:
        yield from _journal(instance, partner, order["id"])


def _aggregates(order: dict[str, Any]) -> list[str]:
    return [order["id"], *filter(None, [order["payment_id"]]), *(shipment["shipment_id"] for shipment in order["shipments"])]


def _commits(instance: Instance, aggregate_id: str, lags: dict[str, dict[str, Any]]) -> Iterator[Entry]:
    pages = (
        client(instance, "dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=read(instance)["orders_table"],
            KeyConditionExpression="pk = :id",
            ExpressionAttributeValues={":id": {"S": aggregate_id}},
        )
    )
    for page in pages:
        for item in page["Items"]:
            at = datetime.fromisoformat(item["at"]["S"])
            yield Entry(at, "command", f"{item['command']['S']} by {item['actor']['S']}, correlation {item['correlation']['S']}")
            for number, event in enumerate(json.loads(item["events"]["S"])):
                lag = lags.get(event["id"])
                told = f"at the board after {lag['lag_ms']} ms by the {lag['lane']} lane" if lag else "not seen at the board"
                sequence = int(item["sk"]["N"]) + number
                yield Entry(at, f"event {aggregate_id[:3]} {sequence}", f"{event['type']}.v{event['v']}, {told}")


def _saga_steps(instance: Instance, order_id: str) -> Iterator[Entry]:
    machines = client(instance, "stepfunctions")
    for saga, arn in read(instance)["state_machines"].items():
        for page in machines.get_paginator("list_executions").paginate(stateMachineArn=arn):
            for execution in page["executions"]:
                if execution["name"].startswith(order_id):
                    yield from _history(machines, saga, execution)


def _history(machines: Any, saga: str, execution: dict[str, Any]) -> Iterator[Entry]:  # a boto3 client
    mark = execution["name"].split("-", 1)[-1]
    source = f"saga {saga}"
    yield Entry(execution["startDate"].astimezone(UTC), source, f"execution {mark} started")
    for page in machines.get_paginator("get_execution_history").paginate(executionArn=execution["executionArn"]):
        for event in page["events"]:
            at = event["timestamp"].astimezone(UTC)
            if event["type"] == "TaskStateEntered":
                yield Entry(at, source, event["stateEnteredEventDetails"]["name"])
            elif event["type"] in ("TaskFailed", "ExecutionFailed"):
                details = next(value for name, value in event.items() if name.endswith("EventDetails"))
                yield Entry(at, source, f"{event['type']}: {details.get('error', '')} {details.get('cause', '')[:120]}")
    if "stopDate" in execution:
        yield Entry(execution["stopDate"].astimezone(UTC), source, f"execution {mark} {execution['status'].lower()}")


def _journal(instance: Instance, partner: str, order_id: str) -> Iterator[Entry]:
    answer = httpx.get(f"{instance.url(partner)}/journal", params={"order_id": order_id}, timeout=10)
    for entry in answer.json()["items"]:
        yield Entry(datetime.fromisoformat(entry["at"]), partner, f"{entry['operation']}: {entry['outcome']}")
