"""The rules of webhooks that need no network: patterns, schedule, circuit, and the endpoint's own."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.contracts import EventData
from kernel.errors import Conflict, NotFound
from tests.examples import event
from webhooks import circuit, domain
from webhooks import events as ev
from webhooks.circuit import Health
from webhooks.deliveries import delivery_id, first_of
from webhooks.patterns import PATTERN, asked_for
from webhooks.schedule import GIVES_UP_AFTER, back_off_s, next_attempt

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ENDPOINT_ID = "whk_" + "0" * 32


@pytest.mark.parametrize(
    ("patterns", "type_", "wanted"),
    [
        (["*"], "order.received.v2", True),
        (["order.*"], "order.received.v2", True),
        (["order.*"], "orderly.done.v1", False),
        (["order.*"], "payment.captured.v1", False),
        (["payment.*", "order.*"], "payment.captured.v1", True),
        (["order.received"], "order.received.v2", True),
        (["order.received"], "order.rejected.v1", False),
        (["order.received.v2"], "order.received.v2", True),
        (["order.received.v1"], "order.received.v2", False),
        (["order.hold_released"], "order.hold_released.v1", True),
    ],
)
def test_a_pattern_asks_for_a_type_a_family_or_everything(patterns: list[str], type_: str, wanted: bool) -> None:
    assert asked_for(patterns, type_) is wanted


def test_of_an_event_that_goes_out_in_two_versions_an_endpoint_gets_one() -> None:
    def forms(*patterns: str) -> list[str]:
        out = [("order.received.v2", False), ("order.received.v1", True)]
        return [type_ for type_, superseded in out if asked_for(patterns, type_, superseded=superseded)]

    assert forms("order.*") == ["order.received.v2"]
    assert forms("order.received") == ["order.received.v2"]
    assert forms("order.received.v1") == ["order.received.v1"]
    assert forms("order.*", "order.received.v1") == ["order.received.v1"]
    assert forms("order.received.v1", "order.received.v2") == ["order.received.v2"]


@pytest.mark.parametrize("pattern", ["*", "order.*", "order.received", "order.received.v2", "return.requested.v10"])
def test_what_a_pattern_looks_like(pattern: str) -> None:
    assert re.fullmatch(PATTERN, pattern)


@pytest.mark.parametrize(
    "pattern", ["", "**", "order", "order.", "*.received", "Order.*", "order.*.v1", "order.received.v0", "o r"]
)
def test_what_a_pattern_does_not_look_like(pattern: str) -> None:
    assert not re.fullmatch(PATTERN, pattern)


@given(st.floats(0, 1))
def test_retries_grow_apart_and_end_after_24_hours(random: float) -> None:
    now, until, attempts, times = NOW, NOW + GIVES_UP_AFTER, 0, []
    while True:
        attempts += 1
        at = next_attempt(attempts, now, until, 0, lambda: random)
        if at is None:
            break
        times.append(at)
        now = at
    assert times[0] <= NOW + timedelta(seconds=5)
    assert times[-1] == until
    assert times == sorted(times)
    assert 10 <= attempts <= 25


@given(st.integers(1, 30), st.floats(0, 1))
def test_half_of_a_pause_is_chance(attempts: int, random: float) -> None:
    longest = back_off_s(attempts, lambda: 1.0)
    assert longest / 2 <= back_off_s(attempts, lambda: random) <= longest <= 4 * 3600


def test_what_a_receiver_asks_for_by_retry_after_is_respected_within_reason() -> None:
    until = NOW + GIVES_UP_AFTER
    assert next_attempt(1, NOW, until, 120, lambda: 0.5) == NOW + timedelta(seconds=120)
    assert next_attempt(1, NOW, until, 10**9, lambda: 0.5) == NOW + timedelta(hours=4)


def test_a_circuit_opens_after_failures_in_a_row_for_longer_each_time_up_to_a_quarter_of_an_hour() -> None:
    rests = [circuit.rest(failures) for failures in range(1, 40)]
    assert rests[:4] == [None] * 4
    assert rests[4:7] == [timedelta(seconds=30), timedelta(seconds=60), timedelta(seconds=120)]
    assert max(rest for rest in rests if rest) == timedelta(minutes=15)


def test_an_endpoint_is_given_up_after_three_days_without_a_success() -> None:
    health = Health(failures=400, failing_since=NOW - timedelta(days=2, hours=23), open_until=NOW - timedelta(seconds=1))
    assert health.tripped
    assert not health.rests(NOW)
    assert not health.given_up(NOW)
    assert health.given_up(NOW + timedelta(hours=1))


def test_a_delivery_has_one_id_and_sorts_by_its_events_time() -> None:
    early, late = NOW, NOW + timedelta(milliseconds=1)
    assert delivery_id(ENDPOINT_ID, "evt_1", early) == delivery_id(ENDPOINT_ID, "evt_1", early)
    assert delivery_id(ENDPOINT_ID, "evt_1", early) != delivery_id(ENDPOINT_ID, "evt_2", early)
    assert first_of(early) < delivery_id(ENDPOINT_ID, "evt_9", early) < first_of(late) < delivery_id(ENDPOINT_ID, "evt_1", late)
    assert re.fullmatch(r"dlv_[0-9a-f]{32}", delivery_id(ENDPOINT_ID, "evt_1", early))


def _endpoint(*events: EventData) -> domain.Endpoint:
    registered = ev.EndpointRegistered(url="https://example.com/hook", event_types=("order.*",), description="")
    state: domain.Endpoint | None = None
    for sequence, data in enumerate((registered, *events), start=1):
        state = domain.fold(state, event(data, sequence, ENDPOINT_ID))
    assert state is not None
    return state


def test_a_change_says_the_whole_and_no_change_says_nothing() -> None:
    endpoint = _endpoint()
    assert domain.change(endpoint, url=None, event_types=None, description=None, enabled=None) == []
    assert domain.change(endpoint, url=None, event_types=None, description=None, enabled=True) == []
    (changed,) = domain.change(endpoint, url=None, event_types=["*"], description=None, enabled=None)
    assert changed == ev.EndpointChanged(url=endpoint.url, event_types=("*",), description="")


def test_an_endpoint_is_disabled_once_and_enabled_by_hand() -> None:
    gone = domain.disable(_endpoint(), "failing", NOW)
    assert gone == [ev.EndpointDisabled(reason="failing", failing_since="2026-11-24T12:00:00.000Z")]
    endpoint = _endpoint(*gone)
    assert (endpoint.status, endpoint.disabled_because) == ("disabled", "failing")
    assert domain.disable(endpoint, "failing", NOW) == []
    assert domain.change(endpoint, url=None, event_types=None, description=None, enabled=True) == [ev.EndpointEnabled()]


def test_a_secret_is_not_rotated_again_while_the_one_before_still_signs() -> None:
    endpoint = _endpoint(*domain.rotate(_endpoint(), NOW, NOW + timedelta(hours=24)))
    assert endpoint.generation == 2
    with pytest.raises(Conflict):
        domain.rotate(endpoint, NOW + timedelta(hours=23), NOW + timedelta(hours=47))
    assert domain.rotate(endpoint, NOW + timedelta(hours=24), NOW + timedelta(hours=48))


def test_a_removed_endpoint_takes_no_command() -> None:
    endpoint = _endpoint(ev.EndpointRemoved())
    assert domain.remove(endpoint) == []
    with pytest.raises(NotFound):
        domain.change(endpoint, url=None, event_types=["*"], description=None, enabled=None)
    with pytest.raises(NotFound):
        domain.rotate(endpoint, NOW, NOW)
