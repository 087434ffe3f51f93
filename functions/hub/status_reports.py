"""HTTP entry point for what other systems believe of orders, held against the orders' own events."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from accuracy.domain import Change, Report, fold
from accuracy.events import StatusMismatch
from accuracy.service import Reports, Taken
from accuracy.store import AccuracyStore
from edge import clients
from edge.auth import Rights
from edge.cursors import Cursors
from edge.http import HttpFunction, IdempotencyKey, problems
from edge.settings import FromEnvironment, read
from edge.wiring import aggregates, event_store
from kernel.clock import parse_rfc3339, rfc3339
from kernel.errors import Malformed
from kernel.ids import derived_id, is_id
from orders.domain import Order
from orders.domain import fold as fold_order

REPORT = Rights.of("signals/write", "operations")
LOOK = Rights.of("orders/read", "operations", "auditors", "finance")
DAYS = 92
AHEAD = timedelta(minutes=5)
"""How far a reporter's clock may be ahead of ours."""
THREADS = 8
handler = HttpFunction()
app = handler.app
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
Status = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,32}$")]


class AccuracySettings(FromEnvironment):
    """Where counts are kept, what signs cursors, and how many seconds a system may be behind and still be right."""

    insights_table: str
    cursor_key_secret: str
    status_tolerance_s: int = Field(default=5, ge=0, le=3600)


class ReportedStatus(BaseModel):
    """What a system believed of an order, by its id or by the channel's own, and as of when."""

    model_config = ConfigDict(extra="forbid")

    store: Name = "-"
    order_id: Annotated[str, StringConstraints(max_length=64)] | None = None
    channel: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    external_id: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = None
    status: Status
    as_of: str

    @field_validator("as_of")
    @classmethod
    def _instant(cls, text: str) -> str:
        try:
            at = parse_rfc3339(text)
        except ValueError:
            raise ValueError("not an RFC 3339 time with an offset") from None
        if at > datetime.now(UTC) + AHEAD:
            raise ValueError("a belief about the future")
        return rfc3339(at)

    @model_validator(mode="after")
    def _one_order(self) -> ReportedStatus:
        by_id, by_channel = self.order_id is not None, self.channel is not None and self.external_id is not None
        if by_id == by_channel or (by_id and (self.channel or self.external_id)):
            raise ValueError("an order is named by order_id, or by channel and external_id")
        if self.order_id is not None and not is_id(self.order_id, "ord"):
            raise ValueError("an order's id begins with ord_")
        return self

    def named(self) -> str:
        """The id of the order, whichever way it was named."""
        return self.order_id or derived_id("ord", str(self.channel), str(self.external_id))


class StatusReports(BaseModel):
    """What one system believes, up to a hundred orders at once."""

    model_config = ConfigDict(extra="forbid")

    source: Name
    reports: Annotated[list[ReportedStatus], Field(min_length=1, max_length=100)]


class MismatchOut(BaseModel):
    """A belief that is wrong: what was true then, and what is true now; null for an order that was not there."""

    source: str
    store: str
    order_id: str
    reported_status: str
    true_status: str | None
    current_status: str | None
    as_of: str


class ReportsTaken(BaseModel):
    """How many reports were right, which were wrong, and how many said nothing newer than what was known."""

    right: int
    ignored: int
    mismatches: list[MismatchOut]


class AccuracyOut(BaseModel):
    """How often a source was right about a store's orders on a day. `accuracy` is right / reports."""

    day: str | None
    source: str | None
    store: str | None
    reports: int
    right: int
    wrong: int
    accuracy: float | None


class AccuracyPage(BaseModel):
    """By day, source and store, and all of it together."""

    items: list[AccuracyOut]
    total: AccuracyOut


class MismatchPage(BaseModel):
    """Mismatches that no later report has corrected."""

    items: list[MismatchOut]
    next_cursor: str | None


@lru_cache(maxsize=1)
def store() -> AccuracyStore:
    """The counters."""
    return AccuracyStore(clients.dynamodb(), read(AccuracySettings).insights_table)


def history(order_id: str) -> list[Change]:
    """An order's status changes, oldest first: the fold of its events, event by event."""
    order: Order | None = None
    changes: list[Change] = []
    for commit in event_store().commits(order_id):
        for event in commit.events:
            order = fold_order(order, event)
            if not changes or changes[-1].status != order.status:
                changes.append(Change(event.time, order.status))
    return changes


@lru_cache(maxsize=1)
def reports() -> Reports:
    """The service."""
    tolerance = timedelta(seconds=read(AccuracySettings).status_tolerance_s)
    return Reports(aggregates(fold, "status view", "rpt"), store(), history, tolerance)


@app.post(
    "/v1/status-reports",
    summary="Report what a system believes of orders",
    tags=["accuracy"],
    responses={200: {"description": "What was right and what was not"}, **problems(413, 415, 422)},
)
@handler.needs(REPORT)
def report(told: Annotated[StatusReports, Body()], idempotency_key: IdempotencyKey) -> Response[ReportsTaken]:
    """Hold another system's beliefs against what was true at that time. A report is taken once, and only if it is newer."""
    command = handler.request().command("report-status")
    by_order: dict[str, list[Report]] = {}
    for one in told.reports:
        known = Report(told.source, one.store, one.named(), one.status, parse_rfc3339(one.as_of))
        by_order.setdefault(known.order_id, []).append(known)
    with ThreadPoolExecutor(THREADS) as threads:
        taken = [one for found in threads.map(lambda some: reports().take(some, command), by_order.values()) for one in found]
    # One after the other: most of them are counted in the same place, where transactions would stand in each other's way.
    for order_id in by_order:
        reports().count(told.source, order_id)
    wrong = [_mismatch(one) for one in taken if not one.verdict.right and not one.ignored]
    ignored = sum(one.ignored for one in taken)
    body = ReportsTaken(right=len(taken) - ignored - len(wrong), ignored=ignored, mismatches=wrong)
    return Response(200, "application/json", body)


@app.get(
    "/v1/insights/accuracy",
    summary="Order status accuracy",
    tags=["accuracy"],
    responses={200: {"description": "How often each source was right"}, **problems()},
)
@handler.needs(LOOK)
def accuracy(
    start: Annotated[date | None, Query(alias="from")] = None,
    end: Annotated[date | None, Query(alias="to")] = None,
    source: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9._-]{1,64}$")] = None,
) -> Response[AccuracyPage]:
    """By source, store and day (UTC) of what was reported; without days, today."""
    last = end or datetime.now(UTC).date()
    first = start or (last if end is None else end)
    if not timedelta(0) <= last - first < timedelta(days=DAYS):
        raise Malformed("invalid_range", f"`from` is not after `to`, and at most {DAYS} days are answered.")
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    counts = [count for day in days for count in store().counts(day, source)]
    items = [_rate(count.day, count.source, count.store, count.right, count.wrong) for count in counts]
    total = _rate(None, source, None, sum(count.right for count in counts), sum(count.wrong for count in counts))
    return Response(200, "application/json", AccuracyPage(items=items, total=total))


@app.get(
    "/v1/status-mismatches",
    summary="Status mismatches",
    tags=["accuracy"],
    responses={200: {"description": "A page"}, **problems()},
)
@handler.needs(LOOK)
def mismatches(
    source: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9._-]{1,64}$")] = None,
    cursor: Annotated[str | None, Query(min_length=1, max_length=1024)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response[MismatchPage]:
    """Orders about which a system's newest report is wrong; one leaves the list when a later report is right."""
    cursors, bound = Cursors(clients.secret(read(AccuracySettings).cursor_key_secret)), {"list": "mismatches", "source": source}
    found, last = store().standing(source, limit, cursors.open(cursor, bound)["after"] if cursor else None)
    following = cursors.seal({"after": last}, bound) if last else None
    return Response(200, "application/json", MismatchPage(items=[_standing(one) for one in found], next_cursor=following))


def _rate(day: str | None, source: str | None, of: str | None, right: int, wrong: int) -> AccuracyOut:
    number = right + wrong
    rate = round(right / number, 6) if number else None
    return AccuracyOut(day=day, source=source, store=of, reports=number, right=right, wrong=wrong, accuracy=rate)


def _standing(known: StatusMismatch) -> MismatchOut:
    return MismatchOut(**known.model_dump())


def _mismatch(taken: Taken) -> MismatchOut:
    known, verdict = taken.report, taken.verdict
    return MismatchOut(
        source=known.source,
        store=known.store,
        order_id=known.order_id,
        reported_status=known.status,
        true_status=verdict.true_status,
        current_status=verdict.current_status,
        as_of=rfc3339(known.as_of),
    )
