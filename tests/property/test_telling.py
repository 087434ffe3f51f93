"""What is committed reaches every subscriber at least once and takes effect exactly once, whatever fails on the way."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import Any

from botocore.exceptions import ClientError
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from edge.bus import Bus
from edge.event_store import Commit
from edge.fast_lane import FastLane
from hub.relay import Relay
from kernel.events import Event
from orders import events as ev
from tests.examples import CAUSE, NOW, received
from tests.memory import Killed, MemoryStore, MemoryTold

MOODS = st.sampled_from(["well"] * 4 + ["refuses some", "refuses all", "unreachable", "killed before", "killed after"])
THROTTLED: Any = {"Error": {"Code": "ThrottlingException", "Message": "slow down"}}


class Subscribed:
    """EventBridge in a mood; whatever it takes reaches the subscriber, whose effect is by event id."""

    def __init__(self) -> None:
        self.mood = "well"
        self.delivered: Counter[str] = Counter()
        self.effects: Counter[str] = Counter()
        self.calls = 0

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.calls += 1
        if self.mood == "killed before":
            raise Killed
        if self.mood == "unreachable":
            raise ClientError(THROTTLED, "PutEvents")
        answers = []
        for place, entry in enumerate(Entries):
            refused = self.mood == "refuses all" or (self.mood == "refuses some" and (place + self.calls) % 2)
            answers.append({"ErrorCode": "ThrottlingException"} if refused else {"EventId": "x"})
            if not refused:
                self.deliver(json.loads(entry["Detail"]))
        if self.mood == "killed after":
            raise Killed
        return {"FailedEntryCount": sum("ErrorCode" in answer for answer in answers), "Entries": answers}

    def deliver(self, envelope: dict[str, Any]) -> None:
        if envelope["type"] == "order.received.v1":
            return  # The older version goes to who still reads it, under the same id.
        self.delivered[envelope["id"]] += 1
        if self.delivered[envelope["id"]] == 1:
            self.effects[envelope["id"]] += 1


class Telling(RuleBasedStateMachine):
    """Commands that commit and tell, and the relay behind them, each of which may fail or be killed at any point."""

    def __init__(self) -> None:
        super().__init__()
        self.store, self.told, self.bus = MemoryStore(), MemoryTold(), Subscribed()
        service: Any = self.bus
        told: Any = self.told
        self.lane = FastLane(Bus(service, "bus", "fast"), told)
        self.relay = Relay(Bus(service, "bus", "relay"), told, 0.25, now=lambda: NOW.timestamp() + 60, wait=lambda _: None)
        self.shown = 0
        self.anything_failed = False

    @rule(number=st.integers(0, 2), events=st.integers(1, 3), mood=MOODS)
    def commit(self, number: int, events: int, mood: str) -> None:
        order_id = f"ord_{number:032x}"
        known = self.store.commits(order_id)
        version = known[-1].version if known else 0
        facts = [ev.OrderOverdue(awaiting="saga", times=n) if version + n else received(()) for n in range(events)]
        at = NOW + timedelta(milliseconds=len(self.store.log))
        told = tuple(
            Event(f"evt_{order_id}_{version + n}", order_id, version + n, at, fact, CAUSE) for n, fact in enumerate(facts, start=1)
        )
        commit = Commit(order_id, told, "test", at, CAUSE)
        self.store.append(commit)
        self.in_a_mood(mood, lambda: self.lane.tell(commit))

    @rule(batch=st.integers(1, 10), mood=MOODS)
    def show_the_stream(self, batch: int, mood: str) -> None:
        """Lambda shows the relay a batch, and shows it again from where it failed."""
        commits = self.store.log[self.shown : self.shown + batch]
        if commits:
            self.in_a_mood(mood, lambda: self.show(commits))

    def show(self, commits: list[Commit]) -> None:
        stuck = self.relay.tell(commits)
        self.shown += len(commits) if stuck is None else commits.index(stuck)

    def in_a_mood(self, mood: str, action: Any) -> None:
        self.bus.mood = mood
        self.anything_failed |= mood != "well"
        try:
            action()
        except (Killed, ClientError):
            pass  # The process is gone, or Lambda tries the batch again: what is committed is still in the stream.
        finally:
            self.bus.mood = "well"

    def teardown(self) -> None:
        while self.shown < len(self.store.log):
            self.show(self.store.log[self.shown : self.shown + 10])
        committed = {event.id for commit in self.store.log for event in commit.events}
        assert set(self.bus.delivered) == committed
        assert set(self.bus.effects.values()) <= {1}
        if not self.anything_failed:
            assert set(self.bus.delivered.values()) <= {1}, "nothing failed, and something was told twice"
        for stream in self.store.streams.values():
            sequences = [event.sequence for commit in stream for event in commit.events]
            assert sequences == list(range(1, len(sequences) + 1))


TestTelling = Telling.TestCase
