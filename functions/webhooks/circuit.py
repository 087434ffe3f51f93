"""The circuit of an endpoint: after failures in a row nothing is sent for a while, then one request tries it out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

OPENS_AFTER = 5
"""Failures in a row after which the circuit opens."""
FIRST_REST = timedelta(seconds=30)
LONGEST_REST = timedelta(minutes=15)
PROBE = timedelta(seconds=15)
"""How long the others wait for the one request that tries an endpoint out."""
DISABLED_AFTER = timedelta(days=3)
"""How long an endpoint may fail without one success before it is disabled."""


@dataclass(frozen=True, slots=True)
class Health:
    """How an endpoint has been answering."""

    failures: int = 0
    """In a row."""
    failing_since: datetime | None = None
    open_until: datetime | None = None
    slow: bool = False

    @property
    def tripped(self) -> bool:
        """Whether the circuit is open, or half open: only a request that gets the right to try may pass."""
        return self.failures >= OPENS_AFTER

    def rests(self, now: datetime) -> bool:
        """Whether nothing at all may be sent now."""
        return self.tripped and self.open_until is not None and now < self.open_until

    def given_up(self, now: datetime) -> bool:
        """Whether it has failed for so long that it should be disabled."""
        return self.failing_since is not None and now - self.failing_since >= DISABLED_AFTER


def rest(failures: int) -> timedelta | None:
    """For how long the circuit opens after so many failures in a row; None where it stays closed."""
    if failures < OPENS_AFTER:
        return None
    doublings = min(failures - OPENS_AFTER, 10)
    return min(FIRST_REST * (1 << doublings), LONGEST_REST)
