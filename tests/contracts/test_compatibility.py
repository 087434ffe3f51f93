"""A contract that changes in a way that breaks somebody is found, and the sentence says what and whom."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from local import contracts
from local.compatibility import breaks, released

TODAY = date(2026, 12, 1)


def changed(change: Callable[[dict[str, Any]], object], name: str = "order.received.v2") -> list[str]:
    """The sentences for one event whose released contract is changed."""
    now = copy.deepcopy(released())
    change(now[name])
    return breaks(released(), now, TODAY)


def test_what_is_declared_today_breaks_nobody_who_reads_the_last_release() -> None:
    assert breaks(released(), contracts.events(), TODAY) == []


def test_a_field_that_is_gone_names_the_field_the_listeners_and_the_way_out() -> None:
    (sentence,) = changed(lambda event: event["schema"]["properties"].pop("channel"))
    assert sentence == (
        "order.received.v2: /channel is gone. That breaks fulfilment saga, board, timeline, every subscriber written against it. "
        "Publish order.received.v3 beside it instead, with an upcaster and a downcaster."
    )


def retype(event: dict[str, Any]) -> None:
    event["schema"]["properties"]["shipping"] = {"type": "string"}


def retype_a_part(event: dict[str, Any]) -> None:
    event["schema"]["$defs"]["Line"]["properties"]["quantity"] = {"type": "number"}


def require(event: dict[str, Any]) -> None:
    event["schema"]["properties"]["priority"] = {"type": "integer"}
    event["schema"]["required"].append("priority")


def make_optional(event: dict[str, Any]) -> None:
    event["schema"]["required"].remove("currency")


def forbid_a_word(event: dict[str, Any]) -> None:
    event["schema"]["$defs"]["Delivery"]["properties"]["method"]["enum"] = ["ship"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (retype, "/shipping was integer and is string"),
        (retype_a_part, "/lines/[]/quantity was integer and is number"),
        (require, "/priority is required, and stored events do not have it"),
        (make_optional, "/currency was always there and is optional"),
        (forbid_a_word, "/delivery/method may no longer be pickup"),
    ],
)
def test_every_breaking_change_is_told_apart(change: Callable[[dict[str, Any]], None], said: str) -> None:
    (sentence,) = changed(change)
    assert f"order.received.v2: {said}." in sentence


def add_optional(event: dict[str, Any]) -> None:
    event["schema"]["properties"]["gift"] = {"anyOf": [{"type": "boolean"}, {"type": "null"}], "default": None}


def allow_a_word(event: dict[str, Any]) -> None:
    event["schema"]["$defs"]["Delivery"]["properties"]["method"]["enum"].append("drone")


@pytest.mark.parametrize("change", [add_optional, allow_a_word])
def test_what_readers_pass_over_breaks_nobody(change: Callable[[dict[str, Any]], None]) -> None:
    assert changed(change) == []


def test_a_version_may_go_after_its_retirement_date_and_not_before() -> None:
    now = {name: event for name, event in released().items() if name != "order.received.v1"}
    (sentence,) = breaks(released(), now, TODAY)
    assert sentence.startswith("order.received.v1 is gone, and is promised until 2027-05-31.")
    assert breaks(released(), now, date(2027, 6, 1)) == []


def test_a_version_without_a_retirement_date_never_goes() -> None:
    now = {name: event for name, event in released().items() if name != "order.shipped.v1"}
    (sentence,) = breaks(released(), now, date(2099, 1, 1))
    assert "has no retirement date" in sentence
