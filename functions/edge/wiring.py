"""The composition root of what every event-sourced context needs: store, lane and clock from the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from edge import clients
from edge.aggregates import Aggregates
from edge.bus import Bus
from edge.event_store import EventStore
from edge.fast_lane import FastLane, Lane, RelayOnly
from edge.settings import EventStoreSettings, read
from edge.told import Told
from kernel.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel.events import Event

S = TypeVar("S")


def event_store() -> EventStore:
    """The event store of this stage."""
    return EventStore(clients.dynamodb(), read(EventStoreSettings).orders_table)


def lane() -> Lane:
    """The fast lane of this stage, or none where it is switched off."""
    settings = read(EventStoreSettings)
    if settings.fast_lane == "off":
        return RelayOnly()
    bus = Bus(clients.hasty_events(settings.fast_lane_budget_ms), settings.event_bus, "fast")
    return FastLane(bus, Told(clients.dynamodb(), settings.told_table))


def aggregates(fold: Callable[[S | None, Event], S], kind: str, prefix: str) -> Aggregates[S]:
    """All aggregates of a kind, by their fold and the prefix of their ids."""
    return Aggregates(event_store(), lane(), SystemClock(), fold, kind, prefix)
