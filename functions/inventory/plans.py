"""What sourcing is asked and what it answers, as values."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from inventory.distance import Point
    from inventory.domain import Node, Source
    from inventory.network import Policy


@dataclass(frozen=True, slots=True)
class Attributes:
    """What rules may ask of an order, beside its lines; its destination is as coarse as the order knows it."""

    channel: str = ""
    department: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    country: str = ""
    at: Point | None = None
    deliver_by: date | None = None
    """The promise that it was sold with."""
    awarded: tuple[str, ...] = ()
    """The nodes whose bids were good, best first."""
    auctioned: bool = False
    """Whether its auction is over; rules that hold auctions then hold no other."""


@dataclass(frozen=True, slots=True)
class Network:
    """What a choice is made on: nodes, rules, the time, and how many shipments each node has taken today."""

    nodes: Sequence[Node]
    policy: Policy
    now: datetime
    load: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parcel:
    """What one node sends: units, distance, cost, and when it leaves and arrives."""

    node_id: str
    units: int
    km: int | None
    cost: int
    ship_on: date
    deliver_on: date


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why these nodes: the rule, the score (lower is better), whether that is proven, and what other nodes scored."""

    rule: str
    by: Literal["score", "auction", "named"]
    score: int
    proven: bool
    parcels: tuple[Parcel, ...]
    alternatives: tuple[tuple[tuple[str, ...], int], ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Where every unit comes from, and why."""

    sources: tuple[Source, ...]
    reasons: Reasons


@dataclass(frozen=True, slots=True)
class Auction:
    """Nodes that may bid, each with what the carrier takes from there; and the most that a winner may cost, carriage included."""

    rule: str
    carriage: Mapping[str, int]
    reserve: int
    currency: str
    deliver_by: date


def told(reasons: Reasons) -> str:
    """Reasons as compact JSON, in the form in which the order's timeline shows them."""
    parcels = [
        {
            "node_id": parcel.node_id,
            "units": parcel.units,
            "km": parcel.km,
            "cost": parcel.cost,
            "ship_on": parcel.ship_on.isoformat(),
            "deliver_on": parcel.deliver_on.isoformat(),
        }
        for parcel in reasons.parcels
    ]
    body = {
        "rule": reasons.rule,
        "by": reasons.by,
        "score": reasons.score,
        "proven": reasons.proven,
        "parcels": parcels,
        "alternatives": [{"node_ids": node_ids, "score": score} for node_ids, score in reasons.alternatives],
    }
    return json.dumps(body, separators=(",", ":"))
