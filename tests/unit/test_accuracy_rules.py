"""When a report is right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accuracy.domain import Change, Report, judge, take
from accuracy.events import StatusMismatch, StatusReported

START = datetime(2026, 11, 24, 12, tzinfo=UTC)
HISTORY = [Change(START + timedelta(seconds=at), status) for at, status in ((0, "received"), (10, "confirmed"), (60, "shipped"))]
TOLERANCE = timedelta(seconds=5)


def report(status: str, at: float) -> Report:
    return Report("pos", "s1", "ord_1", status, START + timedelta(seconds=at))


@pytest.mark.parametrize(
    ("status", "at", "right", "true"),
    [
        ("received", 0, True, "received"),
        ("received", 9, True, "received"),
        ("received", 12, True, "confirmed"),
        ("received", 14, True, "confirmed"),
        ("received", 15, False, "confirmed"),
        ("confirmed", 9, False, "received"),
        ("confirmed", 10, True, "confirmed"),
        ("shipped", 3600, True, "shipped"),
        ("shipped", 59, False, "confirmed"),
        ("delivered", 3600, False, "shipped"),
        ("received", -1, False, None),
    ],
)
def test_a_report_is_held_against_what_was_true_at_its_time_and_shortly_before(
    status: str, at: float, right: bool, true: str | None
) -> None:
    verdict = judge(report(status, at), HISTORY, TOLERANCE)
    assert (verdict.right, verdict.true_status, verdict.current_status) == (right, true, "shipped")


@given(st.floats(0, 1000))
def test_the_truth_is_always_right(at: float) -> None:
    true = judge(report("whatever", at), HISTORY, TOLERANCE).true_status
    assert true is not None
    assert judge(report(true, at), HISTORY, timedelta(0)).right


def test_an_order_that_was_never_there_has_no_true_status() -> None:
    verdict = judge(report("shipped", 0), [], TOLERANCE)
    assert (verdict.right, verdict.true_status, verdict.current_status) == (False, None, None)


def test_a_report_that_is_no_newer_says_nothing() -> None:
    newest = START + timedelta(seconds=20)
    for at, events in ((19, 0), (20, 0), (21, 1)):
        known = report("confirmed", at)
        assert len(take(newest, known, judge(known, HISTORY, TOLERANCE))) == events


def test_a_wrong_report_carries_the_truth() -> None:
    known = report("delivered", 3600)
    (wrong,) = take(None, known, judge(known, HISTORY, TOLERANCE))
    assert isinstance(wrong, StatusMismatch)
    assert (wrong.true_status, wrong.current_status) == ("shipped", "shipped")
    known = report("shipped", 3600)
    assert isinstance(take(None, known, judge(known, HISTORY, TOLERANCE))[0], StatusReported)
