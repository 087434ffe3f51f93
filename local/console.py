"""What the commands print: steps with their time, problems with their remedy."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Iterator

console = Console(highlight=False)
complaints = Console(highlight=False, stderr=True)
"""For what went wrong: a command whose output is taken as a value, such as a token, leaves none behind."""
QUIET_S = 2.0


class Step:
    """A step under way; `changed` says afterwards whether there was anything to do."""

    changed = True


@contextlib.contextmanager
def step(what: str) -> Iterator[Step]:
    """Show a step while it lasts, and how long it took."""
    since, current = time.monotonic(), Step()
    if console.is_terminal:
        with console.status(f"{what} …"):
            yield current
    else:
        console.print(f"  … {what}")
        yield current
    mark = "[green]✓[/]" if current.changed else "[dim]=[/]"
    console.print(f"  {mark} {what} [dim]{time.monotonic() - since:.1f} s{'' if current.changed else ', nothing to do'}[/]")
