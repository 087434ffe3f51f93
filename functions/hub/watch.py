"""The watch: every minute it looks for orders that wait for something that did not come, and starts their saga again.

Sagas are level-triggered: started again, they find what is done and do what is not. So the watch needs no knowledge of
what went wrong, whether a worker died, an event was lost or a partner is silent.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from edge import clients
from edge.aggregates import Command
from edge.logs import logger
from edge.settings import FromEnvironment, ViewSettings, read
from edge.wiring import aggregates
from hub import indexes
from hub.starter import Saga, Sagas, sagas
from kernel.clock import SystemClock, rfc3339
from kernel.errors import DomainError
from kernel.events import Actor, Cause
from kernel.ids import new_id
from orders import domain, unpaid
from orders.releasing import to_release
from orders.service import Orders

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

    from orders.domain import Order, Status

AT_ONCE = 500
"""Orders that one run takes on; the next minute takes on more."""

RESTARTS: dict[Status, Saga] = {
    "received": "fulfilment",
    "confirmed": "fulfilment",
    "allocated": "fulfilment",
    "cancelling": "cancellation",
    "released": "settlement",
    "shipped": "settlement",
    "delivered": "settlement",
}
"""Which saga brings an order on that has been in a status for too long."""


class WatchSettings(FromEnvironment):
    """How long an order may wait for its money, in seconds."""

    unpaid_after_s: int = 24 * 3600


class Watch:
    """Finds overdue orders on the board and starts their sagas again."""

    def __init__(
        self, client: DynamoDBClient, views_table: str, orders: Orders, sagas: Sagas, unpaid_after: timedelta = timedelta(days=1)
    ) -> None:
        self._client = client
        self._table = views_table
        self._orders = orders
        self._sagas = sagas
        self._unpaid_after = unpaid_after

    def look(self, now: datetime) -> int:
        """Start the saga of every overdue order again; answers how many there were."""
        found = 0
        for order_id in self._overdue(now):
            found += 1
            try:
                self._wake(order_id, now)
            except (DomainError, ClientError) as error:
                # One order that cannot be woken must not leave the others asleep; the next minute tries it again.
                logger.warning("not woken", order_id=order_id, reason=type(error).__name__)
        return found

    def _wake(self, order_id: str, now: datetime) -> None:
        correlation_id = new_id("req")
        cause = Cause(Actor("rule", "watch"), correlation_id)
        # What follows from the end of a hold follows from its events.
        ended = self._orders.expire_holds(order_id, Command("expire-holds", cause), now)
        if ended.events:
            return
        by_rule = Command("cancel-unpaid", replace(cause, actor=Actor("rule", "unpaid")))
        given_up = self._orders.decide(order_id, by_rule, lambda order: unpaid.give_up(order, now, self._unpaid_after))
        if given_up.events or not given_up.state.moves:
            return
        order = self._orders.decide(order_id, Command("note-overdue", cause), domain.note_overdue).state
        restart(self._sagas, order, f"w{int(now.timestamp())}", correlation_id)

    def _overdue(self, now: datetime) -> Iterator[str]:
        partitions = indexes.all_due()
        # Every minute begins with another partition, so that none waits behind one that is full.
        first = int(now.timestamp() // 60) % len(partitions)
        found = (order_id for partition in (*partitions[first:], *partitions[:first]) for order_id in self._due(partition, now))
        yield from islice(found, AT_ONCE)

    def _due(self, partition: str, now: datetime) -> Iterator[str]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            IndexName="by_due",
            KeyConditionExpression="gsi_due_pk = :due AND gsi_due_sk < :now",
            ExpressionAttributeValues={":due": {"S": partition}, ":now": {"S": rfc3339(now)}},
            PaginationConfig={"PageSize": 100},
        )
        for page in pages:
            yield from (item["pk"]["S"] for item in page["Items"])


def restart(sagas: Sagas, order: Order, mark: str, correlation_id: str) -> Saga | None:
    """Start the saga that brings an order on; None where nothing is owed to it, or it waits for a hold to be resolved."""
    returning = [repair.return_id for repair in order.repairs.values() if repair.return_id is not None]
    for return_id in returning:
        sagas.start("returns", f"{order.id}-{return_id[4:12]}-{mark}", order.id, correlation_id, return_id=return_id)
    saga = RESTARTS.get("cancelling" if order.locked else order.progress) if order.moves else None
    owed = "fulfilment" in order.repairs
    if (saga == "settlement" and (owed or to_release(order))) or (order.ended and owed):
        # What the warehouse has to be told about a hold, or handed after a cancellation, is the selling saga's business still,
        # and so is late money.
        saga = "fulfilment"
    if saga is None and returning:
        return "returns"
    if saga is not None:
        logger.info("starting again", order_id=order.id, saga=saga, status=order.status)
        sagas.start(saga, f"{order.id}-{mark}", order.id, correlation_id, shipment_ids=list(order.shipments))
    return saga


@lru_cache(maxsize=1)
def watch() -> Watch:
    """The watch of this stage."""
    orders = Orders(aggregates(domain.fold, "order", "ord"), SystemClock())
    unpaid_after = timedelta(seconds=read(WatchSettings).unpaid_after_s)
    return Watch(clients.dynamodb(), read(ViewSettings).views_table, orders, sagas(), unpaid_after)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Look once."""
    found = watch().look(datetime.now(UTC))
    logger.info("watched", overdue=found)
    return {"overdue": found}
