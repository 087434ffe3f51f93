"""Pickup in a store: ready until a time, collected with a code, or put back.

The code has forty bits and is kept only as a slow hash, salted with the shipment's id: whoever reads the table or the bus
cannot collect with what they find there.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta
from typing import TYPE_CHECKING

from fulfilment import events as ev
from kernel.clock import parse_rfc3339, rfc3339
from kernel.errors import Conflict, Invalid

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from fulfilment.state import Shipment
    from kernel.contracts import EventData

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""What codes are made of: no I, O, 0 or 1, which people mix up."""
CODE_LENGTH = 8
LONGEST_KEPT = timedelta(days=7)
"""How long a store keeps what is ready, unless it says that it keeps it for less."""
_WORK = 2**12
"""The cost of hashing a code once (scrypt's n): some ten milliseconds."""


def new_code(draw: Callable[[str], str]) -> str:
    """A code, letter by letter as they are drawn."""
    return "".join(draw(LETTERS) for _ in range(CODE_LENGTH))


def hashed(code: str, shipment_id: str) -> str:
    """What is kept of a code."""
    salt = shipment_id.encode()
    return hashlib.scrypt(code.upper().encode(), salt=salt, n=_WORK, r=8, p=1, dklen=16).hex()


def issue_code(shipment: Shipment, code: str) -> list[EventData]:
    """Give the customer a new code. Raises Conflict where there is nothing to collect."""
    if not shipment.pickup or shipment.status in ("picked_up", "expired", "cancelled"):
        raise Conflict("nothing_to_collect", "There is nothing to collect with a code.", current_status=shipment.status)
    common = {"order_id": shipment.order_id, "node_id": shipment.node_id}
    return [ev.PickupCodeIssued(**common, code_hash=hashed(code, shipment.id))]


def ready(shipment: Shipment, occurred_at: str, until: str | None) -> ev.ShipmentReadyForPickup:
    """It lies in the store; kept as long as the store says, and never longer than the policy."""
    latest = rfc3339(parse_rfc3339(occurred_at) + LONGEST_KEPT)
    return ev.ShipmentReadyForPickup(
        order_id=shipment.order_id,
        node_id=shipment.node_id,
        occurred_at=occurred_at,
        collect_by=min(until, latest) if until else latest,
    )


def pick_up(shipment: Shipment, occurred_at: str, code: str | None) -> ev.ShipmentPickedUp:
    """Somebody came with the code. Raises Conflict (not ready, or put back), Invalid (`wrong_code`)."""
    if shipment.status != "ready_for_pickup":
        raise Conflict("not_ready_for_pickup", "It is collected when it is ready.", current_status=shipment.status)
    known = shipment.code_hash or ""
    if not code or not hmac.compare_digest(known, hashed(code, shipment.id)):
        raise Invalid("wrong_code", "This is not the code that the customer was given.")
    return ev.ShipmentPickedUp(order_id=shipment.order_id, node_id=shipment.node_id, occurred_at=occurred_at)


def expire(shipment: Shipment, now: datetime) -> list[EventData]:
    """Put back what nobody collected in time; anything else decides nothing."""
    if shipment.status != "ready_for_pickup" or shipment.collect_by is None or rfc3339(now) < shipment.collect_by:
        return []
    return [ev.ShipmentExpired(order_id=shipment.order_id, node_id=shipment.node_id, collect_by=shipment.collect_by)]
