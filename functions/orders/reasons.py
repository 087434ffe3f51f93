"""Why an order's units come from where they do, as its timeline keeps it. Money is in minor units of the order's currency."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SourcedParcel(_Part):
    """What one node was chosen to send: its distance, its cost in minor units, and the days it was promised for."""

    node_id: str
    units: int
    km: int | None = None
    cost: int
    ship_on: str
    deliver_on: str


class SourcingAlternative(_Part):
    """Other nodes that could have sent everything, and what they scored."""

    node_ids: tuple[str, ...]
    score: int


class SourcingReasons(_Part):
    """Why these nodes: the rule, how it chose, the score (lower is better), and whether nothing better existed."""

    rule: str
    by: str
    score: int
    proven: bool
    parcels: tuple[SourcedParcel, ...]
    alternatives: tuple[SourcingAlternative, ...] = ()
