"""Lists of orders on real index semantics: filters, cursors, stability under writes, and a cost that does not grow."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.board_items import item, load
from benchmarks.listing_cost import QUERIES, Counting
from edge.cursors import Cursors
from hub import indexes
from hub.listing import LOOKED_AT, OrderList, OrderQuery
from kernel.errors import Malformed
from tests.aws import aws


@pytest.fixture
def database() -> Iterator[Any]:
    with aws() as found:
        yield found


def orders(database: Any) -> OrderList:
    return OrderList(database, "views", Cursors("secret"))


def put(database: Any, made: dict[str, Any]) -> str:
    database.put_item(TableName="views", Item=made)
    order_id: str = made["pk"]["S"]
    return order_id


def walk(database: Any, query: OrderQuery, limit: int) -> Iterator[list[str]]:
    cursor = None
    while True:
        items, cursor = orders(database).page(query, limit, cursor)
        yield [order["id"] for order in items]
        if cursor is None:
            return


def everything(database: Any, query: OrderQuery, limit: int) -> list[str]:
    return [order_id for page in walk(database, query, limit) for order_id in page]


FILTERS = [
    OrderQuery(),
    OrderQuery(channel="web"),
    OrderQuery(status="completed"),
    OrderQuery(channel="web", status="completed"),
    OrderQuery(customer_id="cus_3"),
    OrderQuery(customer_id="cus_3", status="completed"),
    OrderQuery(payment_status="paid"),
    OrderQuery(channel="store", payment_status="authorized"),
    OrderQuery(placed_from="2026-11-23T09:00:00.000Z", placed_to="2026-11-23T11:00:00.000Z"),
    OrderQuery(channel="web", status="completed", placed_to="2026-11-23T10:00:00.000Z"),
    OrderQuery(external_id="B-33"),
    OrderQuery(external_id="B-33", channel="store"),
]


def test_a_walk_finds_exactly_what_matches_newest_first(database: Any) -> None:
    load(database, "views", range(120))
    for query in FILTERS:
        wanted = [
            made["pk"]["S"]
            for made in map(item, range(120))
            if all(made[name]["S"] == value for name, value in query.filters.items())
            and (query.placed_from or "0") <= made["placed_at"]["S"] < (query.placed_to or "9")
        ]
        for limit in (31, 200):
            assert everything(database, query, limit) == wanted, (query, limit)


def test_a_page_that_is_full_ends_the_walk_where_nothing_is_left(database: Any) -> None:
    load(database, "views", range(10))
    assert [len(page) for page in walk(database, OrderQuery(), 5)] == [5, 5]
    assert [len(page) for page in walk(database, OrderQuery(), 10)] == [10]
    assert [len(page) for page in walk(database, OrderQuery(status="rejected"), 10)] == [0]


def test_a_page_looks_at_a_bounded_number_of_orders_and_goes_on_in_the_next(database: Any) -> None:
    load(database, "views", range(3 * LOOKED_AT))
    rare = put(database, item(0, placed_at="2020-01-01T00:00:00.000Z", customer_id="cus_rare"))
    database.update_item(
        TableName="views",
        Key={"pk": {"S": rare}, "sk": {"S": "BOARD"}},
        UpdateExpression="SET payment_status = :s",
        ExpressionAttributeValues={":s": {"S": "overcharged"}},
    )
    pages = list(walk(database, OrderQuery(payment_status="overcharged"), 50))
    assert len(pages) == 3
    assert [order_id for page in pages for order_id in page] == [rare]


@pytest.mark.parametrize("seed", range(4))
def test_a_walk_under_writes_repeats_nothing_and_misses_nothing_that_was_there_and_stays(database: Any, seed: int) -> None:
    chance = random.Random(seed)
    load(database, "views", range(120))
    query = OrderQuery(channel="web") if seed % 2 else OrderQuery(channel="web", status="completed")
    there = set(everything(database, query, 50))
    changed: set[str] = set()
    seen: list[str] = []
    number = 1000
    for page in walk(database, query, 9):
        seen += page
        for _ in range(6):
            number += 1
            # New orders come at any time of placing, and old ones change their state either way.
            minute = f"2026-11-23T{chance.randrange(9, 13):02}:{chance.randrange(60):02}:00.000Z"
            put(database, item(number, channel="web", status="completed", placed_at=minute))
            old = chance.randrange(120)
            changed.add(put(database, item(old, status=chance.choice(["completed", "shipped"]))))
    assert len(seen) == len(set(seen))
    stayed = there if query.status is None else there - changed
    assert stayed <= set(seen)


def test_an_order_that_left_its_state_while_the_index_still_has_it_is_not_shown(database: Any) -> None:
    made = item(1, status="received")
    made["status"] = {"S": "shipped"}
    put(database, made)
    assert everything(database, OrderQuery(status="received"), 10) == []


def test_an_item_that_only_a_payment_has_written_is_no_order_yet(database: Any) -> None:
    made = item(1)
    del made["order"]
    put(database, made)
    assert everything(database, OrderQuery(), 10) == []
    assert everything(database, OrderQuery(channel="web", external_id="B-1"), 10) == []


def test_a_cursor_continues_its_own_query_only(database: Any) -> None:
    load(database, "views", range(20))
    _, cursor = orders(database).page(OrderQuery(channel="web"), 5, None)
    assert cursor is not None
    for other in (OrderQuery(), OrderQuery(channel="store"), OrderQuery(channel="web", payment_status="paid")):
        with pytest.raises(Malformed):
            orders(database).page(other, 5, cursor)


def test_every_list_that_all_write_to_is_spread_evenly() -> None:
    for query in (OrderQuery(), OrderQuery(channel="web"), OrderQuery(status="completed")):
        lead = indexes.lead(query.external_id, query.customer_id, query.channel, query.status)
        name = lead.index.removeprefix("by_")
        made = [item(number, channel="web", status="completed") for number in range(4000)]
        counts = [sum(one[f"gsi_{name}_pk"]["S"] == partition for one in made) for partition in lead.partitions]
        assert sum(counts) == 4000
        assert max(counts) < 2 * 4000 / len(counts)


def test_a_page_reads_as_much_of_a_long_list_as_of_a_short_one(database: Any) -> None:
    def pages() -> dict[str, tuple[list[dict[str, Any]], list[tuple[str, int]]]]:
        counting = {name: Counting(database) for name in QUERIES}
        found = {name: orders(counting[name]).page(query, 10, None)[0] for name, query in QUERIES.items()}
        return {name: (found[name], counting[name].reads) for name in QUERIES}

    load(database, "views", range(900))
    of_a_short_list = pages()
    load(database, "views", range(900, 3000))
    assert pages() == of_a_short_list
