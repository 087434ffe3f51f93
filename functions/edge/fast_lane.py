"""The fast lane: right after the commit, the command itself tells the bus, within a budget.

It only saves time. Whatever it fails to tell, the stream's relay tells; so no failure here may fail a command that
is already committed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from edge.logs import logger

if TYPE_CHECKING:
    from edge.bus import Bus
    from edge.event_store import Commit
    from edge.told import Told


class Lane(Protocol):
    """Something that tells a fresh commit onwards."""

    def tell(self, commit: Commit) -> None:
        """Offer the commit's events; must not raise."""
        ...


class FastLane:
    """Publishes and marks; leaves to the relay what the bus would not take in time."""

    def __init__(self, bus: Bus, told: Told) -> None:
        self._bus = bus
        self._told = told

    def tell(self, commit: Commit) -> None:
        """Publish the commit's events and mark them as told."""
        try:
            refused = self._bus.publish(commit.events)
            if refused:
                logger.warning("left to the relay", aggregate=commit.aggregate_id, refused=len(refused))
                return
            self._told.mark(commit.aggregate_id, commit.first, int(commit.at.timestamp()))
        except (BotoCoreError, ClientError) as error:
            logger.warning("left to the relay", aggregate=commit.aggregate_id, reason=type(error).__name__)


class RelayOnly:
    """The fast lane switched off: the stream's relay alone tells everything."""

    def tell(self, commit: Commit) -> None:
        """Leave the commit to the relay."""
