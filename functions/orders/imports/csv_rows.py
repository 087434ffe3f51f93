"""Rows of a CSV file: a row for each line of an order, its header columns repeated, rows of one order beside one another.

Columns are named by their place in the order, such as `ship_to.city`; `docs/queries.md` lists them. A record is one line
of the file: no value of an order has a line break.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from orders.imports.rows import BOM, TOO_LONG, Fault, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from orders.imports.lines import Line

ORDER: Final = (
    "channel",
    "external_id",
    "placed_at",
    "currency",
    "customer.id",
    "customer.name",
    "customer.email",
    "customer.phone",
    "ship_to.name",
    "ship_to.phone",
    "ship_to.line1",
    "ship_to.line2",
    "ship_to.city",
    "ship_to.region",
    "ship_to.postal_code",
    "ship_to.country",
    "ship_to.location.lat",
    "ship_to.location.lon",
    "delivery.method",
    "delivery.node_id",
    "shipping",
    "payment.method",
    "payment.token",
    "department",
)
"""Columns of the order, the same in each of its rows; `tags.NAME` besides."""
LINE: Final = ("line.sku", "line.quantity", "line.unit_price", "line.discount", "line.tax")
"""Columns of a line of the order."""
MONEY: Final = frozenset({"shipping", "line.unit_price", "line.discount", "line.tax"})
NEEDED: Final = ("channel", "external_id", "line.sku")
MOST_LINES: Final = 501
"""Lines of one order that are kept: one more than an order may have, so that it is refused for it."""
_WHOLE = re.compile(r"-?\d{1,15}")
_TAG = re.compile(r"tags\.[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")


class BadHeader(ValueError):
    """The first line does not name the columns of orders; the message says which place is wrong, and no value."""


@dataclass(frozen=True, slots=True)
class _Record:
    line: int
    end: int
    cells: dict[str, str]
    fault: Fault | None = None

    @property
    def order(self) -> tuple[str, str] | None:
        """Which order it belongs to; None where it does not say."""
        channel, external_id = self.cells.get("channel"), self.cells.get("external_id")
        return (channel, external_id) if channel and external_id else None


def header(line: Line) -> tuple[str, ...]:
    """The columns that a file's first line names. Raises BadHeader."""
    cells = _cells(line)
    if cells is None:
        raise BadHeader("The first line names no columns.")
    columns = tuple(cell.strip() for cell in cells)
    for place, column in enumerate(columns, start=1):
        if column not in ORDER and column not in LINE and not _TAG.fullmatch(column):
            raise BadHeader(f"Column {place} has a name that no column of an order has.")
        if column in columns[: place - 1]:
            raise BadHeader(f"Column {place} comes twice.")
    missing = [column for column in NEEDED if column not in columns]
    if missing:
        raise BadHeader(f"The column {missing[0]} is missing.")
    return columns


def csv_rows(found: Iterable[Line], columns: Sequence[str]) -> Iterator[Row]:
    """The orders of a file whose first line was read already."""
    group: list[_Record] = []
    for record in chain((_record(line, columns) for line in found if line.raw is None or line.raw.strip()), [None]):
        if group and (record is None or record.order is None or record.order != group[0].order):
            yield _row(group)
            group = []
        if record is None:
            return
        if record.fault:
            yield Row((record.line,), record.end, fault=record.fault)
        elif record.order is None:
            yield _row([record])
        elif len(group) < MOST_LINES:
            group.append(record)
        else:
            group[-1] = record


def _record(line: Line, columns: Sequence[str]) -> _Record:
    if line.raw is None:
        return _Record(line.number, line.end, {}, TOO_LONG)
    cells = _cells(line)
    if cells is None or len(cells) != len(columns):
        detail = "The line has another number of columns than the first one, or is not CSV."
        return _Record(line.number, line.end, {}, Fault("malformed_csv", detail))
    return _Record(line.number, line.end, {name: cell.strip() for name, cell in zip(columns, cells, strict=True) if cell.strip()})


def _cells(line: Line) -> list[str] | None:
    raw = line.raw or b""
    try:
        text = (raw.removeprefix(BOM) if line.number == 1 else raw).decode()
        return next(csv.reader([text], strict=True), None)
    except (UnicodeDecodeError, csv.Error):
        return None


def _row(group: Sequence[_Record]) -> Row:
    first, last = group[0], group[-1]
    numbers = tuple(record.line for record in group)
    for record in group[1:]:
        for column in {*record.cells, *first.cells}.difference(LINE):
            if record.cells.get(column) != first.cells.get(column):
                detail = "A row says something else about the order than the first row of that order."
                fault = Fault("conflicting_rows", detail, "/" + column.replace(".", "/"), record.line)
                return Row(numbers, last.end, fault=fault)
    return Row(numbers, last.end, _order(group))


def _order(group: Sequence[_Record]) -> dict[str, Any]:
    first = group[0].cells
    currency = first.get("currency", "")
    order: dict[str, Any] = {}
    for column, cell in first.items():
        if column not in LINE:
            _put(order, column.split(".", 1) if column.startswith("tags.") else column.split("."), _value(column, cell, currency))
    order.setdefault("shipping", _money("0", currency))
    if "payment" in order:
        order["payment"].setdefault("method", "card")
    order["lines"] = [_line(record.cells, currency) for record in group]
    return order


def _line(cells: dict[str, str], currency: str) -> dict[str, Any]:
    line = {column.removeprefix("line."): _value(column, cells[column], currency) for column in LINE if column in cells}
    return {"discount": _money("0", currency), "tax": _money("0", currency), **line}


def _value(column: str, cell: str, currency: str) -> object:
    if column in MONEY:
        return _money(cell, currency)
    if column == "line.quantity":
        return _whole(cell)
    return cell


def _money(cell: str, currency: str) -> dict[str, object]:
    return {"amount": _whole(cell), "currency": currency}


def _whole(cell: str) -> object:
    # What is no whole number stays as it is, and is refused for it where orders are.
    return int(cell) if _WHOLE.fullmatch(cell) else cell


def _put(order: dict[str, Any], path: Sequence[str], value: object) -> None:
    for name in path[:-1]:
        order = order.setdefault(name, {})
    order[path[-1]] = value
