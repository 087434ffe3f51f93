"""When a delivery that failed is tried again: exponential back-off with jitter over 24 hours."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

FIRST_S = 5.0
FACTOR = 4.0
LONGEST_S = 4 * 3600.0
GIVES_UP_AFTER = timedelta(hours=24)


def back_off_s(attempts: int, random: Callable[[], float]) -> float:
    """Seconds until the next attempt after this many: 5, 20, 80, … up to four hours; half of it fixed, half at random.

    `random` answers 0 to 1. The random half keeps what failed together from coming back together.
    """
    step = min(FIRST_S * FACTOR ** (attempts - 1), LONGEST_S)
    return step * (0.5 + 0.5 * random())


def next_attempt(attempts: int, now: datetime, give_up_at: datetime, wait_s: float, random: Callable[[], float]) -> datetime | None:
    """When to try again, not before `wait_s` seconds that the receiver asked for; None where it is time to give up.

    The last attempt is at the end of the 24 hours, not past it.
    """
    if now >= give_up_at:
        return None
    at = now + timedelta(seconds=max(back_off_s(attempts, random), min(wait_s, LONGEST_S)))
    return min(at, give_up_at)
