"""Which node an order comes from, in the terms of the rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time

import pytest
from pydantic import ValidationError

from inventory.distance import Point, great_circle_km
from inventory.domain import Node, Shortage, Wanted
from inventory.network import Days, NodeTerms, Policy, Rule, Service, When, Zone
from inventory.plans import Attributes, Auction, Network, Plan
from inventory.sourcing import source
from inventory.working_days import NeverOpen, ShippingHours, WorkingDays

MONDAY = datetime(2026, 11, 23, 10, tzinfo=UTC)
EAST = Node("wh-east", "East", "warehouse", 40.7, -74.0, ("ship",), 10)
WEST = Node("wh-west", "West", "warehouse", 37.8, -122.4, ("ship",), 10)
STORE = Node("store-main", "Store", "store", 41.9, -87.6, ("ship", "pickup"), 30)
OAKLAND = Attributes(channel="web", country="US", at=Point(37.8, -122.2))
TWO = [Wanted("ln_1", "A", 1), Wanted("ln_2", "B", 1)]
NETWORK = Network([EAST, WEST, STORE], Policy(), MONDAY)


def plan(order: Attributes, network: Network, available: dict[tuple[str, str], int], named: str | None = None) -> Plan:
    found = source(TWO, order, network, available, named)
    assert isinstance(found, Plan), found
    return found


def have(**nodes: str) -> dict[tuple[str, str], int]:
    """One unit of each SKU at each node: `have(wh_east="AB")`."""
    return {(sku, node.replace("_", "-")): 1 for node, skus in nodes.items() for sku in skus}


def test_the_nearer_of_two_equal_nodes_sends_and_the_timeline_says_what_the_other_scored() -> None:
    reasons = plan(OAKLAND, NETWORK, have(wh_east="AB", wh_west="AB")).reasons
    assert [parcel.node_id for parcel in reasons.parcels] == ["wh-west"]
    assert (reasons.rule, reasons.by, reasons.proven) == ("best-score", "score", True)
    assert reasons.alternatives[0][0] == ("wh-east",)
    assert reasons.alternatives[0][1] > reasons.score


def test_one_shipment_from_afar_is_better_than_two_from_near() -> None:
    assert plan(OAKLAND, NETWORK, have(wh_west="A", store_main="B", wh_east="AB")).reasons.parcels[0].node_id == "wh-east"


def test_an_order_that_must_not_be_split_is_not_and_says_what_the_best_node_lacks() -> None:
    whole = replace(OAKLAND, tags={"split": "never"})
    assert len(plan(OAKLAND, NETWORK, have(wh_west="A", wh_east="B")).reasons.parcels) == 2
    assert source(TWO, whole, NETWORK, have(wh_west="A", wh_east="B")) == [Shortage("B", 1)]


def test_a_rule_that_finds_nothing_leaves_the_order_to_the_next() -> None:
    rules = (
        Rule(name="stores-near", kinds=("store",), within_km=100),
        Rule(name="own-department", when=When(departments=("outlet",)), kinds=("store",)),
        Rule(name="anywhere", kinds=("warehouse",)),
    )
    network = replace(NETWORK, policy=Policy(rules=rules))
    everywhere = have(wh_east="AB", store_main="AB")
    assert plan(OAKLAND, network, everywhere).reasons.rule == "anywhere"
    assert plan(replace(OAKLAND, department="outlet"), network, everywhere).reasons.parcels[0].node_id == "store-main"


def test_a_named_node_sends_or_nobody_does() -> None:
    assert plan(OAKLAND, NETWORK, have(wh_east="AB", wh_west="AB"), "wh-east").reasons.by == "named"
    assert source(TWO, OAKLAND, NETWORK, have(wh_east="A", wh_west="AB"), "wh-east") == [Shortage("B", 1)]


def test_a_node_whose_day_is_full_ships_a_day_later_and_loses_to_its_equal() -> None:
    policy = Policy(nodes={"wh-west": NodeTerms(shipments_a_day=5)})
    everywhere = have(wh_west="AB", wh_east="AB")
    order = Attributes()
    free = replace(NETWORK, policy=policy, load={"wh-west": 0})
    full = replace(free, load={"wh-west": 5})
    assert plan(order, full, everywhere).reasons.parcels[0].node_id == "wh-east"
    only_west = have(wh_west="AB")
    assert plan(order, free, only_west).reasons.parcels[0].ship_on == date(2026, 11, 23)
    assert plan(order, full, only_west).reasons.parcels[0].ship_on == date(2026, 11, 24)


def test_a_promise_that_only_the_dearer_node_keeps_is_kept() -> None:
    slow = Policy(nodes={"wh-west": NodeTerms(days=Days(weekdays=(4,)))})
    network = replace(NETWORK, policy=slow)
    everywhere = have(wh_east="AB", wh_west="AB")
    assert plan(OAKLAND, network, everywhere).reasons.parcels[0].node_id == "wh-west"
    promised = replace(OAKLAND, deliver_by=date(2026, 11, 27))
    assert plan(promised, network, everywhere).reasons.parcels[0].node_id == "wh-east"


def test_an_auction_is_held_only_where_a_rule_says_so_and_two_nodes_can_compete() -> None:
    order = replace(OAKLAND, tags={"sourcing": "auction"})
    everywhere = have(wh_east="AB", wh_west="AB", store_main="A")
    found = source(TWO, order, NETWORK, everywhere)
    assert isinstance(found, Auction)
    # Carriage from next door is 450 and 20 a unit, and across the country 800 and 40; the nearest also picks, for 200 and 20.
    assert (found.carriage, found.reserve) == ({"wh-east": 880, "wh-west": 490}, 730)
    assert isinstance(source(TWO, order, NETWORK, have(wh_east="AB", store_main="A")), Plan)


def test_the_best_bidder_that_still_has_everything_sends_and_without_one_the_rules_decide() -> None:
    order = replace(OAKLAND, tags={"sourcing": "auction"}, auctioned=True, awarded=("store-main", "wh-east"))
    everywhere = have(wh_east="AB", wh_west="AB")
    won = plan(order, NETWORK, everywhere).reasons
    assert (won.by, [parcel.node_id for parcel in won.parcels]) == ("auction", ["wh-east"])
    nobody = plan(replace(order, awarded=()), NETWORK, everywhere).reasons
    assert (nobody.by, [parcel.node_id for parcel in nobody.parcels]) == ("score", ["wh-west"])


def test_what_is_ordered_after_the_cut_off_leaves_on_the_next_working_day() -> None:
    hours = ShippingHours(WorkingDays(frozenset(range(5)), "US"), "America/New_York", time(14))
    wednesday = datetime(2026, 11, 25, 18, 59, tzinfo=UTC)  # 13:59 in New York
    assert hours.ships_on(wednesday) == date(2026, 11, 25)
    # A minute later it is Thanksgiving's eve after the cut-off: Thursday is a holiday, and Friday is not.
    assert hours.ships_on(wednesday.replace(hour=19, minute=1)) == date(2026, 11, 27)


def test_a_carrier_counts_its_own_working_days() -> None:
    assert WorkingDays(frozenset(range(5))).after(date(2026, 11, 27), 2) == date(2026, 12, 1)
    with pytest.raises(NeverOpen):
        WorkingDays(frozenset()).first(date(2026, 11, 27))


def test_a_node_that_is_closed_for_good_sends_nothing() -> None:
    closed = tuple(date.fromordinal(MONDAY.date().toordinal() + ahead) for ahead in range(100))
    network = replace(NETWORK, policy=Policy(nodes={"wh-west": NodeTerms(days=Days(closed=closed))}))
    assert source(TWO, OAKLAND, network, have(wh_west="AB")) == [Shortage("A", 1), Shortage("B", 1)]


def test_distances_are_those_of_an_atlas() -> None:
    # London to New York: 5,570 km.
    assert great_circle_km(Point(51.5074, -0.1278), Point(40.7128, -74.0060)) == pytest.approx(5570, abs=10)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rules": []},
        {"rules": [{"name": "a"}, {"name": "a"}]},
        {"terms": {"timezone": "Mars/Olympus"}},
        {"terms": {"days": {"holidays_of": "XX"}}},
        {"services": [{"name": "s", "zones": [{"up_to_km": 5, "transit_days": 1, "per_shipment": 1}]}]},
        {"currency": "XXX"},
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Policy.model_validate(wrong)


def test_a_distance_nobody_knows_is_reckoned_as_the_farthest() -> None:
    service = Service(name="s", zones=(Zone(up_to_km=10, transit_days=1, per_shipment=1), Zone(transit_days=3, per_shipment=9)))
    assert service.zone(None).per_shipment == 9
    assert service.zone(10).per_shipment == 1
    assert service.zone(11).per_shipment == 9


def test_a_country_that_is_not_home_is_abroad() -> None:
    policy = Policy(home=("US",))
    assert policy.carrier("US").name == policy.carrier("").name == "standard"
    assert policy.carrier("CA").name == "abroad"
