"""The carrier: takes parcels, and tells the hub when they arrive. A SKU that begins with `LOST-` never does."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse
from starlette.routing import Route

from local.partners import config as settings
from local.partners.books import Books, Letter
from local.partners.hub_client import HubClient
from local.partners.server import application, check_key, serve

if TYPE_CHECKING:
    import httpx
    from starlette.applications import Starlette
    from starlette.requests import Request

    from local.partners.config import Config

TRANSIT_S = 0.6
"""Simulated time from dispatch to delivery, in seconds at speed 1."""


class Carrier:
    """Parcels by their tracking number."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.books = Books(config.state_file)
        self.hub = HubClient(config, self.books, self._answered)
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Take up what was under way."""
        self.hub.resume()
        for parcel in self.books.all("parcel"):
            if parcel["state"] == "in_transit":
                self._move(parcel)

    async def take(self, request: Request) -> JSONResponse:
        """Take a parcel; the same again changes nothing."""
        check_key(request, self._config)
        tracking = request.path_params["tracking"]
        body = await request.json()
        parcel = self.books.get("parcel", tracking)
        if parcel is None:
            parcel = {"tracking": tracking, "state": "in_transit", **body}
            self.books.put("parcel", tracking, parcel)
            self.books.note(tracking, body["order_id"], "take parcel", "in transit", request.headers.get("x-correlation-id"))
            self._move(parcel)
        return JSONResponse(parcel)

    async def track(self, request: Request) -> JSONResponse:
        """Where a parcel is."""
        parcel = self.books.get("parcel", request.path_params["tracking"])
        return JSONResponse(parcel) if parcel else JSONResponse({"error": "no such parcel"}, 404)

    def _move(self, parcel: dict[str, Any]) -> None:
        task = asyncio.create_task(self._deliver(parcel))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, parcel: dict[str, Any]) -> None:
        if parcel.get("lost"):
            return
        await asyncio.sleep(TRANSIT_S / self._config.speed)
        parcel["state"] = "delivered"
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        body = json.dumps({"type": "delivered", "occurred_at": at, "tracking": parcel["tracking"]})
        headers = {"idempotency-key": f"{parcel['tracking']}-delivered", "x-correlation-id": parcel["correlation_id"]}
        path = f"/v1/shipments/{parcel['shipment_id']}/events"
        with self.books.together():
            letter_id = self.books.send(parcel["shipment_id"], path, body, headers)
            self.books.put("parcel", parcel["tracking"], parcel)
            self.books.note(parcel["tracking"], parcel["order_id"], "deliver parcel", "delivered", parcel["correlation_id"])
        self.hub.deliver(Letter(letter_id, parcel["shipment_id"], path, body, headers))

    async def _answered(self, letter: Letter, answer: httpx.Response) -> None:
        order_id = answer.json().get("order_id", "") if answer.is_success else ""
        self.books.note(
            letter.subject, order_id, "tell the hub: delivered", str(answer.status_code), letter.headers["x-correlation-id"]
        )


def build(config: Config) -> Starlette:
    """The carrier's application."""
    carrier = Carrier(config)
    routes = [
        Route("/v1/parcels/{tracking}", carrier.take, methods=["PUT"]),
        Route("/v1/parcels/{tracking}", carrier.track, methods=["GET"]),
    ]
    return application(carrier.books, routes, carrier.start)


if __name__ == "__main__":
    given = settings.from_arguments()
    serve(build(given), given)
