"""Screening: rules that are data hold what they describe, each with its reason, and nothing that is ordinary."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from kernel.contracts import EventData
from orders import domain, edits, holds, screening
from orders import events as ev
from orders.commands import PlaceOrder
from orders.edits import Wish
from orders.screening import RuleSet
from orders.service import _received
from orders.tasks import rules
from tests.examples import NOW, body, folded, line, money

DEFAULTS = rules()


def order(**changes: Any) -> domain.Order:
    return folded(_received(PlaceOrder.model_validate(body(**changes)), "entry"))


def caught(placed: domain.Order, ordered: dict[str, int] | None = None, rules: RuleSet = DEFAULTS) -> list[str]:
    return [hold.rule.id for hold in screening.findings(placed, rules, ordered or {}, NOW) if hold.rule]


def going_to(country: str, phone: str = "+12015550123", price: int = 500, **changes: Any) -> domain.Order:
    customer = {**body()["customer"], "phone": phone}
    return order(customer=customer, ship_to={**body()["ship_to"], "country": country}, lines=[line(price=price)], **changes)


def test_by_default_ordinary_orders_are_not_held() -> None:
    assert caught(order()) == []
    assert caught(order(lines=[line(quantity=99, price=100_000)]), {"customer-velocity": 5000}) == []
    assert caught(going_to("CN", "+8613800138000")) == []
    assert caught(going_to("US", "+8613800138000")) == []


def test_an_order_over_the_limit_of_its_currency_is_held() -> None:
    limit = 25_000_000
    assert caught(order(lines=[line(quantity=1, price=limit)], shipping=money(0))) == []
    assert caught(order(lines=[line(quantity=1, price=limit)], shipping=money(1))) == ["amount-over-limit"]


def test_a_currency_without_a_limit_is_not_held_for_its_amount() -> None:
    in_francs = json.loads(json.dumps(body(lines=[line(quantity=1, price=10**11)])).replace('"USD"', '"CHF"'))
    assert caught(folded(_received(PlaceOrder.model_validate(in_francs), "entry"))) == []


def test_a_customer_who_orders_faster_than_people_do_is_held() -> None:
    assert caught(order(), {"customer-velocity": 5001}) == ["customer-velocity"]


def test_what_goes_to_another_country_than_the_customers_phone_is_held_from_an_amount_on() -> None:
    assert caught(going_to("US", "+8613800138000", 10_000_000)) == ["address-mismatch"]
    assert caught(going_to("CN", "+8613800138000", 10_000_000)) == []
    assert caught(going_to("US", "+8613800138000", 9_000_000 // 2)) == []
    pickup = {"method": "pickup", "node_id": "store-1"}
    assert caught(going_to("US", "+8613800138000", 10_000_000, delivery=pickup)) == []


def test_nothing_goes_to_a_blocked_destination_unseen() -> None:
    assert caught(going_to("KP")) == ["blocked-destination"]


def test_every_rule_that_catches_an_order_places_a_hold_of_its_own_with_its_reason_and_version() -> None:
    placed = going_to("KP", price=30_000_000)
    found = screening.findings(placed, DEFAULTS, {}, NOW)
    assert [hold.rule for hold in found] == [
        ev.RuleReference(id=rule, version=DEFAULTS.version)
        for rule in ("amount-over-limit", "address-mismatch", "blocked-destination")
    ]
    held = folded(placed.received, *holds.place(placed, found, NOW))
    assert screening.is_done(held)
    assert len({hold.reason for hold in held.open_holds}) == 3
    assert holds.place(held, screening.findings(placed, DEFAULTS, {}, NOW), NOW) == []


def test_a_hold_that_somebody_placed_does_not_stand_for_screening() -> None:
    manual = holds.NewHold("hld_1", "manual", "look")
    assert not screening.is_done(folded(order().received, *holds.place(order(), [manual], NOW)))


def test_a_rule_may_say_how_its_hold_ends_when_nobody_decides() -> None:
    rule = {"id": "r", "kind": "blocked_destination", "hold": "compliance", "reason": "No.", "countries": ["US"]}
    expiring = RuleSet.model_validate({"version": 1, "rules": [{**rule, "expires_after_hours": 48, "on_expiry": "rejected"}]})
    (hold,) = screening.findings(order(), expiring, {}, NOW)
    assert (hold.expires_at, hold.on_expiry) == (NOW + timedelta(hours=48), "rejected")


@pytest.mark.parametrize(
    "broken",
    [
        {"kind": "amount", "limits": {"XXQ": 1}},
        {"kind": "amount", "limits": {}},
        {"kind": "velocity", "orders": 0, "window_minutes": 1},
        {"kind": "blocked_destination", "countries": ["usa"]},
        {"kind": "blocked_destination", "countries": ["US"], "expires_after_hours": 1},
        {"kind": "moon_phase"},
    ],
    ids=lambda broken: str(broken["kind"]),
)
def test_a_rule_that_says_nonsense_is_refused_when_the_rules_are_read(broken: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RuleSet.model_validate({"version": 1, "rules": [{"id": "r", "hold": "fraud", "reason": "No.", **broken}]})


def test_two_rules_with_one_id_are_refused() -> None:
    rule = {"id": "r", "kind": "blocked_destination", "hold": "fraud", "reason": "No.", "countries": ["US"]}
    with pytest.raises(ValidationError, match="two rules have one id"):
        RuleSet.model_validate({"version": 1, "rules": [rule, rule]})


def test_an_edit_that_costs_more_or_goes_elsewhere_is_screened_again_unless_people_decided_with_it_in_view() -> None:
    strict = RuleSet.model_validate(
        {"version": 1, "rules": [{"kind": "amount", "id": "any", "hold": "fraud", "reason": "r", "limits": {"USD": 1}}]}
    )
    events: list[EventData] = [_received(PlaceOrder.model_validate(body()), "entry")]
    first = holds.place(folded(*events), screening.findings(folded(*events), strict, {}, NOW), NOW)
    events += first
    events += holds.release(folded(*events), folded(*events).open_holds[0].hold_id, "all is clear")
    assert screening.is_done(folded(*events))
    fewer = [*events, *edits.commit(folded(*events), "edt_1", edits.preview(folded(*events), 3, Wish(change=[("ln_1", 1)])))]
    assert screening.is_done(folded(*fewer))
    more = edits.commit(folded(*events), "edt_1", edits.preview(folded(*events), 3, Wish(change=[("ln_1", 9)])))
    asked = replace(folded(*events, *more), worsened_at=NOW + timedelta(seconds=1))
    assert not screening.is_done(asked)
    again = screening.findings(asked, strict, {}, NOW)
    assert [hold.hold_id for hold in again] != [held.hold_id for held in first if isinstance(held, ev.OrderHeld)]
