"""Counts how orders move, as their events arrive."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from edge import clients
from edge.event_store import EventStore
from edge.logs import logger
from edge.queue_events import messages
from edge.settings import FromEnvironment, read
from hub import contexts
from insights.flow import steps
from insights.store import CountedElsewhere, FlowStore, Found

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

contexts.declare()
TRIES = 5
"""How often a batch whose orders others count at the same time looks again, before the queue shows it once more."""


class FlowSettings(FromEnvironment):
    """Where events and insights are."""

    orders_table: str
    insights_table: str


class Flow:
    """Counts every step of every order once, whichever of its events arrives, in whichever order, however often."""

    def __init__(self, events: EventStore, store: FlowStore) -> None:
        self._events = events
        self._store = store

    def count(self, order_ids: Sequence[str], now: datetime) -> int:
        """Count what is new of these orders; answers how many steps that were. Raises CountedElsewhere, ClientError."""
        for _ in range(TRIES):
            found = [order for order in self._found(order_ids, now) if order.steps]
            if not found:
                return 0
            try:
                self._store.count(found, now)
            except CountedElsewhere:
                continue
            return sum(len(order.steps) for order in found)
        raise CountedElsewhere

    def _found(self, order_ids: Sequence[str], now: datetime) -> Iterable[Found]:
        for order_id, counted in self._store.counted(order_ids).items():
            events = [event for commit in self._events.commits(order_id) for event in commit.events]
            if events:
                # The lag of a step that another's event showed is known now as well: this is when we learn of it.
                fresh = [(step, _ms(now, step.at)) for step in steps(events) if step.sequence > counted]
                yield Found(order_id, counted, events[-1].sequence, fresh)


def _ms(now: datetime, at: datetime) -> int:
    return round((now - at).total_seconds() * 1000)


@lru_cache(maxsize=1)
def flow() -> Flow:
    """The counter of this stage."""
    settings = read(FlowSettings)
    return Flow(EventStore(clients.dynamodb(), settings.orders_table), FlowStore(clients.dynamodb(), settings.insights_table))


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Count a batch of events. Where that fails, the queue shows all of them again: what is counted already counts once."""
    now = datetime.now(UTC)
    found = list(messages(event))
    order_ids = list(dict.fromkeys(message.subject for message in found if message.subject.startswith("ord_")))
    try:
        counted = flow().count(order_ids, now) if order_ids else 0
    except Exception:  # noqa: BLE001  # the queue shows the batch again, and parks it at last
        logger.exception("not counted", orders=len(order_ids))
        return {"batchItemFailures": [{"itemIdentifier": message.message_id} for message in found]}
    logger.info("flow counted", orders=len(order_ids), steps=counted)
    return {"batchItemFailures": []}
