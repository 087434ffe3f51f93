"""Runs an import: reads rows from where it was, places their orders, and records every chunk, until time is up or all is done.

A worker may be killed anywhere. What it had recorded is done; what it had placed and not recorded is placed again, under the
same keys, which answers with the orders that are there. So nothing is counted twice and no row is left out.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Literal, Protocol

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError

from edge.aggregates import Command
from edge.logs import logger
from edge.problems import fields_of
from kernel.clock import rfc3339
from kernel.errors import Busy, DomainError
from orders.commands import PlaceOrder
from orders.imports.csv_rows import BadHeader, csv_rows, header
from orders.imports.jobs import Chunk, Job, Jobs, Refusal
from orders.imports.lines import lines
from orders.imports.rows import ndjson

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kernel.clock import Clock
    from orders.imports.rows import Row

CHUNK = 25
"""Rows between two notes of how far the import is."""


class Objects(Protocol):
    """Uploaded files."""

    def read(self, import_id: str, start: int) -> Iterator[bytes]:
        """A file from a place on, in parts; nothing behind its end."""
        ...

    def remove(self, import_id: str) -> None:
        """Forget a file."""
        ...


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast rows may go, so that an import leaves room for orders that come in now; `wait` takes seconds."""

    rows_per_s: float
    now: Callable[[], float]
    wait: Callable[[float], None]

    def keep(self, since: float, rows: int) -> None:
        """Wait until so many rows since then are no faster than they may be."""
        self.wait(max(0.0, since + rows / self.rows_per_s - self.now()))


class Running:
    """Works on import jobs. `place` places one order as the job's caller, or raises the refusal that the API would answer."""

    def __init__(
        self, jobs: Jobs, objects: Objects, place: Callable[[PlaceOrder, Command, str], object], clock: Clock, pace: Pace
    ) -> None:
        self._jobs = jobs
        self._objects = objects
        self._place = place
        self._clock = clock
        self._pace = pace

    def go_on(self, import_id: str, is_time_up: Callable[[], bool]) -> Literal["done", "more", "nothing"]:
        """Do what there is time for: `more` where something is left. Raises what the store, the vault or S3 raise."""
        job = self._jobs.find(import_id)
        if job is None or job.ended:
            return "nothing"
        begun = self._begin(job) if job.state == "waiting" else job
        if begun is None or begun.ended:
            return "nothing"
        return self._work(begun, is_time_up)

    def _begin(self, job: Job) -> Job | None:
        if job.format == "ndjson":
            return self._jobs.begin(job, (), 0, 1)
        first = next(lines(self._objects.read(job.id, 0)), None)
        try:
            if first is None:
                raise BadHeader("The file is empty.")
            return self._jobs.begin(job, header(first), first.end, 2)
        except BadHeader as problem:
            logger.info("import refused", import_id=job.id)
            ended = self._jobs.end(job, "failed", rfc3339(self._clock.now()), str(problem))
            self._objects.remove(job.id)
            return ended

    def _work(self, job: Job, is_time_up: Callable[[], bool]) -> Literal["done", "more", "nothing"]:
        rows = self._rows(job)
        while chunk := list(islice(rows, CHUNK)):
            since = self._pace.now()
            advanced = self._jobs.record(job, self._placed(job, chunk), int(self._clock.now().timestamp()))
            if advanced is None:
                return "nothing"
            job = advanced
            if is_time_up():
                return "more"
            self._pace.keep(since, len(chunk))
        if self._jobs.end(job, "done", rfc3339(self._clock.now())) is not None:
            self._objects.remove(job.id)
        logger.info("import done", import_id=job.id, placed=job.placed, duplicates=job.duplicates, refused=job.refused)
        return "done"

    def _rows(self, job: Job) -> Iterator[Row]:
        found = lines(self._objects.read(job.id, job.offset), job.offset, job.line)
        return ndjson(found) if job.format == "ndjson" else csv_rows(found, job.columns)

    def _placed(self, job: Job, rows: list[Row]) -> Chunk:
        refusals = tuple(refusal for row in rows if (refusal := self._one(job, row)) is not None)
        return Chunk(rows[-1].end, rows[-1].next_line, len(rows) - len(refusals), refusals)

    def _one(self, job: Job, row: Row) -> Refusal | None:
        """Place a row's order; what is wrong with it where that cannot be."""
        if row.fault is not None or row.order is None:
            fault = row.fault
            assert fault is not None  # a row has one or the other
            errors = ({"pointer": fault.pointer, "code": fault.code, "detail": fault.detail, "line": fault.line or row.line},)
            return Refusal(row.line, fault.code, fault.detail, errors=errors if fault.pointer else ())
        try:
            order = PlaceOrder.model_validate(row.order)
        except ValidationError as error:
            wrong = tuple(
                {"pointer": f.pointer, "code": f.code, "detail": f.detail, "line": _line_of(row, f.pointer)}
                for f in fields_of(error.errors(include_url=False, include_input=False))
            )
            return Refusal(row.line, "invalid_order", "The row is no acceptable order.", errors=wrong)
        try:
            self._place(order, _command(job, row), job.caller)
        except (Busy, ClientError, BotoCoreError):
            raise
        except DomainError as refused:
            wrong = tuple({"pointer": f.pointer, "code": f.code, "detail": f.detail, "line": row.line} for f in refused.errors)
            return Refusal(row.line, refused.code, refused.detail, refused.extra.get("order_id"), wrong)
        except Exception as error:  # noqa: BLE001  # a row that breaks us must not hold up those behind it
            logger.error("import row failed", import_id=job.id, line=row.line, error=type(error).__name__)
            return Refusal(row.line, "internal_error", "Something went wrong on our side with this row.")
        return None


def _command(job: Job, row: Row) -> Command:
    """The command of a row: its key is the row's own, whoever works on it and however often."""
    fingerprint = hashlib.sha256(json.dumps(row.order, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:32]
    return Command("place-order", job.cause, f"{job.id}-{row.line}", fingerprint)


def _line_of(row: Row, pointer: str) -> int:
    """The line of the file that a pointer into the row's order is about."""
    parts = pointer.split("/")
    place = int(parts[2]) if parts[1:2] == ["lines"] and len(parts) > 2 and parts[2].isdigit() else 0
    return row.lines[place] if place < len(row.lines) else row.line
