"""Projections on real table semantics: dropped and made again they are the same, field for field, whatever happens beside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from edge.aggregates import Aggregates, Command
from edge.event_store import EventStore
from edge.fast_lane import RelayOnly
from hub.board import Board, BoardSettings
from hub.projections import Projection, show
from hub.rebuild import SPARE_MS, Part, Progress, Rebuild
from hub.versioned_items import VersionedItems
from kernel.clock import SystemClock
from kernel.ids import derived_id
from orders import domain
from payments import domain as payments
from payments.domain import Tender
from payments.ledger import Ledger
from payments.ledger import fold as fold_ledger
from tests.aws import aws
from tests.examples import CAUSE, received


@pytest.fixture
def database() -> Iterator[Any]:
    with aws() as found:
        yield found


class Clock:
    """A call's time, which is up after so many looks at it."""

    def __init__(self, looks: int = 10**9) -> None:
        self._looks = looks

    def get_remaining_time_in_millis(self) -> int:
        self._looks -= 1
        return SPARE_MS * 2 if self._looks > 0 else 0


def orders(database: Any) -> Aggregates[domain.Order]:
    return Aggregates(EventStore(database, "orders"), RelayOnly(), SystemClock(), domain.fold, "order", "ord")


def known(database: Any) -> list[Projection]:
    counters = VersionedItems(
        database,
        "views",
        "counts",
        reads=("ord_",),
        partitions=frozenset({"COUNT"}),
        items=lambda subject: [{"pk": {"S": "COUNT"}, "sk": {"S": subject}, "version": {"N": "1"}}],
    )
    return [Board(database, BoardSettings(orders_table="orders", views_table="views")), counters]


def place(database: Any, name: str) -> str:
    order_id = derived_id("ord", "web", name)
    orders(database).create(order_id, Command("place-order", CAUSE), [received(())])
    return order_id


def pay(database: Any, order_id: str) -> str:
    ledger: Aggregates[Ledger] = Aggregates(
        EventStore(database, "orders"), RelayOnly(), SystemClock(), fold_ledger, "payment", "pay"
    )
    payment_id = payments.payment_id_of(order_id)
    begun = payments.authorize(payments.nothing_yet(order_id, "USD"), 500, [Tender("card", "tok_ok")], "sale", "sale")
    ledger.create(payment_id, Command("authorize", CAUSE), begun)
    return payment_id


def fill(database: Any) -> None:
    for number in range(30):
        order_id = place(database, f"P-{number}")
        show(order_id, known(database))
        if number % 2:
            show(pay(database, order_id), known(database))
        if number % 5 == 0:
            orders(database).execute(
                order_id, Command("cancel", CAUSE), lambda order: domain.request_cancel(order, "changed my mind")
            )
            show(order_id, known(database))
    database.put_item(TableName="views", Item={"pk": {"S": "SOMEBODY-ELSES"}, "sk": {"S": "item"}})


def items(database: Any) -> dict[tuple[str, str], Any]:
    return {(one["pk"]["S"], one["sk"]["S"]): one for one in database.scan(TableName="views")["Items"]}


def run(database: Any, step: str, *, segments: int = 1, looks: int = 10**9, names: tuple[str, ...] = ()) -> int:
    done = 0
    rebuild = Rebuild(database, "orders", "views", known(database))
    for segment in range(segments):
        part = Part.model_validate({"step": step, "segment": segment, "segments": segments, "names": names})
        while True:
            progress: Progress = rebuild.go_on(part, Clock(looks))
            done += progress.done
            if progress.after is None:
                break
            part = part.model_copy(update={"after": progress.after})
    return done


@pytest.mark.parametrize(("segments", "looks"), [(1, 10**9), (3, 10**9), (1, 4), (2, 1)])
def test_what_is_dropped_and_shown_again_is_the_same_field_for_field(database: Any, segments: int, looks: int) -> None:
    fill(database)
    before = items(database)
    assert run(database, "drop", segments=segments, looks=looks) == 60
    assert set(items(database)) == {("SOMEBODY-ELSES", "item")}
    assert run(database, "show", segments=segments, looks=looks) == 45
    assert items(database) == before


def test_one_projection_is_rebuilt_without_the_others(database: Any) -> None:
    fill(database)
    before = items(database)
    assert run(database, "drop", names=("counts",)) == 30
    assert len(items(database)) == 31
    run(database, "show", names=("counts",))
    assert items(database) == before
    with pytest.raises(ValueError, match="no such projection"):
        run(database, "drop", names=("nothing",))


def test_events_that_come_in_the_middle_are_in_the_result(database: Any) -> None:
    fill(database)
    run(database, "drop")
    fresh = place(database, "fresh")
    show(fresh, known(database))
    first = derived_id("ord", "web", "P-1")
    orders(database).execute(first, Command("cancel", CAUSE), lambda order: domain.request_cancel(order, "changed my mind"))
    show(first, known(database))
    run(database, "show")
    found = items(database)
    assert found[fresh, "BOARD"]["status"]["S"] == "received"
    assert found[first, "BOARD"]["status"]["S"] == "cancelling"
    assert len(found) == 63


def test_an_older_fold_never_replaces_a_newer_one(database: Any) -> None:
    order_id = place(database, "old")
    board, _ = known(database)
    orders(database).execute(order_id, Command("cancel", CAUSE), lambda order: domain.request_cancel(order, "changed my mind"))
    board.show(order_id)
    newest = items(database)
    stale = Board(_Earlier(database), BoardSettings(orders_table="orders", views_table="views"))  # type: ignore[arg-type]
    stale.show(order_id)
    assert items(database) == newest


class _Earlier:
    """A client that reads the first commit only, as one that was asked before the second did."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def get_paginator(self, name: str) -> Any:
        real = self._real.get_paginator(name)

        class Pages:
            def paginate(self, **arguments: Any) -> Any:
                for page in real.paginate(**arguments):
                    yield {**page, "Items": page["Items"][:1]}

        return Pages()
