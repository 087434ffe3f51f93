"""HTTP entry point of promises: a read, with rights to read and nothing else."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from edge import clients
from edge.auth import Rights
from edge.http import HttpFunction, problems
from edge.settings import FromEnvironment, read
from inventory.distance import Point
from inventory.domain import Wanted
from inventory.network_store import Networks, NetworkStore
from inventory.plans import Attributes
from inventory.promises import Option, promise
from inventory.store import InventoryStore
from inventory.supply_store import SupplyStore
from kernel.clock import SystemClock

READ = Rights.of("orders/read", "operations", "logistics", "auditors", "finance")
handler = HttpFunction()
app = handler.app
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$", max_length=64)]
Text = Annotated[str, StringConstraints(max_length=200)]


class PromiseSettings(FromEnvironment):
    """Where stock is kept."""

    inventory_table: str


class Planner:
    """Reads what a promise is made on."""

    def __init__(self, table: str) -> None:
        client, clock = clients.dynamodb(), SystemClock()
        self.stock = InventoryStore(client, table)
        self.supply = SupplyStore(client, table)
        self.networks = Networks(self.stock.nodes, NetworkStore(client, table), clock)


@lru_cache(maxsize=1)
def planner() -> Planner:
    """The planner of this stage."""
    return Planner(read(PromiseSettings).inventory_table)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PromiseLine(_Strict):
    """Units of a SKU."""

    sku: Word
    quantity: int = Field(strict=True, ge=1, le=10**6)


class PromisePlace(_Strict):
    """Degrees, WGS 84."""

    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)


class PromiseShipTo(_Strict):
    """Where it would go. Only country and location are looked at; the rest of an address may come along."""

    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None
    location: PromisePlace | None = None
    name: Text | None = None
    phone: Text | None = None
    line1: Text | None = None
    line2: Text | None = None
    city: Text | None = None
    region: Text | None = None
    postal_code: Text | None = None


class PromiseIn(_Strict):
    """What somebody would order; `channel`, `department` and `tags` as the order would have them."""

    lines: Annotated[list[PromiseLine], Field(min_length=1, max_length=500)]
    ship_to: PromiseShipTo
    channel: Word | None = None
    department: Word | None = None
    tags: Annotated[dict[Word, Text], Field(max_length=20)] = {}


class CostOut(BaseModel):
    """Integer minor units with an ISO 4217 code."""

    amount: int
    currency: str


class PromiseParcelLine(BaseModel):
    """Units of the line at this place in the request."""

    line: int
    sku: str
    quantity: int


class PromiseParcel(BaseModel):
    """What a node would send, when it would leave and arrive, and what that costs."""

    node_id: str
    ship_on: date
    deliver_on: date
    distance_km: int | None
    cost: CostOut
    lines: list[PromiseParcelLine]


class PromiseOption(BaseModel):
    """A way to have everything."""

    service: str
    deliver_on: date
    cost: CostOut
    parcels: list[PromiseParcel]


class PromiseShortage(BaseModel):
    """Units that cannot be promised at all."""

    sku: str
    missing: int


class PromiseAnswer(BaseModel):
    """The promise that sourcing would keep, null where there is none; others, soonest first; and what is short."""

    promise: PromiseOption | None
    alternatives: list[PromiseOption]
    shortages: list[PromiseShortage]


def _option(option: Option, currency: str) -> PromiseOption:
    return PromiseOption(
        service=option.service,
        deliver_on=option.deliver_on,
        cost=CostOut(amount=option.cost, currency=currency),
        parcels=[
            PromiseParcel(
                node_id=parcel.node_id,
                ship_on=parcel.ship_on,
                deliver_on=parcel.deliver_on,
                distance_km=parcel.km,
                cost=CostOut(amount=parcel.cost, currency=currency),
                lines=[
                    PromiseParcelLine(line=int(part.line_id), sku=part.sku, quantity=part.quantity)
                    for part in option.sources
                    if part.node_id == parcel.node_id
                ],
            )
            for parcel in option.parcels
        ],
    )


@app.post(
    "/v1/promises",
    summary="What can be promised from where by when",
    tags=["inventory"],
    responses={200: {"description": "The promise and its alternatives"}, **problems(413, 415, 422)},
)
@handler.needs(READ)
def post_promise(asked: Annotated[PromiseIn, Body()]) -> Response[PromiseAnswer]:
    """Available-to-promise from stock and declared supply. It reserves and creates nothing, so it takes no Idempotency-Key."""
    handler.request()
    at = asked.ship_to.location
    order = Attributes(
        asked.channel or "",
        asked.department or "",
        asked.tags,
        asked.ship_to.country or "",
        Point(at.lat, at.lon) if at else None,
    )
    wanted = [Wanted(str(place), line.sku, line.quantity) for place, line in enumerate(asked.lines)]
    skus = [line.sku for line in wanted]
    network, plans = planner().networks.now(), planner()
    available = plans.stock.available(skus, network.now, order.channel)
    found = promise(wanted, order, network, available, plans.supply.inbound(skus))
    currency = network.policy.currency
    answer = PromiseAnswer(
        promise=_option(found.best, currency) if found.best else None,
        alternatives=[_option(option, currency) for option in found.alternatives],
        shortages=[PromiseShortage(sku=short.sku, missing=short.missing) for short in found.shortages],
    )
    return Response(200, "application/json", answer)
