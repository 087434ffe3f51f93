"""Reservations that follow an edited order: extra units first, fewer last, never an older revision over a newer one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.domain import Source, Wanted, by_pair
from inventory.network_store import Networks, NetworkStore
from inventory.reservations import Outcome
from inventory.revising import kept, missing
from inventory.revisions import RevisedReservations
from inventory.spreading import Spreading
from kernel.errors import Conflict
from tests.adapters.test_placing import Crashing
from tests.adapters.test_reservations import CLOCK, stock, store, totals
from tests.aws import aws

ORDER = "ord_1"


@pytest.fixture
def database() -> Iterator[Any]:
    with aws() as found:
        yield found


def reservations(client: Any) -> RevisedReservations:
    return RevisedReservations(store(client), CLOCK, Networks(store(client).nodes, NetworkStore(client, "inventory"), CLOCK))


def lines(*units: int) -> list[Wanted]:
    return [Wanted(f"ln_{n}", f"SKU-{n}", quantity) for n, quantity in enumerate(units)]


def sell(holds: RevisedReservations, wanted: list[Wanted], revision: int, node_id: str | None = None) -> Outcome:
    assert holds.reserve(ORDER, wanted, node_id, "req", revision=revision).outcome == "reserved"
    done = holds.allocate(ORDER, "req", wanted, node_id, revision)
    assert done.outcome == "allocated"
    return done


def allocated(client: Any, count: int) -> list[int]:
    return [sum(c.allocated for c in store(client).stocks(f"SKU-{n}")) for n in range(count)]


def reserved(client: Any, count: int) -> list[int]:
    return [sum(c.reserved for c in store(client).stocks(f"SKU-{n}")) for n in range(count)]


@pytest.mark.parametrize("sold", [False, True], ids=["held", "allocated"])
def test_a_later_revision_holds_more_at_once_and_gives_back_the_fewer_only_when_it_is_allocated(database: Any, sold: bool) -> None:
    stock(database, {"SKU-0": 9, "SKU-1": 9, "SKU-2": 9})
    holds = reservations(database)
    before, after = lines(2, 4), lines(5, 1, 3)
    assert holds.reserve(ORDER, before, None, "req").outcome == "reserved"
    if sold:
        holds.allocate(ORDER, "req", before)
    assert holds.reserve(ORDER, after, None, "req", revision=1).outcome == "reserved"
    assert [a + r for a, r in zip(allocated(database, 3), reserved(database, 3), strict=True)] == [5, 4, 3]
    done = holds.allocate(ORDER, "req", after, None, 1)
    assert {(part.line_id, part.quantity) for part in done.sources} == {("ln_0", 5), ("ln_1", 1), ("ln_2", 3)}
    assert (allocated(database, 3), reserved(database, 3)) == ([5, 1, 3], [0, 0, 0])
    assert holds.allocate(ORDER, "req", after, None, 1) == done
    holds.release(ORDER, "req")
    assert allocated(database, 3) == [0, 0, 0]


def test_where_the_extra_units_are_not_there_nothing_moves_and_the_order_as_before_is_still_held(database: Any) -> None:
    stock(database, {"SKU-0": 3, "SKU-1": 4})
    holds = reservations(database)
    sell(holds, lines(2, 4), 0)
    refused = holds.reserve(ORDER, lines(4, 1), None, "req", revision=1)
    assert (refused.outcome, [(s.sku, s.missing) for s in refused.shortages]) == ("out_of_stock", [("SKU-0", 1)])
    assert allocated(database, 2) == [2, 4]
    sell(holds, lines(2, 4), 2)
    assert allocated(database, 2) == [2, 4]


def test_an_edit_that_is_undone_after_its_units_were_held_gives_them_back(database: Any) -> None:
    stock(database, {"SKU-0": 9})
    holds = reservations(database)
    sell(holds, lines(2), 0)
    assert holds.reserve(ORDER, lines(6), None, "req", revision=1).outcome == "reserved"
    sell(holds, lines(2), 2)
    assert totals(database, "SKU-0") == {"on_hand": 9, "allocated": 2, "reserved": 0, "available": 7}


def test_a_saga_that_read_an_older_revision_is_told_so_and_changes_nothing(database: Any) -> None:
    stock(database, {"SKU-0": 9})
    holds = reservations(database)
    holds.reserve(ORDER, lines(2), None, "req", revision=0)
    holds.reserve(ORDER, lines(5), None, "req", revision=1)
    assert holds.reserve(ORDER, lines(2), None, "req", revision=0).outcome == "superseded"
    assert holds.allocate(ORDER, "req", lines(2), None, 0).outcome == "superseded"
    sell(holds, lines(5), 1)
    assert holds.allocate(ORDER, "req", lines(2), None, 0).outcome == "superseded"
    assert totals(database, "SKU-0")["allocated"] == 5


def test_a_saga_that_skipped_a_revision_has_to_reserve_before_it_allocates(database: Any) -> None:
    stock(database, {"SKU-0": 9})
    holds = reservations(database)
    holds.reserve(ORDER, lines(2), None, "req", revision=0)
    assert holds.allocate(ORDER, "req", lines(5), None, 1).outcome == "expired"


def test_another_node_takes_over_before_the_first_gives_back(database: Any) -> None:
    stock(database, {"SKU-0": 2}, "wh-1")
    stock(database, {"SKU-0": 2}, "store-9")
    holds = reservations(database)
    sell(holds, lines(2), 0)
    first = {part.node_id for part in sell(holds, lines(2), 0).sources}
    other = ({"wh-1", "store-9"} - first).pop()
    assert holds.reserve(ORDER, lines(2), other, "req", revision=1).outcome == "reserved"
    assert totals(database, "SKU-0")["available"] == 0
    assert {part.node_id for part in sell(holds, lines(2), 1, other).sources} == {other}
    assert totals(database, "SKU-0") == {"on_hand": 4, "allocated": 2, "reserved": 0, "available": 2}


@pytest.mark.parametrize("sold", [False, True], ids=["held", "allocated"])
def test_units_of_stock_that_is_spread_come_out_of_one_bucket_however_many_there_are(database: Any, sold: bool) -> None:
    stock(database, {"SKU-0": 100})
    Spreading(store(database), CLOCK).widen("SKU-0", "wh-1")
    holds = reservations(database)
    assert holds.reserve(ORDER, lines(4), None, "req").outcome == "reserved"
    if sold:
        holds.allocate(ORDER, "req", lines(4))
    for revision, units in enumerate((5, 60, 30), start=1):
        done = sell(holds, lines(units), revision)
        assert [part.quantity for part in done.sources] == [units]
        assert totals(database, "SKU-0") == {"on_hand": 100, "allocated": units, "reserved": 0, "available": 100 - units}
    holds.ship(ORDER, "shp_1", {("SKU-0", "wh-1"): 30}, "req")
    holds.release(ORDER, "req")
    assert totals(database, "SKU-0") == {"on_hand": 70, "allocated": 0, "reserved": 0, "available": 70}


def test_a_part_of_an_allocation_is_given_back_but_never_what_has_left(database: Any) -> None:
    stock(database, {"SKU-0": 5, "SKU-1": 5})
    holds = reservations(database)
    sell(holds, lines(3, 2), 0)
    holds.ship(ORDER, "shp_1", {("SKU-0", "wh-1"): 2}, "req")
    keep = [Source("ln_0", "SKU-0", "wh-1", 2), Source("ln_1", "SKU-1", "wh-1", 1)]
    for _ in range(2):
        assert holds.keep(ORDER, keep, 1, "req").outcome == "allocated"
    assert allocated(database, 2) == [0, 1]
    with pytest.raises(Conflict, match="already_left"):
        holds.keep(ORDER, [Source("ln_1", "SKU-1", "wh-1", 1)], 2, "req")
    with pytest.raises(Conflict, match="not_held"):
        holds.keep(ORDER, [*keep, Source("ln_2", "SKU-1", "wh-1", 1)], 2, "req")
    holds.ship(ORDER, "shp_2", {("SKU-1", "wh-1"): 1}, "req")
    holds.release(ORDER, "req")
    assert totals(database, "SKU-0") == {"on_hand": 3, "allocated": 0, "reserved": 0, "available": 3}
    assert totals(database, "SKU-1") == {"on_hand": 4, "allocated": 0, "reserved": 0, "available": 4}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("sold", [False, True], ids=["held", "allocated"])
def test_a_revision_that_dies_at_any_write_is_completed_or_undone_by_what_comes_next(
    database: Any, sold: bool, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("holding", "revisions"):
        monkeypatch.setattr(f"inventory.{module}.CHUNK", 1)
    stock(database, {f"SKU-{n}": 90 for n in range(4)})
    before, edited = lines(2, 2, 2), [Wanted("ln_0", "SKU-0", 4), Wanted("ln_1", "SKU-1", 1), *lines(0, 0, 0, 3)[3:]]

    def run(client: Any, order: str) -> None:
        holds = reservations(client)
        assert holds.reserve(order, edited, None, "req", revision=1).outcome == "reserved"
        assert holds.allocate(order, "req", edited, None, 1).outcome == "allocated"

    for write, ends in zip(range(1, 8), cycle(("completed", "undone", "released")), strict=False):
        order = f"ord_{write}"
        reservations(database).reserve(order, before, None, "req", revision=0)
        if sold:
            reservations(database).allocate(order, "req", before, None, 0)
        try:
            run(Crashing(database, write, after=after), order)
        except EndpointConnectionError:
            pass  # It died there; the saga calls again, or somebody else was faster.
        if ends == "completed":
            run(database, order)
            assert allocated(database, 4) == [4, 1, 0, 3]
        elif ends == "undone":
            assert reservations(database).reserve(order, before, None, "req", revision=2).outcome == "reserved"
            assert reservations(database).allocate(order, "req", before, None, 2).outcome == "allocated"
            assert allocated(database, 4) == [2, 2, 2, 0]
        reservations(database).release(order, "req")
        assert (allocated(database, 4), reserved(database, 4)) == ([0] * 4, [0] * 4)
    for n in range(4):
        assert totals(database, f"SKU-{n}") == {"on_hand": 90, "allocated": 0, "reserved": 0, "available": 90}


PARTS = st.lists(
    st.builds(
        Source, st.sampled_from(["ln_1", "ln_2", "ln_3"]), st.just("S"), st.sampled_from(["n1", "n2", "n3"]), st.integers(1, 5)
    ),
    max_size=6,
)


@given(
    PARTS,
    st.dictionaries(st.sampled_from(["ln_1", "ln_2", "ln_3"]), st.integers(1, 9)),
    st.sets(st.sampled_from(["n1", "n2", "n3"])),
)
@settings(max_examples=300)
def test_what_is_kept_and_what_is_missing_make_up_what_is_wanted(
    parts: list[Source], units: dict[str, int], nodes: set[str]
) -> None:
    wanted = [Wanted(line_id, "S", quantity) for line_id, quantity in units.items()]
    stays, lacking = kept(parts, wanted, nodes), missing(parts, wanted, nodes)
    for line_id in ("ln_1", "ln_2", "ln_3"):
        have = sum(part.quantity for part in stays if part.line_id == line_id)
        assert have + sum(line.quantity for line in lacking if line.line_id == line_id) == units.get(line_id, 0)
    assert all(by_pair(stays)[pair] <= by_pair(parts)[pair] for pair in by_pair(stays))
    assert {part.node_id for part in stays} <= nodes


def test_a_released_reservation_stays_closed_whatever_revision_asks(database: Any) -> None:
    stock(database, {"SKU-0": 9})
    holds = reservations(database)
    sell(holds, lines(2), 3)
    holds.release(ORDER, "req")
    assert holds.reserve(ORDER, lines(2), None, "req", revision=4).outcome == "closed"
    assert holds.allocate(ORDER, "req", lines(2), None, 4).outcome == "closed"
    found = store(database).reservation(ORDER)
    assert found is not None
    assert found.state == "released"


def test_who_finds_units_missing_that_another_run_has_just_taken_for_the_order_looks_again(
    database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock(database, {"SKU-0": 3})
    holds, other = reservations(database), reservations(database)
    assert holds.reserve(ORDER, lines(2), None, "req").outcome == "reserved"
    read, passed = holds._store.stocks, cycle([True])

    def another_is_faster(sku: str) -> Any:
        if next(passed) and other.reserve(ORDER, lines(3), None, "req", revision=1).outcome == "reserved":
            monkeypatch.undo()
        return read(sku)

    monkeypatch.setattr(holds._store, "stocks", another_is_faster)
    assert holds.reserve(ORDER, lines(3), None, "req", revision=1).outcome == "reserved"
    assert reserved(database, 1) == [3]
