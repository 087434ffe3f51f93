"""Starts sagas: a fact comes from the bus, and the saga that follows from it starts, named after the order."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from edge import clients
from edge.logs import logger
from edge.queue_events import Message, answer_each
from edge.settings import SagaSettings, read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_stepfunctions import SFNClient

Saga = Literal["fulfilment", "settlement", "cancellation", "returns"]

FOLLOWS: dict[str, Saga] = {
    "order.received.v2": "fulfilment",
    "order.edited.v1": "fulfilment",
    "order.cancelling.v1": "cancellation",
    # While an order was locked, what its shipments did was recorded and not followed up.
    "order.cancel_declined.v1": "settlement",
    "order.cancel_settled.v1": "fulfilment",
    "order.held.v1": "fulfilment",
    "order.hold_released.v1": "fulfilment",
    "payment.concluded.v1": "fulfilment",
    "shipment.dispatched.v1": "settlement",
    "shipment.delivered.v1": "settlement",
    "shipment.ready_for_pickup.v1": "settlement",
    "shipment.picked_up.v1": "settlement",
    # The request that set units aside begins the return itself; where it got no further, the saga does.
    "order.return_requested.v1": "returns",
    "return.rejected.v1": "returns",
    "return.cancelled.v1": "returns",
    "return.inspected.v1": "returns",
    "return.refund_requested.v1": "returns",
    "payment.refunded.v1": "returns",
}
"""Which saga follows from which fact."""


def saga_after(message: Message) -> Saga | None:
    """The saga that follows from an event; None where nothing does."""
    saga = FOLLOWS.get(message.type)
    if message.type == "order.held.v1":
        # Before the warehouse has it, an order's own saga finds the hold; after that, somebody has to tell the warehouse.
        return saga if message.data["progress"] == "released" else None
    if message.type == "order.cancel_settled.v1":
        # What is left of the order goes out again, or there are only its parcels to follow.
        return saga if message.data["to_release"] else "settlement"
    if message.type == "order.hold_released.v1":
        # Only the last release lets an order go on, and once everything has arrived there is only settling left.
        stage = message.data.get("resumes")
        return None if stage is None else "settlement" if stage == "delivered" else saga
    if message.type == "payment.refunded.v1":
        # The answer may come long after the question; the refund of a return has the return for its intent.
        return saga if _return_of(message) else None
    return saga


def _return_of(message: Message) -> str | None:
    """The return that an event is about, if it is about one."""
    named = (message.subject, message.data.get("return_id"), message.data.get("intent"))
    return next((str(name) for name in named if str(name).startswith("rma_")), None)


class Sagas:
    """Starts sagas by name; starting one again under the same name changes nothing."""

    def __init__(self, client: SFNClient, settings: SagaSettings) -> None:
        self._client = client
        self._arns: dict[Saga, str] = {
            "fulfilment": settings.fulfilment_saga_arn,
            "settlement": settings.settlement_saga_arn,
            "cancellation": settings.cancellation_saga_arn,
            "returns": settings.returns_saga_arn,
        }

    def start(
        self,
        saga: Saga,
        name: str,
        order_id: str,
        correlation_id: str,
        *,
        causation_id: str | None = None,
        traceparent: str | None = None,
        shipment_ids: Sequence[str] = (),
        return_id: str | None = None,
    ) -> None:
        """Start a saga for an order, unless an execution of this name exists. Raises ClientError."""
        work = {
            "saga": saga,
            "order_id": order_id,
            "correlation_id": correlation_id,
            "causation_id": causation_id,
            "traceparent": traceparent,
            "shipment_ids": list(shipment_ids),
            "return_id": return_id,
        }
        try:
            self._client.start_execution(stateMachineArn=self._arns[saga], name=name, input=json.dumps(work))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise
            logger.info("saga known already", saga=saga, execution=name)


@lru_cache(maxsize=1)
def sagas() -> Sagas:
    """The sagas of this stage."""
    return Sagas(clients.step_functions(), read(SagaSettings))


def follow(message: Message) -> None:
    """Start what follows from an event. A repeated event finds its execution there already."""
    saga = saga_after(message)
    if saga is None:
        logger.info("nothing follows", type=message.type)
        return
    of_shipment = message.subject.startswith("shp_")
    shipments = [message.subject] if of_shipment else list(message.data.get("shipment_ids", []))
    mark = str(message.sequence) if message.subject == message.order_id else f"{message.subject[4:12]}-{message.sequence}"
    sagas().start(
        saga,
        f"{message.order_id}-{mark}",
        message.order_id,
        message.correlation_id,
        causation_id=message.id,
        traceparent=message.traceparent,
        shipment_ids=shipments,
        return_id=_return_of(message),
    )


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Start the sagas that follow from a batch of events."""
    return answer_each(event, follow)
