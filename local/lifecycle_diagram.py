"""The lifecycle of an order as a Mermaid state diagram, drawn from the transition table into the page on orders."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orders.lifecycle import EDGES, PROGRESS, STATUSES, TRANSITIONS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from orders.lifecycle import Edge

BEGINS = "<!-- Drawn by `make contracts` from orders/lifecycle.py. -->"
BOX = "progress"
ENDS = "<!-- End of what is drawn. -->"
_DRAWN = re.compile(f"{re.escape(BEGINS)}.*?{re.escape(ENDS)}", re.DOTALL)


def page(path: Path) -> str:
    """The page with the diagram of today's table in its place. Raises ValueError where the page has no place for it."""
    text, places = _DRAWN.subn(lambda _: f"{BEGINS}\n\n{diagram()}\n{ENDS}", path.read_text(encoding="utf-8"))
    if places != 1:
        raise ValueError(f"{path.name} has to have one place for the diagram, and has {places}")
    return text


def diagram() -> str:
    """The table as Mermaid: how far an order is in one box, and each way out of the box or back into it as one arrow."""
    inside = [f"    {edge.source} --> {edge.target}: {_label(edge)}" for edge in EDGES if _within(edge)]
    outside: dict[tuple[str, str, str], list[str]] = {}
    for edge in EDGES:
        if not _within(edge):
            source, target = (BOX if status in PROGRESS else status for status in (edge.source, edge.target))
            outside.setdefault((source, target, _label(edge)), []).append(edge.source)
    lines = ["```mermaid", "stateDiagram-v2", f"  [*] --> {BOX}", f"  state {BOX} {{", f"    [*] --> {PROGRESS[0]}", *inside, "  }"]
    for (source, target, label), sources in outside.items():
        lines.append(f"  {source} --> {target}: {label}{_span(sources) if source == BOX else ''}")
    lines += [f"  {status} --> [*]" for status in STATUSES if not TRANSITIONS[status]]
    return "\n".join([*lines, "```"]) + "\n"


def _within(edge: Edge) -> bool:
    return edge.source in PROGRESS and edge.target in PROGRESS


def _label(edge: Edge) -> str:
    return f"{edge.by} [{edge.guard.words}]" if edge.guard else edge.by


def _span(sources: Sequence[str]) -> str:
    """From which stages of its progress an order may go this way."""
    return f", from {sources[0]}" if len(sources) == 1 else f", from {sources[0]} to {sources[-1]}"
