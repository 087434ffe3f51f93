"""How the hub is: its processes, orders by state, what is parked, and the repair queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from local import emulator, partnership
from local.api_client import Hub
from local.aws import client
from local.console import console
from local.hubfile import read
from local.instance import PARTNERS

if TYPE_CHECKING:
    from local.instance import Instance

STATES = (
    "received",
    "confirmed",
    "allocated",
    "released",
    "shipped",
    "delivered",
    "completed",
    "cancelling",
    "cancelled",
    "rejected",
)


def run(instance: Instance) -> None:
    """Print the state of an instance. Raises NotUp."""
    hub = read(instance)
    for process in (emulator.emulator(instance), *(partnership.process(instance, partner) for partner in PARTNERS)):
        state = "[green]answers[/]" if process.healthy() else "[red]does not answer[/]"
        console.print(f"  {process.name:26} port {process.port}  {state}")
    console.print(f"  {'API':26} {hub['api_url']}\n", soft_wrap=True)
    table = Table("state", "orders", box=None, header_style="dim")
    for state, count in orders_by_state(instance).items():
        if count:
            table.add_row(state, str(count))
    console.print(table)
    for name, depth in parked(instance).items():
        if depth:
            console.print(f"  [red]{depth} parked in {name}[/]")
    repairs = Hub(instance).call("GET", "/v1/repairs?limit=200")["items"]
    approvals = Hub(instance).call("GET", "/v1/approvals?state=pending&limit=200")["items"]
    console.print(
        f"\n  {len(repairs)} in the repair queue{' (orderhub repair shows them)' if repairs else ''}, {len(approvals)} approvals pending"
    )


def orders_by_state(instance: Instance) -> dict[str, int]:
    """How many orders the board shows in each state."""
    database, table = client(instance, "dynamodb"), read(instance)["views_table"]
    return {
        state: sum(count for partition in partitions(state) for count in _counts(database, table, partition)) for state in STATES
    }


def partitions(state: str) -> tuple[str, ...]:
    """The partitions of the board's index in which the orders of a state are."""
    from hub.indexes import lead

    return lead(None, None, None, state).partitions


def _counts(database: Any, table: str, partition: str) -> list[int]:  # a boto3 client
    pages = database.get_paginator("query").paginate(
        TableName=table,
        IndexName="by_state",
        KeyConditionExpression="gsi_state_pk = :s",
        ExpressionAttributeValues={":s": {"S": partition}},
        Select="COUNT",
    )
    return [page["Count"] for page in pages]


def parked(instance: Instance) -> dict[str, int]:
    """How many messages each dead-letter queue holds."""
    queues = client(instance, "sqs")
    name = "ApproximateNumberOfMessages"
    return {
        queue: int(queues.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])
        for queue, url in read(instance)["dead_letter_queues"].items()
    }
