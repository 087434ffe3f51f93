"""Over random networks and orders: what sourcing chooses can be sent, beats the greedy baseline, and is the best there is."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from inventory.choice import Candidate, choose, greedy, score
from inventory.domain import Node, Shortage, Source, Wanted
from inventory.network import Policy, Rule
from inventory.plans import Attributes, Network, Plan
from inventory.sourcing import by_sku, source
from tests.examples import NOW

SKUS = ("A", "B", "C", "D")


def networks(most_nodes: int) -> st.SearchStrategy[list[Candidate]]:
    node = st.tuples(
        st.integers(0, 500), st.integers(0, 9), st.dictionaries(st.sampled_from(SKUS), st.integers(0, 6), max_size=len(SKUS))
    )
    return st.lists(node, min_size=1, max_size=most_nodes).map(
        lambda nodes: [Candidate(f"n{at:02}", fixed, unit, stock) for at, (fixed, unit, stock) in enumerate(nodes)]
    )


ORDERS = st.dictionaries(st.sampled_from(SKUS), st.integers(1, 8), min_size=1)


def brute_force(nodes: list[Candidate], demand: dict[str, int], most: int) -> int | None:
    """The lowest score over every set of nodes, every SKU from its cheapest members first."""
    best: int | None = None
    for size in range(1, min(most, len(nodes)) + 1):
        for members in combinations(nodes, size):
            points = sum(node.fixed for node in members)
            for sku, quantity in demand.items():
                missing = quantity
                for node in sorted(members, key=lambda n: n.unit):
                    taken = min(missing, node.stock.get(sku, 0))
                    points += taken * node.unit
                    missing -= taken
                if missing:
                    break
            else:
                best = points if best is None else min(best, points)
    return best


def assert_can_be_sent(units: dict[tuple[str, str], int], nodes: list[Candidate], demand: dict[str, int], most: int) -> None:
    stock = {(sku, node.node_id): have for node in nodes for sku, have in node.stock.items()}
    assert all(0 < quantity <= stock.get(pair, 0) for pair, quantity in units.items())
    assert {sku: sum(q for (s, _), q in units.items() if s == sku) for sku in demand} == demand
    assert len({node_id for _, node_id in units}) <= most


@given(networks(8), ORDERS, st.integers(1, 8))
def test_a_small_problem_is_solved_as_brute_force_solves_it(nodes: list[Candidate], demand: dict[str, int], most: int) -> None:
    chosen = choose(nodes, demand, most)
    best = brute_force(nodes, demand, most)
    assert (chosen.score if chosen else None) == best
    if chosen:
        assert chosen.proven
        assert_can_be_sent(dict(chosen.units), nodes, demand, most)
        assert score(chosen.units, nodes) == chosen.score
        assert all(points >= chosen.score for _, points in chosen.alternatives)


@given(networks(60), ORDERS, st.integers(1, 60), st.sampled_from([0, 300, 10_000]))
def test_a_large_problem_is_never_solved_worse_than_greedily_however_small_the_budget(
    nodes: list[Candidate], demand: dict[str, int], most: int, budget: int
) -> None:
    chosen = choose(nodes, demand, most, budget)
    baseline = greedy(nodes, demand, most)
    if baseline is not None:
        assert chosen is not None
        assert chosen.score <= score(baseline, nodes)
    if chosen is not None:
        assert_can_be_sent(dict(chosen.units), nodes, demand, most)


LINES = st.lists(st.tuples(st.sampled_from(SKUS), st.integers(1, 6)), min_size=1, max_size=5)


@given(
    st.dictionaries(st.tuples(st.sampled_from(SKUS), st.sampled_from(["n1", "n2", "n3"])), st.integers(0, 5)),
    LINES,
    st.integers(1, 3),
)
def test_an_order_is_sourced_line_by_line_or_what_is_short_is_named(
    available: dict[tuple[str, str], int], asked: list[tuple[str, int]], most: int
) -> None:
    nodes = [Node(f"n{n}", "", "warehouse", 40 + n, -74, ("ship",), n) for n in (1, 2, 3)]
    lines = [Wanted(f"ln_{n}", sku, quantity) for n, (sku, quantity) in enumerate(asked)]
    network = Network(nodes, Policy(rules=(Rule(name="only", max_shipments=most),)), NOW)
    found = source(lines, Attributes(), network, available)
    if isinstance(found, list):
        assert found
        demand = by_sku(lines)
        assert all(isinstance(short, Shortage) and 0 < short.missing <= demand[short.sku] for short in found)
        if most == 3:
            supply = {sku: sum(q for (s, _), q in available.items() if s == sku) for sku in demand}
            assert {short.sku: short.missing for short in found} == {
                sku: quantity - supply[sku] for sku, quantity in demand.items() if quantity > supply[sku]
            }
        return
    assert isinstance(found, Plan)
    taken: dict[tuple[str, str], int] = {}
    for part in found.sources:
        assert isinstance(part, Source)
        taken[part.sku, part.node_id] = taken.get((part.sku, part.node_id), 0) + part.quantity
    assert all(quantity <= available.get(pair, 0) for pair, quantity in taken.items())
    for n, (_, quantity) in enumerate(asked):
        assert sum(part.quantity for part in found.sources if part.line_id == f"ln_{n}") == quantity
    assert {parcel.node_id for parcel in found.reasons.parcels} == {part.node_id for part in found.sources}
    assert len(found.reasons.parcels) <= most
