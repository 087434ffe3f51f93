"""The lines of a file that is never in memory as a whole, each with its number and the place where the next one begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_LINE_BYTES = 1024 * 1024
"""The longest line: as much as one order's request may have."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its end; `raw` is None where it is longer than a line may be. `end` is a place in the file, in bytes."""

    number: int
    raw: bytes | None
    end: int


def lines(parts: Iterable[bytes], start: int = 0, number: int = 1) -> Iterator[Line]:
    """The lines of what begins at `start` with the line of this number; the last one may lack its end."""
    held, dropped, place = b"", 0, start
    for part in parts:
        held += part
        *whole, held = held.split(b"\n")
        for raw in whole:
            place += dropped + len(raw) + 1
            yield Line(number, raw.removesuffix(b"\r") if not dropped and len(raw) <= MAX_LINE_BYTES else None, place)
            number, dropped = number + 1, 0
        if len(held) > MAX_LINE_BYTES:
            dropped, held = dropped + len(held), b""
    if held or dropped:
        yield Line(number, held.removesuffix(b"\r") if not dropped else None, place + dropped + len(held))
