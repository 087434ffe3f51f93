"""What can be promised from where by when."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time

from inventory.domain import Shortage, Wanted
from inventory.network import Days, NodeTerms, Policy
from inventory.promises import Inbound, promise
from tests.unit.test_sourcing import NETWORK, OAKLAND, have

BOTH = [Wanted("0", "A", 1), Wanted("1", "B", 1)]


def test_what_is_in_stock_leaves_today_and_express_is_the_alternative() -> None:
    found = promise(BOTH, OAKLAND, NETWORK, have(wh_west="AB"), [])
    assert found.best is not None
    (parcel,) = found.best.parcels
    assert (parcel.node_id, parcel.ship_on, parcel.deliver_on) == ("wh-west", date(2026, 11, 23), date(2026, 11, 24))
    # Picking 200 and 2 × 20, carriage 450 and 2 × 20.
    assert (found.best.service, found.best.cost) == ("standard", 730)
    assert [option.service for option in found.alternatives] == ["express"]


def test_what_is_on_its_way_is_promised_for_the_working_day_after_it_comes() -> None:
    policy = Policy(nodes={"wh-west": NodeTerms(days=Days(weekdays=(0, 1, 2, 3, 4)), cut_off=time(14))})
    network = replace(NETWORK, policy=policy)
    friday = [Inbound("B", "wh-west", "PO-1", 5, date(2026, 11, 27))]
    found = promise(BOTH, OAKLAND, network, have(wh_west="A"), friday)
    assert found.best is not None
    assert [(p.ship_on, p.deliver_on) for p in found.best.parcels] == [(date(2026, 11, 30), date(2026, 12, 1))]


def test_a_split_order_waits_only_for_the_parcel_that_waits_and_coming_whole_is_an_alternative() -> None:
    later = [Inbound("B", "wh-east", "PO-1", 1, date(2026, 11, 24)), Inbound("B", "wh-west", "PO-2", 1, date(2026, 12, 1))]
    found = promise(BOTH, OAKLAND, NETWORK, have(wh_west="A"), later)
    assert found.best is not None
    assert {p.node_id: p.ship_on for p in found.best.parcels} == {"wh-west": date(2026, 11, 23), "wh-east": date(2026, 11, 25)}
    whole = [option for option in found.alternatives if len(option.parcels) == 1]
    assert {option.parcels[0].ship_on for option in whole} == {date(2026, 12, 2)}


def test_supply_that_is_due_already_does_not_count_until_it_is_in_stock() -> None:
    found = promise(BOTH, OAKLAND, NETWORK, have(wh_west="A"), [Inbound("B", "wh-west", "PO-1", 5, date(2026, 11, 23))])
    assert (found.best, found.shortages) == (None, (Shortage("B", 1),))


def test_an_order_that_must_not_be_split_is_promised_when_one_node_has_all() -> None:
    whole = replace(OAKLAND, tags={"split": "never"})
    later = [Inbound("B", "wh-west", "PO-2", 1, date(2026, 12, 1))]
    found = promise(BOTH, whole, NETWORK, have(wh_west="A", wh_east="B"), later)
    assert found.best is not None
    assert [(p.node_id, p.ship_on) for p in found.best.parcels] == [("wh-west", date(2026, 12, 2))]
