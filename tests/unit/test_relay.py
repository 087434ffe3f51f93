"""The relay tells what nobody told, once, in order, and says from where Lambda has to try again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from edge.event_store import Commit
from hub.relay import Relay
from kernel.events import Event
from orders import events as ev
from tests.examples import CAUSE, NOW, event


def commit(order: str, first: int) -> Commit:
    return Commit(order, (event(ev.OrderCancelled(reason="r"), first, order),), "cancel", NOW, CAUSE)


class FakeBus:
    def __init__(self, refuse: Sequence[Commit] = ()) -> None:
        self.told: list[Event] = []
        self._refuse = {e.id for c in refuse for e in c.events}

    def publish(self, events: Sequence[Event]) -> list[Event]:
        refused = [e for e in events if e.id in self._refuse]
        self.told += [e for e in events if e not in refused]
        return refused


class FakeMarks:
    """Marks, of which some appear only when the relay looks again."""

    def __init__(self, marked: Iterable[Commit] = (), later: Iterable[Commit] = ()) -> None:
        self._marked = {(c.aggregate_id, c.first) for c in marked}
        self._later = {(c.aggregate_id, c.first) for c in later}
        self.written: list[tuple[str, int]] = []

    def marked(self, commits: Iterable[tuple[str, int]]) -> set[tuple[str, int]]:
        found = set(commits) & self._marked
        self._marked |= self._later
        return found

    def mark(self, aggregate_id: str, first: int, now_s: int) -> None:
        self.written.append((aggregate_id, first))


def relay(bus: Any, marks: Any, *, grace_s: float = 0.0, now: float | None = None) -> tuple[Relay, list[float]]:
    waits: list[float] = []
    clock = [NOW.timestamp() if now is None else now]

    def wait(seconds: float) -> None:
        waits.append(seconds)
        clock[0] += seconds

    return Relay(bus, marks, grace_s, lambda: clock[0], wait), waits


def test_what_the_fast_lane_told_is_left_alone() -> None:
    one, two = commit("ord_1", 1), commit("ord_2", 1)
    bus = FakeBus()
    assert relay(bus, FakeMarks([one]))[0].tell([one, two]) is None
    assert [e.subject for e in bus.told] == ["ord_2"]


def test_with_no_marks_the_relay_alone_tells_everything_in_order() -> None:
    commits = [commit("ord_1", n) for n in range(1, 30)]
    bus = FakeBus()
    assert relay(bus, FakeMarks())[0].tell(commits) is None
    assert [e.sequence for e in bus.told] == list(range(1, 30))


def test_a_fresh_commit_gets_its_grace_and_no_more() -> None:
    one, two = commit("ord_1", 1), commit("ord_2", 1)
    bus = FakeBus()
    told, waits = relay(bus, FakeMarks(later=[one]), grace_s=0.25)
    assert told.tell([one, two]) is None
    assert [e.subject for e in bus.told] == ["ord_2"]
    assert 0 < sum(waits) <= 0.3


def test_an_old_commit_does_not_wait() -> None:
    told, waits = relay(FakeBus(), FakeMarks(), grace_s=0.25, now=NOW.timestamp() + 10)
    told.tell([commit("ord_1", 1)])
    assert waits == []


def test_a_refused_commit_is_where_lambda_tries_again_and_what_was_told_after_it_is_marked() -> None:
    commits = [commit("ord_1", 1), commit("ord_2", 1), commit("ord_3", 1)]
    marks = FakeMarks()
    assert relay(FakeBus([commits[1]]), marks)[0].tell(commits) == commits[1]
    assert marks.written == [("ord_3", 1)]
