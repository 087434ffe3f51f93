"""Rows of an import: an order each, as the API would have got it, or what is wrong with the row.

Nothing that is said about a row carries a value of it: it may be somebody's personal data.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from orders.imports.lines import Line

BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a row before anybody looks at its order; a pointer where one member is to blame."""

    code: str
    detail: str
    pointer: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """An order of the file. `lines` are the numbers of the lines that it is written in; `end` is where the next one begins."""

    lines: tuple[int, ...]
    end: int
    order: dict[str, Any] | None = None
    fault: Fault | None = None

    @property
    def line(self) -> int:
        """The line at which it begins."""
        return self.lines[0]

    @property
    def next_line(self) -> int:
        """The line after it."""
        return self.lines[-1] + 1


TOO_LONG = Fault("line_too_long", "The line is longer than an order may be.")


def ndjson(found: Iterable[Line]) -> Iterator[Row]:
    """The rows of newline-delimited JSON: an order a line; empty lines are passed over."""
    for line in found:
        raw = line.raw
        if raw is None:
            yield Row((line.number,), line.end, fault=TOO_LONG)
            continue
        text = (raw.removeprefix(BOM) if line.number == 1 else raw).strip()
        if not text:
            continue
        try:
            order = json.loads(text)
        except (ValueError, RecursionError):
            yield Row((line.number,), line.end, fault=Fault("malformed_json", "The line is not JSON."))
            continue
        if isinstance(order, dict):
            yield Row((line.number,), line.end, order)
        else:
            yield Row((line.number,), line.end, fault=Fault("not_an_order", "The line is JSON, and no object."))
