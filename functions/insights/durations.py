"""Distributions of durations that any number of writers can count into, and any two of which can be merged.

A DDSketch (Masson, Rim and Lee, PVLDB 12, 2019) is a histogram whose bins grow by a constant factor, so a quantile that is
read from it is wrong by at most `ACCURACY` of itself. Here each bin is a number of its own in the table: counting is an
atomic addition, with nothing to read before, and merging is adding up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ddsketch.ddsketch import BaseDDSketch
from ddsketch.mapping import LogarithmicMapping
from ddsketch.store import DenseStore

if TYPE_CHECKING:
    from collections.abc import Mapping

ACCURACY: Final = 0.01
"""How far off a quantile may be, as a share of it."""
QUANTILES: Final = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
LONGEST_MS: Final = 400 * 24 * 3600 * 1000
"""Longer durations count as this long, so that a clock gone wrong cannot grow an item without bound."""
_MAPPING = LogarithmicMapping(ACCURACY)


def bin_of(duration_ms: int) -> int:
    """The bin of a duration. What is below a millisecond counts as one: the hub's clock is no finer."""
    return int(_MAPPING.key(float(min(max(duration_ms, 1), LONGEST_MS))))


def quantiles(bins: Mapping[int, int]) -> dict[str, float] | None:
    """The quantiles in milliseconds, and how many durations there were; None where there were none."""
    count = sum(bins.values())
    if not count:
        return None
    store = DenseStore()
    for key, weight in bins.items():
        store.add(key, float(weight))
    sketch = BaseDDSketch(mapping=_MAPPING, store=store, negative_store=DenseStore(), zero_count=0.0)
    found = {name: sketch.get_quantile_value(share) for name, share in QUANTILES.items()}
    return {"count": count, **{name: round(value, 1) for name, value in found.items() if value is not None}}
