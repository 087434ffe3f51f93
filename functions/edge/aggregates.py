"""Load, decide, commit, tell: the one way in which an event-sourced aggregate changes."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from edge.event_store import Commit, EventStore, VersionTaken
from kernel.clock import parse_rfc3339, rfc3339
from kernel.errors import Busy, Conflict, Invalid, NotFound, StaleVersion
from kernel.events import Cause, Event
from kernel.ids import is_id, new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge.fast_lane import Lane
    from kernel.clock import Clock
    from kernel.contracts import EventData

S = TypeVar("S")
ATTEMPTS = 8
"""How often a command that lost a race decides again on the newer state before it answers Busy."""


@dataclass(frozen=True, slots=True)
class Command:
    """What is asked of an aggregate, and why: its name, cause, idempotency key and the version it was decided on."""

    name: str
    cause: Cause
    key: str | None = None
    fingerprint: str | None = None
    expected_version: int | None = None


@dataclass(frozen=True, slots=True)
class Loaded(Generic[S]):
    """An aggregate's state, its version, and the commits that it is the fold of."""

    id: str
    state: S
    commits: Sequence[Commit]

    @property
    def version(self) -> int:
        """The sequence of the last event; 0 for an aggregate that does not exist yet."""
        return self.commits[-1].version if self.commits else 0


@dataclass(frozen=True, slots=True)
class Done(Generic[S]):
    """How a command ended: the state it left, and whether it had been done before under the same key."""

    id: str
    state: S
    version: int
    events: tuple[Event, ...]
    replayed: bool = False


class Aggregates(Generic[S]):
    """All aggregates of one kind: `fold` makes the state out of the events, from None for the first."""

    def __init__(
        self, store: EventStore, lane: Lane, clock: Clock, fold: Callable[[S | None, Event], S], kind: str, prefix: str
    ) -> None:
        self._store = store
        self._lane = lane
        self._clock = clock
        self._fold = fold
        self._kind = kind
        self._prefix = prefix

    def load(self, aggregate_id: str) -> Loaded[S]:
        """The aggregate as it is now. Raises NotFound."""
        found = self.find(aggregate_id)
        if found is None:
            raise NotFound(f"{self._kind}_not_found", f"There is no such {self._kind}.")
        return found

    def find(self, aggregate_id: str) -> Loaded[S] | None:
        """The aggregate as it is now, or None; also for an id that is of another kind, or no id at all."""
        if not is_id(aggregate_id, self._prefix):
            return None
        commits = self._store.commits(aggregate_id)
        state = self.fold(commits)
        return None if state is None else Loaded(aggregate_id, state, commits)

    def fold(self, commits: Sequence[Commit]) -> S | None:
        """The state after these commits."""
        state: S | None = None
        for commit in commits:
            for event in commit.events:
                state = self._fold(state, event)
        return state

    def create(self, aggregate_id: str, command: Command, events: Sequence[EventData]) -> Done[S]:
        """Record the first commit of an aggregate. Raises VersionTaken where it exists already."""
        return self._commit(aggregate_id, None, 0, command, events)

    def execute(self, aggregate_id: str, command: Command, decide: Callable[[S], Sequence[EventData]]) -> Done[S]:
        """Let `decide` answer a command on the current state, and record what it decided.

        Deciding nothing commits nothing. A commit that loses a race is decided again on the newer state.
        Raises NotFound, StaleVersion (expected_version), Invalid (idempotency key reused), Busy, and whatever
        `decide` raises.
        """
        for attempt in range(ATTEMPTS):
            loaded = self.load(aggregate_id)
            earlier = self._earlier(loaded, command)
            if earlier is not None:
                return earlier
            if command.expected_version is not None and command.expected_version != loaded.version:
                raise StaleVersion("stale_version", f"The {self._kind} has changed since the version in If-Match.")
            decided = decide(loaded.state)
            if not decided:
                return Done(aggregate_id, loaded.state, loaded.version, ())
            try:
                return self._commit(aggregate_id, loaded.state, loaded.version, command, decided)
            except VersionTaken:
                # Full jitter: racers that meet again at the same instant would lose again together.
                time.sleep(random.uniform(0, 0.005 * 2**attempt))  # noqa: S311  # jitter
        raise Busy("contended", f"The {self._kind} is changing too fast; try again in a moment.")

    def _earlier(self, loaded: Loaded[S], command: Command) -> Done[S] | None:
        if command.key is None:
            return None
        for place, commit in enumerate(loaded.commits):
            # A key belongs to one operation: another command under the same key is another request.
            if commit.key == command.key and commit.command == command.name:
                if commit.fingerprint != command.fingerprint:
                    raise key_reused()
                state = self.fold(loaded.commits[: place + 1])
                assert state is not None  # a commit has at least one event
                return Done(loaded.id, state, commit.version, commit.events, replayed=True)
        return None

    def _commit(self, aggregate_id: str, state: S | None, version: int, command: Command, decided: Sequence[EventData]) -> Done[S]:
        if not decided:
            raise Conflict("nothing_decided", "A commit needs at least one event.")
        # To the millisecond, as it is stored: the first answer and its replay are then the same to the byte.
        now = parse_rfc3339(rfc3339(self._clock.now()))
        events = tuple(
            Event(new_id("evt"), aggregate_id, version + place, now, data, command.cause)
            for place, data in enumerate(decided, start=1)
        )
        commit = Commit(aggregate_id, events, command.name, now, command.cause, command.key, command.fingerprint)
        self._store.append(commit)
        self._lane.tell(commit)
        for event in events:
            state = self._fold(state, event)
        assert state is not None  # at least one event was folded
        return Done(aggregate_id, state, version + len(events), events)


def key_reused() -> Invalid:
    """The refusal of an idempotency key that came before with another body."""
    return Invalid("idempotency_key_reused", "This Idempotency-Key came before with another request body.")
