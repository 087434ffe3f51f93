"""Sourcing: which nodes an order's units come from, by the network's ranked rules, and why these.

The first rule that matches an order and finds nodes decides. Each node that a rule allows gets points for a shipment
(its cost rank, what it and the carrier cost, distance, days, lateness, how full its day is) and for each unit; `choice`
finds the set of nodes with the fewest points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from inventory.choice import Candidate, Choice, choose, cover
from inventory.distance import Point, great_circle_km
from inventory.domain import Node, Shortage, Source, Wanted
from inventory.network import Rule, Weights
from inventory.plans import Attributes, Auction, Network, Parcel, Plan, Reasons
from inventory.working_days import NeverOpen

if TYPE_CHECKING:
    from inventory.network import Service

Available = Mapping[tuple[str, str], int]
"""Units that can be had, by (sku, node)."""
NAMED = Rule(name="named", max_shipments=1, final=True)
"""The rule of an order that names its node."""


def source(
    wanted: Sequence[Wanted], order: Attributes, network: Network, available: Available, named: str | None = None
) -> Plan | Auction | list[Shortage]:
    """Where an order's units come from; an auction where its rule asks for one; or what is short.

    A `named` node is the only one that counts, whatever the rules say.
    """
    if named is not None:
        nodes = [node for node in network.nodes if node.node_id == named]
        survey = Survey(NAMED, order, network, network.policy.carrier(order.country), nodes)
        plan = survey.plan(wanted, available)
        return replace(plan, reasons=replace(plan.reasons, by="named")) if plan else survey.short(by_sku(wanted), available)
    short: list[Shortage] = []
    for rule in network.policy.rules:
        if not matches(rule, order):
            continue
        survey = survey_of(rule, order, network)
        if rule.by == "auction":
            found = survey.awarded(wanted, available) if order.auctioned else _auction(survey, wanted, available)
            if found is not None:
                return found
            continue
        plan = survey.plan(wanted, available)
        if plan is not None:
            return plan
        short = survey.short(by_sku(wanted), available)
        if rule.final:
            break
    return short or [Shortage(sku, quantity) for sku, quantity in by_sku(wanted).items()]


def by_sku(wanted: Sequence[Wanted]) -> dict[str, int]:
    """Units by SKU; the same SKU may be on several lines."""
    demand: dict[str, int] = {}
    for line in wanted:
        demand[line.sku] = demand.get(line.sku, 0) + line.quantity
    return demand


def matches(rule: Rule, order: Attributes) -> bool:
    """Whether a rule is for an order."""
    when = rule.when
    return (
        (when.channels is None or order.channel in when.channels)
        and (when.departments is None or order.department in when.departments)
        and (when.countries is None or order.country in when.countries)
        and all(order.tags.get(name) == value for name, value in when.tags.items())
    )


def survey_of(rule: Rule, order: Attributes, network: Network, carrier: Service | None = None) -> Survey:
    """How a rule sees the network for an order: the nodes that ship and that it allows."""
    carrier = carrier or network.policy.carrier(order.country)
    able = [node for node in network.nodes if "ship" in node.capabilities and node.kind in rule.kinds]
    near = [node for node in able if rule.within_km is None or (km_to(order.at, node) or 0) <= rule.within_km]
    return Survey(rule, order, network, carrier, near)


def km_to(place: Point | None, node: Node) -> int | None:
    """Whole km from a node to a place; None where nobody knows the place."""
    return None if place is None else round(great_circle_km(place, Point(node.lat, node.lon)))


class Survey:
    """What each allowed node would mean for an order: parcels and points, computed once a node."""

    def __init__(self, rule: Rule, order: Attributes, network: Network, carrier: Service, nodes: Sequence[Node]) -> None:
        self.rule = rule
        self.order = order
        self.network = network
        self.carrier = carrier
        self.parcels: dict[str, Parcel] = {}
        self._nodes: dict[str, Node] = {}
        for node in nodes:
            try:
                self.parcels[node.node_id] = self._empty_parcel(node)
            except NeverOpen:
                continue  # A node that is closed for good sends nothing.
            self._nodes[node.node_id] = node

    def _empty_parcel(self, node: Node) -> Parcel:
        """A parcel of no units: its distance, days and fixed cost."""
        terms = self.network.policy.terms_of(node.node_id)
        km = km_to(self.order.at, node)
        zone = self.carrier.zone(km)
        ship_on = terms.hours().ships_on(self.network.now, full=self._load(node.node_id) >= 1)
        deliver_on = self.carrier.days.working_days().after(ship_on, zone.transit_days)
        return Parcel(node.node_id, 0, km, terms.per_shipment + zone.per_shipment, ship_on, deliver_on)

    def _load(self, node_id: str) -> float:
        most = self.network.policy.terms_of(node_id).shipments_a_day
        return self.network.load.get(node_id, 0) / most if most else 0.0

    def unit_cost(self, node_id: str) -> int:
        """What each unit costs from a node."""
        return self.network.policy.terms_of(node_id).per_unit + self.carrier.zone(self.parcels[node_id].km).per_unit

    def carriage(self, node_id: str, units: int) -> int:
        """The carrier's part of what so many units cost from a node."""
        zone = self.carrier.zone(self.parcels[node_id].km)
        return zone.per_shipment + units * zone.per_unit

    def _points(self, node_id: str) -> int:
        """The points of a shipment from a node, without its units."""
        weights: Weights = self.rule.weights
        parcel, by = self.parcels[node_id], self.order.deliver_by
        late = max(0, (parcel.deliver_on - by).days) if by else 0
        days = max(0, (parcel.deliver_on - self.network.now.date()).days)
        return (
            weights.shipment
            + weights.rank * self._nodes[node_id].cost_rank
            + weights.cost * parcel.cost
            + weights.km * (parcel.km or 0)
            + weights.day * days
            + weights.late_day * late
            + round(weights.load * min(1.0, self._load(node_id)))
        )

    def candidates(self, demand: Mapping[str, int], available: Available) -> list[Candidate]:
        """The nodes with their points and what they have."""
        return [
            Candidate(
                node_id,
                self._points(node_id),
                self.rule.weights.cost * self.unit_cost(node_id),
                {sku: have for sku in demand if (have := available.get((sku, node_id), 0)) > 0},
            )
            for node_id in self.parcels
        ]

    def plan(self, wanted: Sequence[Wanted], available: Available, most: int | None = None) -> Plan | None:
        """The plan with the fewest points, None where the rule finds none."""
        demand = by_sku(wanted)
        choice = choose(self.candidates(demand, available), demand, most or self.rule.max_shipments)
        return self.planned(wanted, choice) if choice else None

    def planned(self, wanted: Sequence[Wanted], choice: Choice) -> Plan:
        """A choice as a plan: its units line by line, and its reasons."""
        units: dict[str, int] = {}
        for (_, node_id), quantity in choice.units.items():
            units[node_id] = units.get(node_id, 0) + quantity
        parcels = tuple(self.parcel(node_id, units[node_id]) for node_id in choice.node_ids)
        reasons = Reasons(self.rule.name, "score", choice.score, choice.proven, parcels, choice.alternatives)
        return Plan(_by_line(wanted, choice), reasons)

    def parcel(self, node_id: str, units: int) -> Parcel:
        """What so many units from a node cost, and when they come."""
        empty = self.parcels[node_id]
        return replace(empty, units=units, cost=empty.cost + units * self.unit_cost(node_id))

    def short(self, demand: Mapping[str, int], available: Available) -> list[Shortage]:
        """What is missing when as few nodes as the rule allows send as much as they can."""
        missing = cover(self.candidates(demand, available), demand, self.rule.max_shipments)[1]
        return [Shortage(sku, quantity) for sku, quantity in missing.items()]

    def whole(self, demand: Mapping[str, int], available: Available) -> list[str]:
        """The nodes that have everything."""
        return [n for n in self.parcels if all(available.get((sku, n), 0) >= quantity for sku, quantity in demand.items())]

    def awarded(self, wanted: Sequence[Wanted], available: Available) -> Plan | None:
        """The best bidder that still has everything, None where there is none."""
        demand = by_sku(wanted)
        able = set(self.whole(demand, available))
        for node_id in self.order.awarded:
            if node_id in able:
                (candidate,) = (c for c in self.candidates(demand, available) if c.node_id == node_id)
                units = {(sku, node_id): quantity for sku, quantity in demand.items()}
                choice = Choice(units, candidate.fixed + candidate.unit * sum(demand.values()), proven=True)
                plan = self.planned(wanted, choice)
                return replace(plan, reasons=replace(plan.reasons, by="auction"))
        return None


def _auction(survey: Survey, wanted: Sequence[Wanted], available: Available) -> Auction | None:
    """Invite the nodes that have everything; None where fewer than two do, since one alone does not compete.

    The reserve price is what the best of them would cost without an auction: bidding never makes an order dearer.
    """
    demand = by_sku(wanted)
    able = survey.whole(demand, available)
    plan = survey.plan(wanted, available, most=1)
    if len(able) < 2 or plan is None:
        return None
    units = sum(demand.values())
    (parcel,) = plan.reasons.parcels
    return Auction(
        survey.rule.name,
        {node_id: survey.carriage(node_id, units) for node_id in sorted(able)},
        parcel.cost * survey.rule.reserve_percent // 100,
        survey.network.policy.currency,
        survey.order.deliver_by or parcel.deliver_on,
    )


def _by_line(wanted: Sequence[Wanted], choice: Choice) -> tuple[Source, ...]:
    """The chosen units, line by line."""
    left = dict(choice.units)
    sources: list[Source] = []
    for line in wanted:
        missing = line.quantity
        for node_id in choice.node_ids:
            taken = min(missing, left.get((line.sku, node_id), 0))
            if taken:
                left[line.sku, node_id] -= taken
                missing -= taken
                sources.append(Source(line.line_id, line.sku, node_id, taken))
    return tuple(sources)
