"""Which nodes send what, at the lowest score: a greedy start, better neighbours, then a search that proves the best.

A set of nodes costs its fixed points, and each unit the points of its node. For a given set, taking every SKU from the
node with the lowest points a unit first is optimal, so only sets are searched: branch and bound over them, cheapest
first, cut off where even the freest completion cannot beat what is known. The search looks at a bounded number of
(SKU, node) pairs. A problem of up to 8 nodes and 20 SKUs always ends within it, with a proof; a larger one mostly
does; where it does not, the best that was found is taken, which is never worse than the greedy start, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

BUDGET = 250_000
"""(SKU, node) pairs that one choice looks at: some 50 ms on one core."""
SEARCHED_NODES = 200
"""Networks in which more nodes have something of an order are improved from the start, and not searched."""
ALTERNATIVES = 3


@dataclass(frozen=True, slots=True)
class Candidate:
    """A node that could send: points for using it at all, points for each unit, and what it has by SKU."""

    node_id: str
    fixed: int
    unit: int
    stock: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Choice:
    """Units by (SKU, node), their score, whether nothing better exists, and the best other sets with their scores."""

    units: Mapping[tuple[str, str], int]
    score: int
    proven: bool
    alternatives: tuple[tuple[tuple[str, ...], int], ...] = ()

    @property
    def node_ids(self) -> tuple[str, ...]:
        """The nodes that send."""
        return tuple(sorted({node_id for _, node_id in self.units}))


class _OutOfBudget(Exception):
    """The search has looked at as many pairs as it may."""


@dataclass(slots=True)
class _Problem:
    """The candidates by position, and for each SKU who has it, cheapest unit first."""

    nodes: Sequence[Candidate]
    demand: Mapping[str, int]
    most: int
    left: int = BUDGET
    offers: list[tuple[str, int, list[tuple[int, int, int]]]] = field(default_factory=list)
    best_score: int | None = None
    best_set: int = 0
    seen: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        by_unit = sorted(range(len(self.nodes)), key=lambda at: (self.nodes[at].unit, self.nodes[at].node_id))
        for sku, quantity in sorted(self.demand.items()):
            having = [(at, self.nodes[at].unit, self.nodes[at].stock.get(sku, 0)) for at in by_unit]
            self.offers.append((sku, quantity, [offer for offer in having if offer[2] > 0]))

    def units_cost(self, members: int) -> int | None:
        """The points of all units from these nodes, without the nodes' own; None where they have too little."""
        cost = 0
        for _, quantity, offers in self.offers:
            missing = quantity
            self.left -= len(offers)
            for at, unit, stock in offers:
                if members >> at & 1:
                    taken = min(missing, stock)
                    cost += taken * unit
                    missing -= taken
                    if not missing:
                        break
            if missing:
                return None
        return cost

    def units(self, members: int) -> dict[tuple[str, str], int] | None:
        """What each of these nodes sends; None where they have too little."""
        sent: dict[tuple[str, str], int] = {}
        for sku, quantity, offers in self.offers:
            missing = quantity
            for at, _, stock in offers:
                if members >> at & 1 and missing:
                    taken = min(missing, stock)
                    sent[sku, self.nodes[at].node_id] = taken
                    missing -= taken
            if missing:
                return None
        return sent

    def fixed(self, members: int) -> int:
        return sum(node.fixed for at, node in enumerate(self.nodes) if members >> at & 1)

    def consider(self, members: int) -> bool:
        """Whether this set is allowed, has everything, and beats what is known; it is kept where it does."""
        if not members or members.bit_count() > self.most:
            return False
        if members not in self.seen:
            cost = self.units_cost(members)
            self.seen[members] = -1 if cost is None else cost + self.fixed(members)
        score = self.seen[members]
        if score < 0 or (self.best_score is not None and score >= self.best_score):
            return False
        self.best_score, self.best_set = score, members
        return True

    def searched(self) -> bool:
        """Search until nothing better can be; False where the budget ended first."""
        if len(self.nodes) > SEARCHED_NODES:
            return False
        try:
            self.search(0, 0, 0)
        except _OutOfBudget:
            return False
        return True

    def search(self, at: int, members: int, fixed: int) -> None:
        """Look at every set that extends these members by nodes from `at` on, where one of them could still win."""
        if self.left <= 0:
            raise _OutOfBudget
        free = members | (((1 << len(self.nodes)) - 1) >> at << at)
        cheapest = self.units_cost(free)
        if cheapest is None or self._beaten(fixed + cheapest):
            return
        self.consider(members)
        if at == len(self.nodes) or members.bit_count() == self.most:
            return
        # What is still missing needs at least one more node, and none of those left is cheaper than the next one.
        if self.seen.get(members, -1) < 0 and self._beaten(fixed + cheapest + self.nodes[at].fixed):
            return
        self.search(at + 1, members | 1 << at, fixed + self.nodes[at].fixed)
        self.search(at + 1, members, fixed)

    def _beaten(self, bound: int) -> bool:
        return self.best_score is not None and bound >= self.best_score

    def improve(self) -> None:
        """Leave a node out, take one in, or change one for another, as long as that is better."""
        better = True
        while better and self.left > 0:
            inside = [1 << at for at in range(len(self.nodes)) if self.best_set >> at & 1]
            outside = [1 << at for at in range(len(self.nodes)) if not self.best_set >> at & 1]
            base = self.best_set
            neighbours = [base ^ one for one in (*inside, *outside)] + [base ^ one ^ two for one in inside for two in outside]
            better = any(self.left > 0 and self.consider(members) for members in neighbours)


def greedy(nodes: Iterable[Candidate], demand: Mapping[str, int], most: int) -> dict[tuple[str, str], int] | None:
    """The baseline: the cheapest node that has all, else SKU by SKU from the cheapest nodes; None where that fails."""
    ranked = sorted(nodes, key=lambda node: (node.fixed + node.unit, node.node_id))
    for node in ranked:
        if all(node.stock.get(sku, 0) >= quantity for sku, quantity in demand.items()):
            return {(sku, node.node_id): quantity for sku, quantity in demand.items()}
    sent: dict[tuple[str, str], int] = {}
    for sku, quantity in demand.items():
        missing = quantity
        for node in ranked:
            taken = min(missing, node.stock.get(sku, 0))
            if taken > 0:
                sent[sku, node.node_id] = taken
                missing -= taken
        if missing:
            return None
    return sent if len({node_id for _, node_id in sent}) <= most else None


def cover(nodes: Iterable[Candidate], demand: Mapping[str, int], most: int) -> tuple[list[str], dict[str, int]]:
    """At most `most` nodes, each the one that has most of what is still missing, and what is missing after them."""
    missing, left, chosen = dict(demand), sorted(nodes, key=lambda node: (node.fixed + node.unit, node.node_id)), list[str]()
    while any(missing.values()) and len(chosen) < most and left:
        widest = max(left, key=lambda node: sum(min(quantity, node.stock.get(sku, 0)) for sku, quantity in missing.items()))
        left.remove(widest)
        if not any(quantity and widest.stock.get(sku, 0) > 0 for sku, quantity in missing.items()):
            break
        chosen.append(widest.node_id)
        missing = {sku: max(0, quantity - max(0, widest.stock.get(sku, 0))) for sku, quantity in missing.items()}
    return chosen, {sku: quantity for sku, quantity in missing.items() if quantity}


def score(units: Mapping[tuple[str, str], int], nodes: Iterable[Candidate]) -> int:
    """The points of a plan."""
    by_id = {node.node_id: node for node in nodes}
    used = {node_id for _, node_id in units}
    return sum(by_id[node_id].fixed for node_id in used) + sum(by_id[node].unit * q for (_, node), q in units.items())


def choose(nodes: Sequence[Candidate], demand: Mapping[str, int], most: int, budget: int = BUDGET) -> Choice | None:
    """The plan with the lowest score over at most `most` nodes; None where there is none within the budget.

    Ties go to what was found first: nodes are looked at by their fixed points, then by id.
    """
    able = [node for node in nodes if any(node.stock.get(sku, 0) > 0 for sku in demand)]
    ranked = sorted(able, key=lambda node: (node.fixed, node.node_id))
    problem = _Problem(ranked, demand, most, budget)
    place = {node.node_id: at for at, node in enumerate(ranked)}
    for at in range(len(ranked)):
        problem.consider(1 << at)
    start = greedy(ranked, demand, most)
    if start is not None:
        problem.consider(sum({1 << place[node_id] for _, node_id in start}))
    problem.consider(sum(1 << place[node_id] for node_id in cover(ranked, demand, most)[0]))
    if problem.best_score is not None:
        problem.improve()
    proven = problem.searched()
    units = problem.units(problem.best_set) if problem.best_score is not None else None
    if units is None:
        return None
    others = sorted((found, members) for members, found in problem.seen.items() if found >= 0 and members != problem.best_set)
    named = tuple(
        (tuple(sorted(node.node_id for at, node in enumerate(ranked) if members >> at & 1)), found)
        for found, members in others
        if members & problem.best_set != problem.best_set  # the chosen nodes and one more are no alternative
    )[:ALTERNATIVES]
    return Choice(units, score(units, ranked), proven, named)
