"""The projections: what is kept for reading, each a function of the events, so that any can be dropped and made again.

Whatever event arrives, and in whichever order, a projection shows the fold of its aggregate as it is now, under a condition
that an older fold never replaces a newer one. So it is idempotent and tolerant of order, and a rebuild may run beside it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from edge import clients
from edge.event_store import EventStore
from edge.fast_lane import RelayOnly
from edge.logs import logger
from edge.queue_events import Message, messages
from edge.settings import read
from hub.board import Board, BoardSettings
from hub.versioned_items import VersionedItems
from kernel.clock import SystemClock
from remediation import views as incidents

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef


class Projection(Protocol):
    """Something kept in the views table that the events alone determine."""

    @property
    def name(self) -> str:
        """What it is called where it is rebuilt."""
        ...

    @property
    def reads(self) -> tuple[str, ...]:
        """The prefixes of the aggregates that it shows, such as `ord_`."""
        ...

    def show(self, subject: str) -> None:
        """Bring it up to date with an aggregate."""
        ...

    def owns(self, key: tuple[str, str]) -> bool:
        """Whether the item at this key of the views table is part of it."""
        ...


@lru_cache(maxsize=1)
def projections() -> tuple[Projection, ...]:
    """Every projection of this stage. One that a context adds joins here, and is then kept and rebuilt like the others."""
    settings, client = read(BoardSettings), clients.dynamodb()
    store = EventStore(client, settings.orders_table)
    all_incidents = incidents.aggregates(store, RelayOnly(), SystemClock())

    def of_incident(incident_id: str) -> Iterable[dict[str, AttributeValueTypeDef]]:
        loaded = all_incidents.find(incident_id)
        return incidents.items(loaded.state, loaded.version) if loaded else ()

    return (
        Board(client, settings),
        VersionedItems(
            client, settings.views_table, "incidents", reads=("inc_",), partitions=incidents.PARTITIONS, items=of_incident
        ),
    )


def show(subject: str, among: Iterable[Projection]) -> None:
    """Bring those that read an aggregate up to date with it."""
    for projection in among:
        if subject.startswith(projection.reads):
            projection.show(subject)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Follow a batch of events: once for every aggregate, however many events it has there."""
    arrived = datetime.now(UTC)
    by_subject: dict[str, list[Message]] = {}
    for message in messages(event):
        by_subject.setdefault(message.subject, []).append(message)
        lag_ms = int((arrived - message.time).total_seconds() * 1000)
        logger.info(
            "event arrived",
            event_id=message.id,
            type=message.type,
            order_id=message.order_id,
            subject=message.subject,
            sequence=message.sequence,
            lane=message.lane,
            lag_ms=lag_ms,
        )
    failed: list[Message] = []
    for subject, found in by_subject.items():
        try:
            show(subject, projections())
        except Exception:  # noqa: BLE001  # one bad message must not hold up the others; the queue shows it again
            logger.exception("not shown", subject=subject)
            failed += found
    return {"batchItemFailures": [{"itemIdentifier": message.message_id} for message in failed]}
