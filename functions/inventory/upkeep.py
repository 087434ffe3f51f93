"""What stock needs done without anybody asking: thresholds that are crossed, reservations that ran out, quiet stock."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from edge import clients
from edge.logs import logger
from edge.settings import FromEnvironment, read
from inventory.network_store import Networks, NetworkStore
from inventory.policies import Policies
from inventory.reservations import Reservations
from inventory.spreading import Spreading
from inventory.store import InventoryStore
from kernel.clock import SystemClock
from kernel.errors import Busy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class UpkeepSettings(FromEnvironment):
    """Where stock is kept."""

    inventory_table: str


@lru_cache(maxsize=1)
def store() -> InventoryStore:
    """The inventory table of this stage."""
    return InventoryStore(clients.dynamodb(), read(UpkeepSettings).inventory_table)


def say_levels(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say where stock crossed a threshold, once for each SKU and node of a stream's batch; answers what has to be tried again."""
    latest: dict[tuple[str, str], tuple[str, str]] = {}
    for record in records:
        image = record["dynamodb"].get("NewImage")
        if image is not None and _may_cross(image):
            pair = (image["pk"]["S"].split("#")[1], image["sk"]["S"].removeprefix("NODE#"))
            latest[pair] = (record["dynamodb"]["SequenceNumber"], image["last"]["M"]["correlation"]["S"])
    unsaid: list[str] = []
    for pair, (number, correlation_id) in latest.items():
        try:
            Policies(store(), SystemClock()).look(*pair, correlation_id)
        except (Busy, BotoCoreError, ClientError) as error:
            logger.warning("level not said", reason=type(error).__name__)
            unsaid.append(number)
    return unsaid


def _may_cross(image: Mapping[str, Any]) -> bool:
    """Whether this version of a counter may have crossed a threshold; of spread stock only the sum over its buckets tells."""
    if not image["pk"]["S"].startswith("SKU#") or "last" not in image:
        return False
    if image["pk"]["S"].count("#") > 1 or "buckets" in image:
        return True
    if "low_threshold" not in image:
        return "level" in image and image["level"]["S"] != "ok"
    short = int(image["available"]["N"]) < int(image["low_threshold"]["N"])
    level = image["level"]["S"] if "level" in image else "ok"
    # Low stock that has a target is looked at once more, for the signal that follows.
    return level == "ok" or (level == "low" and "reorder_up_to" in image) if short else level != "ok"


def sweep() -> dict[str, Any]:
    """End what ran out, finish what was left unfinished, and gather stock that went quiet. Raises Busy."""
    clock = SystemClock()
    networks = Networks(store().nodes, NetworkStore(clients.dynamodb(), read(UpkeepSettings).inventory_table), clock)
    expired = Reservations(store(), clock, networks).sweep()
    merged = Spreading(store(), clock).merge()
    logger.info("swept", expired=expired, merged=merged)
    return {"expired": expired, "merged": merged}
