"""The network as data: how nodes ship, what carriers take and need, and the ranked rules by which orders find a node.

One document a stage, replaced as a whole; the defaults below serve a stage that never wrote one. Costs are minor units of
the document's currency.
"""

from __future__ import annotations

from datetime import date, time
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from inventory.working_days import ShippingHours, WorkingDays, is_country
from kernel.currency import ISO_4217

Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$", max_length=64)]
Label = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Points = Annotated[int, Field(strict=True, ge=0, le=10**9)]
Cost = Annotated[int, Field(strict=True, ge=0, le=10**9)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Days(_Strict):
    """Working days: weekdays (Monday is 0), less the public holidays of a country (or `US-NJ`) and closures."""

    weekdays: Annotated[tuple[Annotated[int, Field(ge=0, le=6)], ...], Field(min_length=1, max_length=7)] = (0, 1, 2, 3, 4, 5, 6)
    holidays_of: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")] | None = None
    closed: Annotated[tuple[date, ...], Field(max_length=100)] = ()

    @field_validator("holidays_of")
    @classmethod
    def _known(cls, place: str | None) -> str | None:
        if place is not None and not is_country(place):
            raise ValueError("no public holidays are known for this country")
        return place

    def working_days(self) -> WorkingDays:
        """The days as a value that counts."""
        return WorkingDays(frozenset(self.weekdays), self.holidays_of, frozenset(self.closed))


class NodeTerms(_Strict):
    """How a node works: when it ships, what a shipment and a unit cost there, and how many shipments it takes a day."""

    timezone: str = "UTC"
    cut_off: time = time(23, 59, 59)
    days: Days = Days()
    per_shipment: Cost = 200
    per_unit: Cost = 20
    shipments_a_day: Annotated[int, Field(strict=True, ge=1, le=10**7)] | None = None
    """None: as many as come, and nobody counts them."""

    @field_validator("timezone")
    @classmethod
    def _zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (LookupError, ValueError, OSError):
            raise ValueError("not a time zone of the IANA database") from None
        return name

    def hours(self) -> ShippingHours:
        """When it ships, as a value that counts."""
        return ShippingHours(self.days.working_days(), self.timezone, self.cut_off)


class Zone(_Strict):
    """What a carrier takes and needs up to a distance; the last zone of a service has no end."""

    up_to_km: Annotated[int, Field(strict=True, ge=1, le=40_000)] | None = None
    transit_days: Annotated[int, Field(strict=True, ge=0, le=60)]
    per_shipment: Cost
    per_unit: Cost = 0


class Service(_Strict):
    """A carrier's service: zones by distance, nearest first, and the days on which it drives."""

    name: Word
    zones: Annotated[tuple[Zone, ...], Field(min_length=1, max_length=20)]
    days: Days = Days()

    @model_validator(mode="after")
    def _zones_grow(self) -> Self:
        ends = [zone.up_to_km for zone in self.zones]
        if ends[-1] is not None or None in ends[:-1] or ends[:-1] != sorted({end for end in ends[:-1] if end is not None}):
            raise ValueError("zones go outward, and the last one has no up_to_km")
        return self

    def zone(self, km: int | None) -> Zone:
        """The zone of a distance; the last one where nobody knows how far it is."""
        if km is not None:
            for zone in self.zones[:-1]:
                if km <= (zone.up_to_km or 0):
                    return zone
        return self.zones[-1]


class Weights(_Strict):
    """Points of the score, which is better when lower: for a shipment, a unit of cost rank, of cost, a km, a day."""

    shipment: Points = 100_000
    rank: Points = 100
    cost: Points = 1
    km: Points = 1
    day: Points = 50
    late_day: Points = 20_000
    """For each day that a shipment arrives after the order's promise."""
    load: Points = 500
    """For a node whose day is full; a share of it for one that is partly full."""


class When(_Strict):
    """The orders that a rule is for: every field that is given has to match; `tags` have to be among the order's."""

    channels: tuple[Word, ...] | None = None
    departments: tuple[Word, ...] | None = None
    countries: tuple[str, ...] | None = None
    tags: dict[Word, Label] = Field(default_factory=dict)


class Rule(_Strict):
    """A way to find nodes. The first rule that matches and finds any decides; a `final` one lets no other try."""

    name: Word
    when: When = When()
    by: Literal["score", "auction"] = "score"
    kinds: tuple[Literal["warehouse", "store"], ...] = ("warehouse", "store")
    within_km: Annotated[int, Field(strict=True, ge=1, le=40_000)] | None = None
    max_shipments: Annotated[int, Field(strict=True, ge=1, le=50)] = 10
    """1 forbids splitting."""
    weights: Weights = Weights()
    final: bool = False
    reserve_percent: Annotated[int, Field(strict=True, ge=1, le=1000)] = 100
    """An auction's reserve price, in percent of what the rules alone would pay."""


STANDARD = Service(
    name="standard",
    zones=(
        Zone(up_to_km=300, transit_days=1, per_shipment=450, per_unit=20),
        Zone(up_to_km=1200, transit_days=2, per_shipment=600, per_unit=30),
        Zone(transit_days=4, per_shipment=800, per_unit=40),
    ),
)
EXPRESS = Service(
    name="express",
    zones=(
        Zone(up_to_km=1200, transit_days=1, per_shipment=1500, per_unit=80),
        Zone(transit_days=2, per_shipment=2200, per_unit=120),
    ),
)
ABROAD = Service(name="abroad", zones=(Zone(transit_days=7, per_shipment=2500, per_unit=150),))


class Policy(_Strict):
    """The whole document."""

    currency: str = "USD"
    rules: Annotated[tuple[Rule, ...], Field(min_length=1, max_length=50)] = (
        Rule(name="auction", when=When(tags={"sourcing": "auction"}), by="auction"),
        Rule(name="undivided", when=When(tags={"split": "never"}), max_shipments=1, final=True),
        Rule(name="best-score"),
    )
    services: Annotated[tuple[Service, ...], Field(min_length=1, max_length=10)] = (STANDARD, EXPRESS)
    """The first is what sourcing reckons with; a promise offers the others as alternatives."""
    home: Annotated[tuple[Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")], ...], Field(max_length=50)] = ()
    """Countries that the services serve; none: all of them."""
    abroad: Service = ABROAD
    """The service for every other country."""
    terms: NodeTerms = NodeTerms()
    """How a node works that `nodes` does not name."""
    nodes: Annotated[dict[Word, NodeTerms], Field(max_length=1000)] = Field(default_factory=dict)

    @field_validator("currency")
    @classmethod
    def _code(cls, code: str) -> str:
        if code not in ISO_4217:
            raise ValueError("not an ISO 4217 code")
        return code

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        for names in ([rule.name for rule in self.rules], [service.name for service in self.services]):
            if len(set(names)) < len(names):
                raise ValueError("two rules or two services have one name")
        return self

    def carrier(self, country: str) -> Service:
        """What sourcing reckons with for a country, which may be unknown."""
        return self.abroad if country and self.home and country not in self.home else self.services[0]

    def terms_of(self, node_id: str) -> NodeTerms:
        """How a node works."""
        return self.nodes.get(node_id, self.terms)

    @property
    def counts_load(self) -> bool:
        """Whether any node takes only so many shipments a day."""
        return self.terms.shipments_a_day is not None or any(terms.shipments_a_day for terms in self.nodes.values())
