"""Available-to-promise: from where an order can come by when, at what cost, from stock and what is on its way.

Nothing is reserved: a promise is what sourcing would choose now. Units that are expected on a day can leave on the node's
next working day after it. Sources: stock that can be sold now, and declared inbound supply that is not due yet.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from inventory.domain import Shortage
from inventory.sourcing import by_sku, matches, survey_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from inventory.domain import Source, Wanted
    from inventory.network import Rule, Service
    from inventory.plans import Attributes, Network, Parcel, Plan
    from inventory.sourcing import Available, Survey


@dataclass(frozen=True, slots=True)
class Inbound:
    """Units of a SKU that a node expects on a day, under the reference of a purchase or transfer."""

    sku: str
    node_id: str
    reference: str
    quantity: int
    expected_on: date


@dataclass(frozen=True, slots=True)
class Option:
    """A way to have the whole order: the carrier's service, what each node sends, and when all of it is there."""

    service: str
    parcels: tuple[Parcel, ...]
    sources: tuple[Source, ...]

    @property
    def deliver_on(self) -> date:
        """The day of the last parcel."""
        return max(parcel.deliver_on for parcel in self.parcels)

    @property
    def cost(self) -> int:
        """Of all parcels, in minor units of the policy's currency."""
        return sum(parcel.cost for parcel in self.parcels)


@dataclass(frozen=True, slots=True)
class Promise:
    """What sourcing would choose; other ways, soonest first; and what is short where there is no way at all."""

    best: Option | None
    alternatives: tuple[Option, ...] = ()
    shortages: tuple[Shortage, ...] = ()


def promise(
    wanted: Sequence[Wanted], order: Attributes, network: Network, available: Available, inbound: Sequence[Inbound]
) -> Promise:
    """What can be promised. The first service decides; the others, and not splitting, are alternatives."""
    supply = _Supply(available, [part for part in inbound if part.expected_on > network.now.date() and part.quantity > 0])
    rules = [rule for rule in network.policy.rules if rule.by == "score" and matches(rule, order)]
    ordinary = network.policy.carrier(order.country)
    others = [service for service in network.policy.services if service != ordinary] if ordinary in network.policy.services else []
    best = _soonest(rules, wanted, order, network, supply, ordinary)
    if best is None:
        return Promise(None, shortages=_short(rules, wanted, order, network, supply))
    found = [_soonest(rules, wanted, order, network, supply, service) for service in others]
    if len(best.parcels) > 1:
        found += [_soonest(rules, wanted, order, network, supply, service, most=1) for service in (ordinary, *others)]
    distinct = dict.fromkeys(option for option in found if option is not None and option != best)
    return Promise(best, tuple(sorted(distinct, key=lambda option: (option.deliver_on, option.cost, option.service))))


class _Supply:
    """What can be had, by day."""

    def __init__(self, available: Available, inbound: Sequence[Inbound]) -> None:
        self._available = available
        self._inbound = sorted(inbound, key=lambda part: part.expected_on)

    @property
    def days(self) -> list[date | None]:
        """The days on which it grows; None is now."""
        return [None, *dict.fromkeys(part.expected_on for part in self._inbound)]

    def on(self, day: date | None) -> Mapping[tuple[str, str], int]:
        """Units by (sku, node) on a day."""
        units = {pair: max(0, quantity) for pair, quantity in self._available.items()}
        for part in self._inbound:
            if day is not None and part.expected_on <= day:
                units[part.sku, part.node_id] = units.get((part.sku, part.node_id), 0) + part.quantity
        return units

    def ready(self, node_id: str, units: Mapping[str, int]) -> date | None:
        """The first day on which a node has these units by SKU; None is now."""
        for day in self.days:
            stock = self.on(day)
            if all(stock.get((sku, node_id), 0) >= quantity for sku, quantity in units.items()):
                return day
        raise ValueError("a plan takes no more than there will be")


def _soonest(
    rules: Sequence[Rule],
    wanted: Sequence[Wanted],
    order: Attributes,
    network: Network,
    supply: _Supply,
    service: Service,
    most: int | None = None,
) -> Option | None:
    """The plan of the first rule that finds one, on the first day on which any does."""
    for day in supply.days:
        for rule in rules:
            survey = survey_of(rule, order, network, service)
            plan = survey.plan(wanted, supply.on(day), most)
            if plan is not None:
                return Option(service.name, _dated(plan, survey, network, supply), plan.sources)
            if rule.final:
                break
    return None


def _dated(plan: Plan, survey: Survey, network: Network, supply: _Supply) -> tuple[Parcel, ...]:
    """The parcels, those that wait for supply with the days on which they then leave and arrive."""
    dated = []
    for parcel in plan.reasons.parcels:
        units: dict[str, int] = {}
        for part in plan.sources:
            if part.node_id == parcel.node_id:
                units[part.sku] = units.get(part.sku, 0) + part.quantity
        ready = supply.ready(parcel.node_id, units)
        if ready is not None:
            ship_on = max(parcel.ship_on, network.policy.terms_of(parcel.node_id).days.working_days().after(ready, 1))
            transit = survey.carrier.zone(parcel.km).transit_days
            deliver_on = survey.carrier.days.working_days().after(ship_on, transit)
            parcel = replace(parcel, ship_on=ship_on, deliver_on=deliver_on)
        dated.append(parcel)
    return tuple(dated)


def _short(
    rules: Sequence[Rule], wanted: Sequence[Wanted], order: Attributes, network: Network, supply: _Supply
) -> tuple[Shortage, ...]:
    demand, last = by_sku(wanted), supply.on(supply.days[-1])
    for rule in rules[-1:]:
        short = survey_of(rule, order, network).short(demand, last)
        if short:
            return tuple(short)
    return tuple(Shortage(sku, quantity) for sku, quantity in demand.items())
