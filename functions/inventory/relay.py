"""Tells every version of every counter, and every reservation that ran out, from the inventory table's stream, in order."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from edge import clients
from edge.bus import Bus
from edge.logs import logger
from edge.settings import FromEnvironment, read
from inventory.events import BY_TYPE, HeldUnits, ReservationExpired
from inventory.upkeep import say_levels, sweep
from kernel.clock import parse_rfc3339
from kernel.events import Actor, Cause, Event
from kernel.ids import derived_id

if TYPE_CHECKING:
    from collections.abc import Mapping


class InventoryRelaySettings(FromEnvironment):
    """Where events go."""

    event_bus: str


@lru_cache(maxsize=1)
def bus() -> Bus:
    """The bus of this stage."""
    return Bus(clients.events(), read(InventoryRelaySettings).event_bus, "relay")


def event_of(image: Mapping[str, Any]) -> Event | None:
    """The event that a counter's new version is; None for items that are no counters. Raises LookupError, ValueError."""
    if not image["pk"]["S"].startswith("SKU#") or "last" not in image:
        return None
    last, node_id = image["last"]["M"], image["sk"]["S"].removeprefix("NODE#")
    _, sku, *bucket = image["pk"]["S"].split("#")
    version = int(image["version"]["N"])
    subject = "#".join([f"{sku}@{node_id}", *bucket])
    data = BY_TYPE[last["type"]["S"]](
        sku=sku,
        node_id=node_id,
        quantity=int(last["quantity"]["N"]),
        reference=last["reference"]["S"],
        order_id=last["order_id"]["S"] if "order_id" in last else None,
        bucket=int(bucket[0]) if bucket else 0,
        channel=last["channel"]["S"] if "channel" in last else None,
        **{name: int(image[name]["N"]) for name in ("on_hand", "allocated", "reserved", "available")},
    )
    cause = Cause(Actor("machine", "inventory"), last["correlation"]["S"])
    return Event(derived_id("evt", subject, str(version)), subject, version, parse_rfc3339(last["at"]["S"]), data, cause)


def expiry_of(image: Mapping[str, Any]) -> Event | None:
    """The event that a reservation's running out is; None for anything else. Raises LookupError, ValueError."""
    if not image["pk"]["S"].startswith("ORD#") or image["state"]["S"] != "expired":
        return None
    order_id, times = image["pk"]["S"].removeprefix("ORD#"), int(image["expiries"]["N"])
    subject = derived_id("res", order_id)
    held = tuple(
        HeldUnits(sku=part["M"]["s"]["S"], node_id=part["M"]["n"]["S"], quantity=int(part["M"]["q"]["N"]))
        for part in image["sources"]["L"]
    )
    data = ReservationExpired(order_id=order_id, attempt=int(image["attempt"]["N"]), expires_at=image["expires_at"]["S"], held=held)
    cause = Cause(Actor("machine", "inventory"), order_id)
    return Event(derived_id("evt", subject, str(times)), subject, times, parse_rfc3339(image["turned_at"]["S"]), data, cause)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Tell a batch of the stream, and say where stock crossed a threshold; once a minute the schedule has it sweep instead.

    The answer names the record from which Lambda has to try again.
    """
    if "Records" not in event:
        return sweep()
    numbers: dict[str, str] = {}
    found: list[Event] = []
    unreadable: str | None = None
    for record in event["Records"]:
        number, image = record["dynamodb"]["SequenceNumber"], record["dynamodb"].get("NewImage")
        if image is None:
            continue
        try:
            told = event_of(image) or expiry_of(image)
        except (LookupError, ValueError) as error:
            logger.error("unreadable item", number=number, reason=type(error).__name__)
            unreadable = number
            break
        if told is not None:
            numbers[told.id] = number
            found.append(told)
    try:
        refused = bus().publish(found)
    except (BotoCoreError, ClientError) as error:
        logger.warning("bus out of reach", reason=type(error).__name__)
        refused = found
    logger.info("relayed", told=len(found) - len(refused), refused=len(refused))
    unsaid = say_levels(event["Records"])
    failed = min([*(numbers[event.id] for event in refused), *unsaid], key=int, default=unreadable)
    return {"batchItemFailures": [{"itemIdentifier": failed}] if failed else []}
