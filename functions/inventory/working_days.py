"""When a node ships and a carrier drives: working days, holidays and cut-off times, in the node's own time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

LONGEST_CLOSURE_DAYS = 60
"""How far a calendar is searched for a working day; one that has none in two months is closed for good."""
EVERY_DAY = frozenset(range(7))


class NeverOpen(ValueError):
    """A calendar that has no working day within two months."""


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """The days on which somebody works: weekdays (Monday is 0) less public holidays and closures of their own."""

    weekdays: frozenset[int] = EVERY_DAY
    holidays_of: str | None = None
    """An ISO 3166-1 country, or a country and its subdivision such as `US-NJ`, whose public holidays are free."""
    closed: frozenset[date] = frozenset()

    def works_on(self, day: date) -> bool:
        """Whether this is a working day."""
        if day.weekday() not in self.weekdays or day in self.closed:
            return False
        return self.holidays_of is None or day not in _holidays(self.holidays_of, day.year)

    def first(self, day: date) -> date:
        """The first working day from this day on. Raises NeverOpen."""
        for ahead in range(LONGEST_CLOSURE_DAYS):
            if self.works_on(day + timedelta(days=ahead)):
                return day + timedelta(days=ahead)
        raise NeverOpen("no working day within two months")

    def after(self, day: date, count: int) -> date:
        """The day that is so many working days after this one. Raises NeverOpen."""
        for _ in range(count):
            day = self.first(day + timedelta(days=1))
        return day


@dataclass(frozen=True, slots=True)
class ShippingHours:
    """When a node ships: what is ordered before the cut-off of a working day leaves on that day."""

    days: WorkingDays = WorkingDays()
    timezone: str = "UTC"
    cut_off: time = time(23, 59, 59)

    def ships_on(self, now: datetime, *, full: bool = False) -> date:
        """The day on which an order of this instant leaves; one later where the node is `full` for that day."""
        local = now.astimezone(ZoneInfo(self.timezone))
        today = local.date()
        if local.time() > self.cut_off:
            today += timedelta(days=1)
        first = self.days.first(today)
        return self.days.after(first, 1) if full else first


def is_country(name: str) -> bool:
    """Whether public holidays are known for a country, or a country and its subdivision."""
    try:
        _holidays(name, 2026)
    except NotImplementedError:
        return False
    return True


@lru_cache(maxsize=64)
def _holidays(place: str, year: int) -> frozenset[date]:
    # Imported where it is asked for: a network without holidays does not pay for the import at its cold start.
    import holidays

    country, _, subdivision = place.partition("-")
    return frozenset(holidays.country_holidays(country, subdiv=subdivision or None, years=year))
