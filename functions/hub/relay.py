"""The guarantee: whatever is committed gets told, from the order table's stream, whether or not the fast lane did.

A commit that the fast lane marked is left alone. An unmarked one gets a grace period, in which the fast lane may still
mark it, and is then told under the same event ids. A record that cannot be told stops the batch right there, so that
order is kept: Lambda retries from it, and after the last retry sends it to the dead-letter queue.
"""

from __future__ import annotations

import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from edge import clients
from edge.bus import Bus
from edge.event_store import Commit, from_item
from edge.logs import logger
from edge.settings import RelaySettings, read
from edge.told import Told
from hub import contexts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

contexts.declare()
_LOOK_AGAIN_S = 0.02


class Relay:
    """Tells the commits of a stream's batch that nobody told."""

    def __init__(
        self,
        bus: Bus,
        told: Told,
        grace_s: float,
        now: Callable[[], float] = time.time,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._bus = bus
        self._told = told
        self._grace_s = grace_s
        self._now = now
        self._wait = wait

    def tell(self, commits: Sequence[Commit]) -> Commit | None:
        """Tell what is untold, in order; answers the first commit that could not be told, None where all is told."""
        untold = self._untold(commits)
        refused = {event.id for event in self._bus.publish([event for commit in untold for event in commit.events])}
        stuck: Commit | None = None
        for commit in untold:
            if any(event.id in refused for event in commit.events):
                stuck = stuck or commit
            elif stuck is not None:
                # Lambda will show this one again after the stuck one; it is told already.
                self._told.mark(commit.aggregate_id, commit.first, int(self._now()))
        logger.info("relayed", seen=len(commits), told=len(untold), refused=len(refused))
        return stuck

    def _untold(self, commits: Sequence[Commit]) -> list[Commit]:
        """Those that are not marked, once every commit has had its grace."""
        untold = list(commits)
        while untold:
            marked = self._told.marked((commit.aggregate_id, commit.first) for commit in untold)
            untold = [commit for commit in untold if (commit.aggregate_id, commit.first) not in marked]
            youngest = max((commit.at.timestamp() for commit in untold), default=0.0)
            if self._now() >= youngest + self._grace_s:
                break
            self._wait(_LOOK_AGAIN_S)
        return untold


@lru_cache(maxsize=1)
def relay() -> Relay:
    """The relay of this stage."""
    settings = read(RelaySettings)
    grace_s = settings.relay_grace_ms / 1000 if settings.fast_lane == "on" else 0.0
    return Relay(Bus(clients.events(), settings.event_bus, "relay"), Told(clients.dynamodb(), settings.told_table), grace_s)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Tell a batch of the stream; the answer names the record from which Lambda has to try again."""
    numbers: dict[tuple[str, int], str] = {}
    commits: list[Commit] = []
    unreadable: str | None = None
    for record in event["Records"]:
        number, image = record["dynamodb"]["SequenceNumber"], record["dynamodb"].get("NewImage")
        if record["eventName"] != "INSERT" or image is None:
            continue
        try:
            commit = from_item(image)
        except (LookupError, ValueError, TypeError) as error:
            logger.error("unreadable commit", number=number, reason=type(error).__name__)
            unreadable = number
            break
        numbers[commit.aggregate_id, commit.first] = number
        commits.append(commit)
    failed = _told_from(commits, numbers) or unreadable
    return {"batchItemFailures": [{"itemIdentifier": failed}] if failed else []}


def _told_from(commits: list[Commit], numbers: dict[tuple[str, int], str]) -> str | None:
    if not commits:
        return None
    try:
        stuck = relay().tell(commits)
    except (BotoCoreError, ClientError) as error:
        logger.warning("bus out of reach", reason=type(error).__name__)
        stuck = commits[0]
    return numbers[stuck.aggregate_id, stuck.first] if stuck else None
