"""Imports: every good row once, every bad one by its line, whoever works on the file and however often it is killed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.aggregates import Aggregates
from edge.claims import Claims
from edge.event_store import EventStore
from edge.fast_lane import RelayOnly
from edge.vault import Vault
from kernel.clock import SystemClock
from kernel.ids import derived_id
from orders import domain
from orders.imports.csv_rows import LINE, ORDER, BadHeader, csv_rows, header
from orders.imports.jobs import Format, Job, Jobs
from orders.imports.lines import MAX_LINE_BYTES, Line, lines
from orders.imports.rows import ndjson
from orders.imports.running import CHUNK, Pace, Running
from orders.service import Orders, PersonalData
from tests.aws import aws
from tests.examples import CAUSE, NOW, body, line

IMPORT = derived_id("imp", "test")


@pytest.fixture
def database() -> Iterator[Any]:
    with aws() as found:
        yield found


class Killed(BaseException):
    """The worker's process is gone."""


class Files:
    """Uploaded files in memory, handed out in parts of any size."""

    def __init__(self, content: bytes, part: int = 1000) -> None:
        self.content: bytes | None = content
        self._part = part

    def read(self, import_id: str, start: int) -> Iterator[bytes]:
        assert self.content is not None
        for place in range(start, len(self.content), self._part):
            yield self.content[place : place + self._part]

    def remove(self, import_id: str) -> None:
        self.content = None


class Seal:
    def seal(self, clear: str, subject: str) -> str:
        return f"sealed:{len(clear)}"


def importer(database: Any, files: Files, kill_at: int | None = None) -> Running:
    clock = SystemClock()
    orders = Orders(Aggregates(EventStore(database, "orders"), RelayOnly(), clock, domain.fold, "order", "ord"), clock)
    personal = PersonalData(Vault(database, "vault"), Seal(), Seal())
    placed = 0

    def place(order: Any, command: Any, caller: str) -> object:
        nonlocal placed
        placed += 1
        if placed == kill_at:
            raise Killed
        return orders.place(order, command, caller, Claims(database, "claims"), personal)

    return Running(Jobs(database, "imports"), files, place, clock, Pace(1e9, lambda: 0.0, lambda _: None))


def begin(database: Any, format_: Format, import_id: str = IMPORT) -> Job:
    job = Job(import_id, format_, "shop", CAUSE, "2026-11-23T10:00:00.000Z", "fingerprint")
    return Jobs(database, "imports").create(job, int(datetime.now(UTC).timestamp()))


def finish(database: Any, files: Files, import_id: str = IMPORT) -> Job:
    while importer(database, files).go_on(import_id, lambda: True) == "more":
        pass
    found = Jobs(database, "imports").find(import_id)
    assert found is not None
    return found


def counts(job: Job) -> tuple[int, int, int]:
    return job.placed, job.duplicates, job.refused


def report(database: Any, import_id: str = IMPORT) -> list[tuple[int, str]]:
    return [(refusal.line, refusal.code) for refusal in Jobs(database, "imports").refusals(import_id, 200, 0)[0]]


def file_of(count: int) -> bytes:
    return b"".join(json.dumps(body(external_id=f"I-{n}")).encode() + b"\n" for n in range(count))


def order_count(database: Any) -> int:
    return int(database.scan(TableName="orders", Select="COUNT")["Count"])


def test_good_rows_are_placed_and_bad_ones_are_told_by_line_without_their_values(database: Any) -> None:
    begin(database, "ndjson")
    bad = [b"{broken", b"[1]", json.dumps(body(lines=[line(quantity=0)])).encode(), json.dumps({**body(), "canary": 1}).encode()]
    files = Files(file_of(2) + b"\n".join(bad) + b"\n\n" + json.dumps(body(external_id="last")).encode())
    job = finish(database, files)
    assert (job.state, counts(job)) == ("done", (3, 0, 4))
    assert report(database) == [(3, "malformed_json"), (4, "not_an_order"), (5, "invalid_order"), (6, "invalid_order")]
    (wrong,) = Jobs(database, "imports").refusals(IMPORT, 1, 4)[0][0].errors
    assert (wrong["pointer"], wrong["line"]) == ("/lines/0/quantity", 5)
    kept = json.dumps(database.scan(TableName="imports")["Items"])
    for secret in ("Canary", "canary@", "2015550123", "broken"):
        assert secret not in kept
    assert files.content is None


@pytest.mark.parametrize("kill_at", [1, 2, CHUNK, CHUNK + 1, CHUNK + 7, 2 * CHUNK])
def test_a_killed_worker_is_followed_by_one_that_goes_on_where_it_was(database: Any, kill_at: int) -> None:
    begin(database, "ndjson")
    files = Files(file_of(2 * CHUNK + 3))
    with pytest.raises(Killed):
        importer(database, files, kill_at).go_on(IMPORT, lambda: False)
    job = finish(database, files)
    assert (job.state, counts(job)) == ("done", (2 * CHUNK + 3, 0, 0))
    assert order_count(database) == 2 * CHUNK + 3
    assert report(database) == []


def test_the_same_file_again_places_nothing_and_names_the_first_orders(database: Any) -> None:
    begin(database, "ndjson")
    finish(database, Files(file_of(30)))
    again = derived_id("imp", "again")
    begin(database, "ndjson", again)
    job = finish(database, Files(file_of(30)), again)
    assert counts(job) == (0, 30, 0)
    assert order_count(database) == 30
    found, last = Jobs(database, "imports").refusals(again, 10, 0)
    assert [r.order_id for r in found] == [derived_id("ord", "web", f"I-{n}") for n in range(10)]
    assert {r.code for r in found} == {"duplicate_external_id"}
    assert last == 10
    assert Jobs(database, "imports").refusals(again, 10, 20)[1] is None


def test_two_workers_on_one_import_count_every_row_once(database: Any) -> None:
    begin(database, "ndjson")
    files = Files(file_of(3 * CHUNK))
    outcomes: list[str] = []

    class Interfering(Jobs):
        """While this worker places its first chunk, another one records it."""

        met = False

        def record(self, job: Any, chunk: Any, now_s: int) -> Any:
            if not Interfering.met:
                Interfering.met = True
                outcomes.append(importer(database, files).go_on(IMPORT, lambda: True))
            return super().record(job, chunk, now_s)

    slow = importer(database, files)
    slow._jobs = Interfering(database, "imports")
    outcomes.append(slow.go_on(IMPORT, lambda: False))
    assert outcomes == ["more", "nothing"]
    assert counts(finish(database, files)) == (3 * CHUNK, 0, 0)


def test_an_import_that_is_done_or_was_never_asked_for_is_left_alone(database: Any) -> None:
    assert importer(database, Files(b"")).go_on("imp_nothing", lambda: False) == "nothing"
    begin(database, "ndjson")
    assert finish(database, Files(b"")).state == "done"
    assert importer(database, Files(file_of(1))).go_on(IMPORT, lambda: False) == "nothing"
    assert order_count(database) == 0


def test_an_import_keeps_its_pace() -> None:
    waited: list[float] = []
    pace = Pace(10, lambda: 100.5, waited.append)
    pace.keep(100.0, 25)
    pace.keep(90.0, 25)
    assert waited == [2.0, 0.0]


# --- CSV -------------------------------------------------------------------------------------------------------

COLUMNS = ("channel", "external_id", "placed_at", "currency", "customer.id", "ship_to.name", "ship_to.line1", "ship_to.city")
COLUMNS += ("ship_to.postal_code", "ship_to.country", "shipping", "payment.token", "tags.campaign", *LINE)


def record(external_id: str, sku: str = "SKU-1", quantity: str = "2", **changes: str) -> str:
    cells = {
        **dict.fromkeys(COLUMNS, "x"),
        "channel": "web",
        "external_id": external_id,
        "placed_at": "2026-11-23T10:00:00Z",
        "currency": "USD",
        "ship_to.name": '"Canary, Ada"',
        "ship_to.country": "US",
        "shipping": "300",
        "line.sku": sku,
        "line.quantity": quantity,
        "line.unit_price": "500",
        "line.discount": "",
        "line.tax": "0",
        **changes,
    }
    return ",".join(cells[column] for column in COLUMNS)


def sheet(*records: str) -> bytes:
    return "\r\n".join(["\ufeff" + ",".join(COLUMNS), *records]).encode()


def test_adjacent_rows_of_a_sheet_are_one_order_and_errors_name_their_own_line(database: Any) -> None:
    begin(database, "csv")
    content = sheet(
        record("A"),
        record("A", "SKU-2", "3"),
        record("B"),
        record("C", "SKU-1", "many"),
        record("D"),
        record("D", "SKU-2", shipping="400"),
        "one,cell",
        record("E"),
        record("F"),
        record("F", "SKU-2", "0"),
    )
    job = finish(database, Files(content, part=17))
    assert (job.state, counts(job)) == ("done", (3, 0, 4))
    assert report(database) == [(5, "invalid_order"), (6, "conflicting_rows"), (8, "malformed_csv"), (10, "invalid_order")]
    found = Jobs(database, "imports").refusals(IMPORT, 50, 0)[0]
    assert [(e["pointer"], e["line"]) for refusal in found for e in refusal.errors] == [
        ("/lines/0/quantity", 5),
        ("/shipping", 7),
        ("/lines/1/quantity", 11),
    ]
    first = EventStore(database, "orders").commits(derived_id("ord", "web", "A"))[0].events[0].data.model_dump()
    assert [(one["sku"], one["quantity"], one["unit_price"]) for one in first["lines"]] == [("SKU-1", 2, 500), ("SKU-2", 3, 500)]
    assert (first["shipping"], first["tags"]) == (300, {"campaign": "x"})
    assert "Canary" not in json.dumps(database.scan(TableName="imports")["Items"])


def test_a_sheet_is_gone_on_with_at_an_order_and_never_within_one(database: Any) -> None:
    begin(database, "csv")
    content = sheet(*(record(f"O-{n // 3}", f"SKU-{n}") for n in range(9 * CHUNK)))
    files = Files(content)
    with pytest.raises(Killed):
        importer(database, files, CHUNK + 4).go_on(IMPORT, lambda: False)
    job = finish(database, files)
    assert counts(job) == (3 * CHUNK, 0, 0)


@pytest.mark.parametrize(
    "first", ["", "channel,external_id", "channel,external_id,line.sku,canary", "channel,channel,external_id,line.sku"]
)
def test_a_sheet_whose_first_line_names_no_columns_fails_as_a_whole(database: Any, first: str) -> None:
    begin(database, "csv")
    job = finish(database, Files(first.encode()))
    assert job.state == "failed"
    assert job.reason is not None
    assert "canary" not in job.reason


def test_the_example_file_has_every_column_and_only_good_rows(database: Any) -> None:
    from tests.infrastructure.deployment import ROOT

    content = (ROOT / "docs" / "examples" / "orders.csv").read_bytes()
    first = next(lines([content]))
    assert {*ORDER, *LINE} <= set(header(first))
    begin(database, "csv")
    job = finish(database, Files(content))
    assert (job.refused, job.duplicates) == (0, 0)
    assert job.placed >= 2


# --- lines -----------------------------------------------------------------------------------------------------


@given(content=st.binary(max_size=200), part=st.integers(1, 50))
def test_lines_are_the_same_in_whatever_parts_the_file_comes(content: bytes, part: int) -> None:
    parts = [content[place : place + part] for place in range(0, len(content), part)]
    found = list(lines(parts))
    raws = content.split(b"\n")
    wanted = raws[:-1] if raws[-1] == b"" else raws
    assert [one.raw for one in found] == [raw.removesuffix(b"\r") for raw in wanted]
    assert [one.number for one in found] == list(range(1, len(wanted) + 1))
    for one in found:
        rest = list(lines([content[one.end :]], one.end, one.number + 1))
        assert rest == found[one.number :]


def test_a_line_that_is_too_long_is_passed_over_without_being_kept() -> None:
    long = [b"a\n", *[b"x" * 100_000] * (MAX_LINE_BYTES // 100_000 + 2), b"\nb\n"]
    first, second, third = lines(long)
    assert (first, second.raw, third.raw) == (Line(1, b"a", 2), None, b"b")
    assert second.end == sum(map(len, long)) - 2
    assert [row.fault.code if row.fault else "" for row in ndjson([second])] == ["line_too_long"]


def test_no_row_of_a_broken_sheet_breaks_the_reader() -> None:
    columns = ("channel", "external_id", "line.sku")
    broken = [Line(2, b'"a', 3), Line(3, b"\xff,b,c", 9), Line(4, None, 10), Line(5, b",,", 12), Line(6, b"a,b,c", 20)]
    found = list(csv_rows(broken, columns))
    assert [row.line for row in found] == [2, 3, 4, 5, 6]
    assert [row.order is not None for row in found] == [False, False, False, True, True]
    with pytest.raises(BadHeader):
        header(Line(1, None, 0))


def test_now_is_before_the_lifetime_of_a_job_ends(database: Any) -> None:
    Jobs(database, "imports").create(Job(IMPORT, "csv", "shop", CAUSE, "now", "f"), int(NOW.timestamp()))
    item = database.get_item(TableName="imports", Key={"pk": {"S": IMPORT}, "sk": {"S": "JOB"}})["Item"]
    assert int(item["expires_at"]["N"]) > int(NOW.timestamp())
