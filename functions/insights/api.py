"""HTTP entry point of insights: the state graph with how many took each edge, and how long."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Annotated, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import BaseModel, StringConstraints

from edge import clients
from edge.auth import Rights
from edge.http import HttpFunction, problems
from edge.settings import FromEnvironment, read
from insights.durations import quantiles
from insights.flow import Edge
from insights.store import FlowStore, Resolution, Walked, windows
from kernel.clock import SystemClock, parse_rfc3339, rfc3339
from kernel.errors import FieldError, Malformed

READ = Rights.of("orders/read", "operations", "auditors", "logistics", "finance")
handler = HttpFunction()
app = handler.app
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]*$", max_length=64)]
HOURS, DAYS = 48, 92
"""The longest time that is answered in hours, and in days."""


class InsightSettings(FromEnvironment):
    """Where insights are."""

    insights_table: str


class Durations(BaseModel):
    """Quantiles in milliseconds, each at most one hundredth off."""

    count: int
    p50: float
    p95: float
    p99: float


class EdgeOut(BaseModel):
    """A way from one state to another; `channel` and `node` where the answer is told apart by them."""

    before: str
    after: str
    channel: str | None = None
    node: str | None = None
    count: int
    dwell_ms: Durations | None
    lag_ms: Durations | None


class FlowOut(BaseModel):
    """The state graph as it was walked: `new` is before the first state."""

    since: str
    until: str
    resolution: Literal["hour", "day"]
    states: list[str]
    edges: list[EdgeOut]


@lru_cache(maxsize=1)
def store() -> FlowStore:
    """The insights of this stage."""
    return FlowStore(clients.dynamodb(), read(InsightSettings).insights_table)


@app.get(
    "/v1/insights/flow",
    summary="The state graph with every delay marked",
    tags=["insights"],
    responses={200: {"description": "Every edge that was taken"}, **problems()},
)
@handler.needs(READ)
def get_flow(
    since: Annotated[str | None, Query(max_length=40)] = None,
    until: Annotated[str | None, Query(max_length=40)] = None,
    channel: Annotated[Word | None, Query()] = None,
    node: Annotated[Word | None, Query()] = None,
    by: Annotated[Literal["channel", "node"] | None, Query()] = None,
) -> Response[FlowOut]:
    """How orders moved in a time, the last day by default: whole hours up to 48, whole days up to 92."""
    now = SystemClock().now()
    end = _instant("until", until) or now
    begin = _instant("since", since) or end - timedelta(days=1)
    resolution, found = _windows(begin, end, now)
    total: dict[Edge, Walked] = {}
    for window in found:
        for edge, walked in store().walked(resolution, window).items():
            if channel in (None, edge.channel) and node in (None, edge.node):
                total.setdefault(_told_apart(edge, by), Walked()).add(walked)
    edges = [_out(edge, walked) for edge, walked in sorted(total.items())]
    states = list(dict.fromkeys(state for edge in edges for state in (edge.before, edge.after)))
    body = FlowOut(since=rfc3339(begin), until=rfc3339(end), resolution=resolution, states=states, edges=edges)
    return Response(200, "application/json", body)


def _windows(since: datetime, until: datetime, now: datetime) -> tuple[Resolution, list[str]]:
    """In hours where they are still kept and not too many, else in days. Raises Malformed where it is too long, or backwards."""
    if since >= until:
        raise _refused("since", "since is before until")
    if until - since <= timedelta(hours=HOURS) and since > now - timedelta(days=2):
        return "hour", windows("hour", since, until)
    if until - since > timedelta(days=DAYS):
        raise _refused("since", f"at most {DAYS} days at once")
    return "day", windows("day", since, until)


def _told_apart(edge: Edge, by: str | None) -> Edge:
    return Edge(edge.channel if by == "channel" else "", edge.node if by == "node" else "", edge.before, edge.after)


def _out(edge: Edge, walked: Walked) -> EdgeOut:
    return EdgeOut(
        before=edge.before,
        after=edge.after,
        channel=edge.channel or None,
        node=edge.node or None,
        count=walked.count,
        dwell_ms=_durations(walked.dwell),
        lag_ms=_durations(walked.lag),
    )


def _durations(bins: dict[int, int]) -> Durations | None:
    found = quantiles(bins)
    return Durations.model_validate(found) if found else None


def _instant(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_rfc3339(text.replace(" ", "+"))
    except ValueError:
        raise _refused(name, "not an RFC 3339 time with an offset") from None


def _refused(name: str, detail: str) -> Malformed:
    return Malformed("invalid_parameter", "A parameter is not acceptable.", (FieldError(f"/query/{name}", "invalid_time", detail),))
