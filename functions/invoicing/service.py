"""The use cases of invoicing: each movement of money has its documents, once, numbered without a gap."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, TypeVar

from edge.event_store import Commit, EventStore, VersionTaken
from invoicing import domain
from invoicing.domain import Issued, Movement, Series, document_id, fold
from invoicing.events import Document, DocumentNumbered
from kernel.clock import parse_rfc3339, rfc3339
from kernel.errors import Busy, NotFound
from kernel.events import Event
from kernel.ids import is_id, new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date, datetime

    from edge.aggregates import Command
    from edge.fast_lane import Lane
    from invoicing.billing import Charge, Sale
    from invoicing.policy import Policy
    from kernel.clock import Clock
    from kernel.contracts import EventData

ATTEMPTS = 12
"""How often a writer that found its number or place taken looks for the next ones before it answers Busy."""
D = TypeVar("D", bound=Document)


class Invoicing:
    """Issues documents, and reads them."""

    def __init__(self, store: EventStore, lane: Lane, clock: Clock, policy: Policy) -> None:
        self._store = store
        self._lane = lane
        self._clock = clock
        self._policy = policy

    def invoice(self, sale: Sale, capture: Movement, command: Command) -> list[Issued]:
        """Invoice what was captured, once for each capture; answers its invoices. Raises Busy."""

        def draft(known: Sequence[Issued], after: int, today: date) -> Sequence[Document]:
            return domain.invoices(sale, capture, known, after, today, self._policy)

        return self._issue(sale, capture, "invoice", draft, command)

    def credit(self, sale: Sale, refund: Movement, returned: Sequence[Charge], command: Command) -> list[Issued]:
        """Credit what was refunded, once for each refund; answers its credit note. Raises Busy."""

        def draft(known: Sequence[Issued], after: int, today: date) -> Sequence[Document]:
            return domain.credit_note(sale, refund, returned, known, after, today, self._policy)

        return self._issue(sale, refund, "credit_note", draft, command)

    def _issue(
        self,
        sale: Sale,
        movement: Movement,
        kind: domain.DocumentKind,
        draft: Callable[[Sequence[Issued], int, date], Sequence[Document]],
        command: Command,
    ) -> list[Issued]:
        for attempt in range(ATTEMPTS):
            known = self.of_order(sale.order_id)
            found = [one for one in known if one.document.source == movement.source]
            if found:
                return found
            now = parse_rfc3339(rfc3339(self._clock.now()))
            series = domain.series_of(sale, kind, now.date(), self._policy)
            last = self._store.last(series.id)
            after = last.version if last else 0
            commits = self._commits(series, after, draft(known, after, now.date()), now, command)
            try:
                self._store.append_together(commits)
            except VersionTaken:
                time.sleep(random.uniform(0, 0.005 * 2 ** min(attempt, 6)))  # noqa: S311  # jitter
                continue
            for commit in commits:
                self._lane.tell(commit)
            return [fold(None, commit.events[0]) for commit in commits[1:]]
        raise Busy("contended", "The series of numbers is contended; try again in a moment.")

    def _commits(self, series: Series, after: int, documents: Sequence[Document], now: datetime, command: Command) -> list[Commit]:
        """The commit of the series, and one for each document."""

        def event(subject: str, sequence: int, data: EventData) -> Event:
            return Event(new_id("evt"), subject, sequence, now, data, command.cause)

        numbered: list[Event] = []
        issued: list[Commit] = []
        for nth, document in enumerate(documents, start=1):
            made = document_id(document.order_id, document.place)
            taken = DocumentNumbered(number=document.number, document_id=made, order_id=document.order_id)
            numbered.append(event(series.id, after + nth, taken))
            issued.append(Commit(made, (event(made, 1, document),), command.name, now, command.cause))
        return [Commit(series.id, tuple(numbered), command.name, now, command.cause), *issued]

    def of_order(self, order_id: str) -> list[Issued]:
        """An order's documents, oldest first."""
        found: list[Issued] = []
        while (one := self._find(document_id(order_id, len(found) + 1))) is not None:
            found.append(one)
        return found

    def load(self, invoice_id: str) -> Issued:
        """A document. Raises NotFound."""
        found = self._find(invoice_id) if is_id(invoice_id, "inv") else None
        if found is None:
            raise NotFound("invoice_not_found", "There is no such invoice or credit note.")
        return found

    def _find(self, invoice_id: str) -> Issued | None:
        commits = self._store.commits(invoice_id)
        return fold(None, commits[0].events[0]) if commits else None
