"""The board: one item an order with what lists, the watch and the repair queue ask for."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from edge.aggregates import Aggregates
from edge.event_store import EventStore
from edge.fast_lane import RelayOnly
from edge.settings import FromEnvironment
from hub import contexts, indexes
from hub.versioned_items import unless_newer
from kernel.clock import SystemClock, parse_rfc3339, rfc3339
from orders import unpaid
from orders.domain import Order
from orders.domain import fold as fold_order
from orders.shapes import order_out
from payments.ledger import Ledger
from payments.ledger import fold as fold_ledger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

contexts.declare()
LISTED = (
    "id",
    "status",
    "progress",
    "version",
    "channel",
    "external_id",
    "placed_at",
    "received_at",
    "changed_at",
    "currency",
    "customer",
    "totals",
    "holds",
    "shipments",
    "repairs",
    "reason",
    "links",
)
"""What a list shows of an order; the payment's status is beside it."""


class BoardSettings(FromEnvironment):
    """Where the events and the views are, and how long the watch waits for whom, in seconds."""

    orders_table: str
    views_table: str
    patience_saga_s: int = 60
    patience_warehouse_s: int = 4 * 3600
    patience_carrier_s: int = 5 * 24 * 3600
    unpaid_after_s: int = 24 * 3600

    def patience(self, order: Order) -> timedelta:
        """How long the order may stay as it is; twice as long every time that the watch has come in vain."""
        seconds = {"released": self.patience_warehouse_s, "shipped": self.patience_carrier_s}
        stage = "cancelling" if order.locked else order.progress
        return timedelta(seconds=seconds.get(stage, self.patience_saga_s) * 2 ** min(order.overdue, 10))


def due_at(order: Order, patience: timedelta, unpaid_after: timedelta = timedelta(days=1)) -> datetime | None:
    """When the watch has to look at the order: past its patience, at the end of a hold, or when it is given up as unpaid.

    None where nothing is due.
    """
    ends = [hold.expires_at for hold in order.open_holds if hold.expires_at is not None] if order.status == "on_hold" else []
    if order.moves and order.status == "released" and order.collect_by:
        # A pickup waits for its customer: nobody is late before its time is over.
        ends.append(max(parse_rfc3339(order.collect_by), order.changed_at + (patience if order.overdue else timedelta())))
    elif order.moves:
        ends.append(order.changed_at + patience)
    given_up = unpaid.due_at(order, unpaid_after)
    if given_up is not None:
        ends.append(given_up)
    return min(ends, default=None)


class Board:
    """Writes the items of the board: a projection of orders and their payments."""

    name = "board"
    reads = ("ord_", "pay_")

    def __init__(self, client: DynamoDBClient, settings: BoardSettings) -> None:
        store, lane, clock = EventStore(client, settings.orders_table), RelayOnly(), SystemClock()
        self._client = client
        self._settings = settings
        self._orders: Aggregates[Order] = Aggregates(store, lane, clock, fold_order, "order", "ord")
        self._payments: Aggregates[Ledger] = Aggregates(store, lane, clock, fold_ledger, "payment", "pay")

    def show(self, subject: str) -> None:
        """Bring the board up to date with an aggregate. Raises ClientError."""
        if subject.startswith("ord_"):
            self._show_order(subject)
        elif subject.startswith("pay_"):
            self._show_payment(subject)

    def owns(self, key: tuple[str, str]) -> bool:
        """Whether the item at this key of the views table is one of the board's."""
        return key[1] == "BOARD"

    def _show_order(self, order_id: str) -> None:
        loaded = self._orders.find(order_id)
        if loaded is None:
            return
        order = loaded.state
        shown = order_out(order, loaded.version).model_dump(mode="json", include=set(LISTED))
        received = order.received
        fields = {
            "order": json.dumps(shown, separators=(",", ":")),
            "placed_at": received.placed_at,
            "status": order.status,
            "external_id": received.external_id,
            "channel": received.channel,
            "customer_id": received.customer.id,
            **indexes.entries(
                order_id, received.placed_at, received.channel, received.external_id, received.customer.id, order.status
            ),
        }
        self._update(order_id, "order_version", loaded.version, fields, self._due(order))

    def _due(self, order: Order) -> Mapping[str, str] | None:
        if order.repairs:
            opened = min(repair.opened_at for repair in order.repairs.values())
            return {"gsi_due_pk": "repair", "gsi_due_sk": f"{rfc3339(opened)}#{order.id}"}
        due = due_at(order, self._settings.patience(order), timedelta(seconds=self._settings.unpaid_after_s))
        if due is None:
            return None
        return {"gsi_due_pk": indexes.due(order.id), "gsi_due_sk": f"{rfc3339(due)}#{order.id}"}

    def _show_payment(self, payment_id: str) -> None:
        loaded = self._payments.find(payment_id)
        if loaded is not None:
            self._update(loaded.state.order_id, "payment_version", loaded.version, {"payment_status": loaded.state.status}, {})

    def _update(
        self, order_id: str, version_name: str, version: int, fields: Mapping[str, str], due: Mapping[str, str] | None
    ) -> None:
        """Set fields unless a newer version did; `due` None takes the order off the watch."""
        wanted = {**fields, **(due or {})}
        names = {"#v": version_name, **{f"#{place}": name for place, name in enumerate(wanted)}}
        values: dict[str, AttributeValueTypeDef] = {":v": {"N": str(version)}}
        values |= {f":{place}": {"S": value} for place, value in enumerate(wanted.values())}
        expression = "SET #v = :v, " + ", ".join(f"#{place} = :{place}" for place in range(len(wanted)))
        if due is None:
            expression += " REMOVE gsi_due_pk, gsi_due_sk"
        try:
            self._client.update_item(
                TableName=self._settings.views_table,
                Key={"pk": {"S": order_id}, "sk": {"S": "BOARD"}},
                UpdateExpression=expression,
                ConditionExpression="attribute_not_exists(#v) OR #v < :v",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
            )
        except ClientError as error:
            unless_newer(error)
