"""Dwell, lag and their quantiles; the graph as a picture."""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insights.durations import ACCURACY, bin_of, quantiles
from insights.flow import Edge, steps
from insights.store import windows
from kernel.events import Event
from local import flow as draw
from orders import events as ev
from tests.examples import CAUSE, NOW, ORDER_ID, received

LINE = ev.Line(line_id="ln_1", sku="S", quantity=1, unit_price=500, discount=0, tax=0)
PART = ev.LineQuantity(line_id="ln_1", quantity=1)
SHIPMENT = ev.PlannedShipment(shipment_id="shp_1", node_id="wh-east", lines=(PART,))


def happened(*data: ev.EventData) -> list[Event]:
    """The facts, each a second after the one before."""
    return [Event(f"evt_{n}", ORDER_ID, n, NOW + timedelta(seconds=n), fact, CAUSE) for n, fact in enumerate(data, start=1)]


def test_a_step_is_a_change_of_status_with_the_time_since_the_last_one() -> None:
    events = happened(
        received((LINE,)),
        ev.OrderConfirmed(payment_id="pay_1"),
        ev.OrderAllocated(allocations=(ev.Allocation(line_id="ln_1", node_id="wh-east", quantity=1),)),
        ev.OrderOverdue(awaiting="warehouse", times=1),
        ev.OrderReleased(shipments=(SHIPMENT,)),
    )
    walked = [(step.edge.before, step.edge.after, step.edge.node, step.dwell_ms, step.sequence) for step in steps(events)]
    assert walked == [
        ("new", "received", "-", None, 1),
        ("received", "confirmed", "-", 1000, 2),
        ("confirmed", "allocated", "wh-east", 1000, 3),
        ("allocated", "released", "wh-east", 2000, 5),
    ]


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=300), st.integers(1, 5))
def test_quantiles_of_merged_parts_are_those_of_the_whole_within_the_accuracy(durations: list[int], parts: int) -> None:
    total: Counter[int] = Counter()
    for part in range(parts):
        total.update(Counter(bin_of(duration) for duration in durations[part::parts]))
    found = quantiles(total)
    assert found is not None
    assert found["count"] == len(durations)
    ordered = sorted(durations)
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        exact = ordered[math.floor(share * (len(ordered) - 1))]
        # Beside the sketch's own inaccuracy, what is shown is rounded to a tenth.
        assert found[name] == pytest.approx(exact, abs=ACCURACY * 1.01 * exact + 0.05)


def test_nothing_has_no_quantiles_and_a_clock_gone_wrong_has_a_bin() -> None:
    assert quantiles(Counter()) is None
    assert bin_of(-5) == bin_of(0) == bin_of(1)
    assert bin_of(10**18) == bin_of(10**15)


def test_windows_are_whole_hours_or_days_that_a_time_touches() -> None:
    since = datetime(2026, 11, 23, 22, 59, tzinfo=UTC)
    assert windows("hour", since, since + timedelta(hours=1, minutes=1)) == ["2026-11-23T22", "2026-11-23T23"]
    assert windows("hour", since, since + timedelta(hours=1, minutes=2)) == ["2026-11-23T22", "2026-11-23T23", "2026-11-24T00"]
    assert windows("day", since, since + timedelta(days=1)) == ["2026-11-23", "2026-11-24"]


def test_the_picture_has_every_state_and_edge_and_is_well_formed() -> None:
    durations = {"count": 3, "p50": 12.0, "p95": 2500.0, "p99": 7_300_000.0}
    edges = [
        {"before": before, "after": after, "count": 3, "dwell_ms": durations, "lag_ms": None}
        for before, after in (("received", "confirmed"), ("received", "on_hold"), ("on_hold", "received"), ("shipped", "<odd>"))
    ]
    states = ["received", "confirmed", "on_hold", "shipped", "<odd>"]
    picture = draw.svg({"since": "a", "until": "b", "states": states, "edges": edges})
    root = ElementTree.fromstring(picture)
    texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert set(states) <= set(texts)
    assert texts.count("12 ms / 2.5 s / 2.03 h") == len(edges)


def test_an_edge_tells_channels_and_nodes_apart() -> None:
    assert Edge("web", "wh-east", "new", "received") != Edge("pos", "wh-east", "new", "received")
