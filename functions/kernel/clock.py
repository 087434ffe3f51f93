"""Time comes in from outside, in UTC, so that every rule about it can be tested exactly."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the current time."""

    def now(self) -> datetime:
        """The current instant, in UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The current instant, in UTC."""
        return datetime.now(UTC)


def rfc3339(instant: datetime) -> str:
    """An instant as RFC 3339 in UTC with milliseconds: `2026-11-23T10:00:00.000Z`."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_rfc3339(text: str) -> datetime:
    """The instant that RFC 3339 text names; raises ValueError where it names none or has no offset."""
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("an instant needs an offset from UTC")
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError("an instant lies within the calendar in UTC too") from None
