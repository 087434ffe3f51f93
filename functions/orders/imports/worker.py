"""Queue entry point of imports: a file's arrival starts its import; before its time is up the worker hands over to the next."""

from __future__ import annotations

import json
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote_plus

from edge import clients
from edge.aggregates import Aggregates
from edge.claims import Claims
from edge.event_store import EventStore
from edge.fast_lane import RelayOnly
from edge.logs import logger
from edge.settings import ClaimSettings, FromEnvironment, read
from kernel.clock import SystemClock
from orders.domain import fold
from orders.imports.files import Files
from orders.imports.jobs import Jobs
from orders.imports.running import Pace, Running
from orders.personal_data import personal_data
from orders.service import Orders

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.aggregates import Command
    from orders.commands import PlaceOrder

SPARE_MS = 10_000
"""What a chunk may still take when the worker hands over."""


class WorkerSettings(FromEnvironment):
    """Where orders, jobs and files are, and how many rows a second a worker places."""

    orders_table: str
    imports_table: str
    imports_bucket: str
    imports_queue: str
    import_rows_per_s: float = 50


class Time(Protocol):
    """What Lambda tells of a call."""

    def get_remaining_time_in_millis(self) -> int:
        """How long it may still run."""
        ...


@lru_cache(maxsize=1)
def running() -> Running:
    """The use case, wired once."""
    settings, database, clock = read(WorkerSettings), clients.dynamodb(), SystemClock()
    # No fast lane: an import is in no hurry, and the relay tells a whole batch of commits in one call.
    orders = Orders(Aggregates(EventStore(database, settings.orders_table), RelayOnly(), clock, fold, "order", "ord"), clock)
    claims, personal = Claims(database, read(ClaimSettings).claims_table), personal_data()

    def place(order: PlaceOrder, command: Command, caller: str) -> object:
        return orders.place(order, command, caller, claims, personal)

    files = Files(clients.s3(), settings.imports_bucket)
    return Running(
        Jobs(database, settings.imports_table), files, place, clock, Pace(settings.import_rows_per_s, time.monotonic, time.sleep)
    )


def _asked(body: str) -> Iterator[str]:
    """The imports that a message is about: those of files that came, or one to go on with. S3's test message is about none."""
    message = json.loads(body)
    if "import_id" in message:
        yield str(message["import_id"])
    for record in message.get("Records", []):
        yield unquote_plus(record["s3"]["object"]["key"])


def handler(event: dict[str, Any], context: Time) -> dict[str, Any]:
    """Work on imports; a message that fails is shown again, and its import goes on where it was."""
    failed = []
    for record in event["Records"]:
        try:
            for import_id in _asked(record["body"]):
                _work(import_id, context)
        except Exception as error:  # noqa: BLE001  # one import must not hold up another; the queue shows it again
            logger.error("import interrupted", error=type(error).__name__)
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def _work(import_id: str, context: Time) -> None:
    outcome = running().go_on(import_id, lambda: context.get_remaining_time_in_millis() < SPARE_MS)
    logger.info("import", import_id=import_id, outcome=outcome)
    if outcome == "more":
        message = json.dumps({"import_id": import_id})
        clients.sqs().send_message(QueueUrl=read(WorkerSettings).imports_queue, MessageBody=message)
