"""Pickup in a store: ready, collected with the code, or put back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from fulfilment import domain, pickup
from fulfilment import events as ev
from fulfilment.domain import Fact, FactType
from fulfilment.state import Shipment
from kernel.clock import rfc3339
from kernel.contracts import EventData
from kernel.errors import Conflict, Invalid
from tests.examples import NOW, ORDER_ID, event

AT = rfc3339(NOW)
CODE = "ABCD2345"
LINES = (ev.ShipmentLine(line_id="ln_1", sku="SKU-1", quantity=1),)


def planned(*, for_pickup: bool = True) -> Shipment:
    return domain.fold(
        None, event(ev.ShipmentPlanned(order_id=ORDER_ID, node_id="store", lines=LINES, pickup=for_pickup), 1, "shp_1")
    )


def after(shipment: Shipment, decided: list[EventData]) -> Shipment:
    for data in decided:
        shipment = domain.fold(shipment, event(data, 2, "shp_1"))
    return shipment


def told(shipment: Shipment, type_: FactType, **more: str) -> Shipment:
    return after(shipment, domain.record(shipment, Fact(type_, AT, **more)))  # type: ignore[arg-type]


def ready() -> Shipment:
    shipment = told(told(planned(), "packed"), "ready_for_pickup")
    return after(shipment, pickup.issue_code(shipment, CODE))


def test_whoever_brings_the_code_collects_and_telling_it_again_changes_nothing() -> None:
    collected = told(ready(), "picked_up", code=CODE.lower())
    assert (collected.status, collected.left) == ("picked_up", True)
    assert domain.record(collected, Fact("picked_up", AT, code="whatever")) == []


@pytest.mark.parametrize("code", [None, "", "ZZZZ9999"])
def test_nobody_collects_without_the_code(code: str | None) -> None:
    with pytest.raises(Invalid, match="wrong_code"):
        domain.record(ready(), Fact("picked_up", AT, code=code))


def test_a_new_code_closes_what_an_earlier_one_opened() -> None:
    shipment = ready()
    shipment = after(shipment, pickup.issue_code(shipment, "NEWC2345"))
    with pytest.raises(Invalid, match="wrong_code"):
        domain.record(shipment, Fact("picked_up", AT, code=CODE))
    assert told(shipment, "picked_up", code="NEWC2345").status == "picked_up"


def test_what_is_kept_of_a_code_does_not_say_it_and_differs_by_shipment() -> None:
    shipment = ready()
    assert CODE not in str(shipment)
    assert shipment.code_hash == pickup.hashed(CODE, "shp_1") != pickup.hashed(CODE, "shp_2")


def test_before_any_code_was_given_nothing_is_collected() -> None:
    shipment = replace(ready(), code_hash=None)
    with pytest.raises(Invalid, match="wrong_code"):
        domain.record(shipment, Fact("picked_up", AT, code=CODE))


def test_what_nobody_collects_in_time_is_put_back_and_cannot_be_collected_any_more() -> None:
    shipment = ready()
    assert shipment.collect_by == rfc3339(NOW + pickup.LONGEST_KEPT)
    assert pickup.expire(shipment, NOW + pickup.LONGEST_KEPT - timedelta(seconds=1)) == []
    expired = after(shipment, pickup.expire(shipment, NOW + pickup.LONGEST_KEPT))
    assert (expired.status, expired.left) == ("expired", False)
    with pytest.raises(Conflict, match="shipment_expired"):
        domain.record(expired, Fact("picked_up", AT, code=CODE))
    with pytest.raises(Conflict, match="nothing_to_collect"):
        pickup.issue_code(expired, CODE)
    assert domain.cancel(expired, "reason") == []


def test_a_store_may_keep_it_for_less_than_the_policy_and_not_for_more() -> None:
    packed = told(planned(), "packed")
    assert told(packed, "ready_for_pickup", collect_by=rfc3339(NOW + timedelta(hours=1))).collect_by == rfc3339(
        NOW + timedelta(hours=1)
    )
    assert told(packed, "ready_for_pickup", collect_by=rfc3339(NOW + timedelta(days=99))).collect_by == rfc3339(
        NOW + pickup.LONGEST_KEPT
    )


def test_a_pickup_is_not_dispatched_and_a_parcel_is_not_collected() -> None:
    with pytest.raises(Conflict, match="other_delivery"):
        domain.record(planned(), Fact("dispatched", AT))
    with pytest.raises(Conflict, match="other_delivery"):
        domain.record(planned(for_pickup=False), Fact("ready_for_pickup", AT))
    with pytest.raises(Conflict, match="not_ready_for_pickup"):
        domain.record(planned(), Fact("picked_up", AT, code=CODE))


def test_a_held_pickup_is_not_handed_over() -> None:
    shipment = ready()
    held = after(shipment, domain.hold(shipment))
    with pytest.raises(Conflict, match="on_hold"):
        domain.record(held, Fact("picked_up", AT, code=CODE))


def test_codes_are_drawn_letter_by_letter_without_those_that_people_mix_up() -> None:
    drawn = iter(pickup.LETTERS)
    assert pickup.new_code(lambda letters: next(drawn)) == pickup.LETTERS[: pickup.CODE_LENGTH]
    assert not set("IO01") & set(pickup.LETTERS)
