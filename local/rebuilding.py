"""Drops the projections of an instance and makes them again from the events, in segments at once, with a place to go on from."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from local.aws import client

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from local.instance import Instance

FUNCTION: Final = "orderhub-local-projections"
STEPS: Final = ("drop", "show")


class RebuildFailed(Exception):
    """A part of the rebuild could not be done; the same command goes on from there."""


def run(instance: Instance, names: Sequence[str], segments: int, tell: Callable[[str, int, bool], None]) -> dict[str, int]:
    """Rebuild projections, all by default; answers how many items were dropped and how many aggregates shown.

    `tell` hears, after every part, its step, how much that part did, and whether it was the segment's last. Raises
    RebuildFailed. A run that was interrupted goes on where it was when the next one asks for the same.
    """
    place = _Place(instance.state / "rebuild.json", {"names": sorted(names), "segments": segments})
    functions = client(instance, "lambda")
    counts = dict.fromkeys(STEPS, 0)
    for step in STEPS:

        def work(segment: int, step: str = step) -> int:
            done = 0
            while not place.ended(step, segment):
                part = {
                    "step": step,
                    "names": list(names),
                    "segment": segment,
                    "segments": segments,
                    "after": place.of(step, segment),
                }
                answer = functions.invoke(FunctionName=FUNCTION, Payload=json.dumps(part).encode())
                body = json.loads(answer["Payload"].read())
                if answer.get("FunctionError"):
                    raise RebuildFailed(
                        f"{body.get('errorMessage', 'no reason given')}. The same command goes on where this one was."
                    )
                done += body["done"]
                place.keep(step, segment, body["after"])
                tell(step, body["done"], body["after"] is None)
            return done

        with ThreadPoolExecutor(segments) as pool:
            counts[step] = sum(pool.map(work, range(segments)))
    place.forget()
    return counts


class _Place:
    """How far every segment of every step is, in a file."""

    def __init__(self, path: Path, asked: dict[str, Any]) -> None:
        self._path = path
        kept = json.loads(path.read_text()) if path.exists() else {}
        # A place in other segments, or of other projections, is nowhere in these.
        self._kept: dict[str, Any] = kept if kept.get("asked") == asked else {"asked": asked, "after": {}}

    def of(self, step: str, segment: int) -> Any:  # a key, or None at the beginning
        return self._kept["after"].get(f"{step}-{segment}")

    def ended(self, step: str, segment: int) -> bool:
        return bool(self.of(step, segment) == "end")

    def keep(self, step: str, segment: int, after: Any) -> None:  # a key, or None at the end
        self._kept["after"][f"{step}-{segment}"] = after or "end"
        part = self._path.with_suffix(f".{step}-{segment}")
        part.write_text(json.dumps(self._kept))
        part.replace(self._path)

    def forget(self) -> None:
        self._path.unlink(missing_ok=True)
