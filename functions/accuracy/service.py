"""Takes reports: judge each, record it, count it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from accuracy import domain
from edge.event_store import VersionTaken
from kernel.errors import NotFound
from kernel.ids import derived_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import timedelta

    from accuracy.domain import Change, Report, Verdict, View
    from accuracy.store import AccuracyStore
    from edge.aggregates import Aggregates, Command
    from kernel.contracts import EventData


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a report; a report that is no newer than one before it is ignored."""

    report: Report
    verdict: Verdict
    ignored: bool


class Reports:
    """Everything that can be done with reports. `history` answers an order's status changes, oldest first."""

    def __init__(
        self,
        views: Aggregates[View],
        store: AccuracyStore,
        history: Callable[[str], Sequence[Change]],
        tolerance: timedelta,
    ) -> None:
        self._views = views
        self._store = store
        self._history = history
        self._tolerance = tolerance

    def take(self, reports: Sequence[Report], command: Command) -> list[Taken]:
        """Record a source's reports of one order, oldest first. Raises Busy; taking them again takes nothing twice."""
        view_id = _view_id(reports[0].source, reports[0].order_id)
        history = self._history(reports[0].order_id)
        judged = [(report, domain.judge(report, history, self._tolerance)) for report in sorted(reports, key=lambda one: one.as_of)]
        taken: list[Taken] = []

        def decide(view: View | None) -> list[EventData]:
            # Asked again where somebody else was faster: then the reports are held against what they left.
            taken.clear()
            newest, decided = view.newest if view else None, []
            for report, verdict in judged:
                events = domain.take(newest, report, verdict)
                taken.append(Taken(report, verdict, ignored=not events))
                decided += events
                newest = report.as_of if events else newest
            return decided

        try:
            self._views.execute(view_id, command, decide)
        except NotFound:
            self._begin(view_id, command, decide)
        return taken

    def _begin(self, view_id: str, command: Command, decide: Callable[[View | None], list[EventData]]) -> None:
        try:
            self._views.create(view_id, command, decide(None))
        except VersionTaken:
            self._views.execute(view_id, command, decide)

    def count(self, source: str, order_id: str) -> None:
        """Count what was recorded of a source's view of an order and is not counted yet. Raises Busy."""
        view_id = _view_id(source, order_id)
        self._store.count(view_id, [event for commit in self._views.load(view_id).commits for event in commit.events])


def _view_id(source: str, order_id: str) -> str:
    return derived_id("rpt", source, order_id)
