"""The warehouse: robots pick, packers pack, parcels leave. What it does depends on the SKUs of a shipment.

`SHORT-…`: one unit fewer is found than asked for. `SLOWPICK-…`: picking takes fifty times as long. `LOST-…`: the carrier
never delivers. Anything else goes well.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
from starlette.responses import JSONResponse
from starlette.routing import Route

from local.partners import config as settings
from local.partners.books import Books, Letter
from local.partners.hub_client import HubClient
from local.partners.server import application, check_key, serve

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from starlette.applications import Starlette
    from starlette.requests import Request

    from local.partners.config import Config

PICK_S, PACK_S, LEAVE_S = 0.3, 0.2, 0.2
"""Simulated time of each step, in seconds at speed 1."""
SLOW = 50
WORKING = ("accepted", "resumed", "picked", "packed")


class Warehouse:
    """Fulfilment orders by the shipment's id."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.books = Books(config.state_file)
        self.hub = HubClient(config, self.books, self._answered)
        self._carrier = httpx.AsyncClient(
            base_url=config.carrier_url, timeout=10, headers={"authorization": f"Bearer {config.api_key}"}
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._orders: dict[str, dict[str, Any]] = {}

    def start(self) -> None:
        """Take up what was under way."""
        undelivered = {letter.subject for letter in self.books.letters()}
        for order in self.books.all("order"):
            self._orders[order["id"]] = order
            if order["state"] == "dispatched" and order["id"] not in undelivered:
                self._spawn(self._hand_over(order))
            elif order["state"] in WORKING:
                self._spawn(self._carry_on(order))
        self.hub.resume()

    async def release(self, request: Request) -> JSONResponse:
        """Take a fulfilment order; the same again changes nothing, another under the same id is refused."""
        check_key(request, self._config)
        id_, body = request.path_params["id"], await request.json()
        order = self._orders.get(id_)
        if order is None:
            correlation_id = request.headers.get("x-correlation-id", "")
            order = {"id": id_, "state": "accepted", "asked": body, "lines": body["lines"], "correlation_id": correlation_id}
            self._orders[id_] = order
            self._save(order, "release", "accepted")
            self._spawn(self._carry_on(order))
        elif order["asked"] != body:
            return JSONResponse({"error": "another order has this id"}, 409)
        return JSONResponse({"state": order["state"]})

    async def recall(self, request: Request) -> JSONResponse:
        """Stop a fulfilment order, unless it has left."""
        check_key(request, self._config)
        order = self._orders.get(request.path_params["id"])
        if order is None:
            return JSONResponse({"error": "no such order"}, 404)
        if order["state"] in ("dispatched", "handed_over"):
            self._save(order, "recall", "too late")
            return JSONResponse({"state": "dispatched"}, 409)
        order["state"] = "recalled"
        self._save(order, "recall", "recalled")
        return JSONResponse({"state": "recalled"})

    async def resume(self, request: Request) -> JSONResponse:
        """Go on after a short pick with the lines that are given."""
        check_key(request, self._config)
        body = await request.json()
        order = self._orders.get(request.path_params["id"])
        if order is None:
            return JSONResponse({"error": "no such order"}, 404)
        if order["state"] == "short_picked":
            wanted = {line["line_id"]: line["quantity"] for line in body["lines"]}
            order["lines"] = [
                {**line, "quantity": wanted[line["line_id"]]} for line in order["lines"] if wanted.get(line["line_id"])
            ]
            order["state"] = "resumed" if order["lines"] else "cancelled"
            self._save(order, "resume", order["state"])
            self._spawn(self._carry_on(order))
        elif order["state"] == "recalled":
            return JSONResponse({"state": "recalled"}, 409)
        return JSONResponse({"state": order["state"]})

    async def hold(self, request: Request) -> JSONResponse:
        """Keep a fulfilment order at the gate; picking and packing go on."""
        return self._at_the_gate(request, held=True)

    async def let_go(self, request: Request) -> JSONResponse:
        """Let a fulfilment order leave again."""
        return self._at_the_gate(request, held=False)

    def _at_the_gate(self, request: Request, *, held: bool) -> JSONResponse:
        check_key(request, self._config)
        order = self._orders.get(request.path_params["id"])
        if order is None:
            return JSONResponse({"error": "no such order"}, 404)
        operation = "hold" if held else "let go"
        if order["state"] in ("dispatched", "handed_over", "recalled"):
            self._save(order, operation, order["state"])
            return JSONResponse({"state": order["state"]}, 409)
        order["held"] = held
        self._save(order, operation, "done")
        if not held and order["state"] in WORKING:
            self._spawn(self._carry_on(order))
        return JSONResponse({"state": order["state"]})

    async def look(self, request: Request) -> JSONResponse:
        """A fulfilment order."""
        order = self._orders.get(request.path_params["id"])
        return JSONResponse(order) if order else JSONResponse({"error": "no such order"}, 404)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry_on(self, order: dict[str, Any]) -> None:
        """Do the steps that are left, each only while nobody has recalled the order."""
        slow = SLOW if any(line["sku"].startswith("SLOWPICK-") for line in order["lines"]) else 1
        steps = {
            "accepted": ("picked", PICK_S * slow),
            "resumed": ("picked", PICK_S),
            "picked": ("packed", PACK_S),
            "packed": ("dispatched", LEAVE_S),
        }
        if order["asked"].get("pickup"):
            steps["packed"] = ("ready_for_pickup", LEAVE_S)  # A store keeps it for the customer.
        while order["state"] in steps:
            before = order["state"]
            following, seconds = steps[before]
            await asyncio.sleep(seconds / self._config.speed)
            if order["state"] != before or (following == "dispatched" and order.get("held")):
                return
            if before == "accepted" and any(line["sku"].startswith("SHORT-") for line in order["lines"]):
                self._tell(order, "short_picked", lines=[_found(line) for line in order["lines"]])
                return
            self._tell(order, following)

    def _tell(self, order: dict[str, Any], state: str, **more: object) -> None:
        order["state"] = state
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        fact: dict[str, object] = {"type": state, "occurred_at": at, **more}
        if state == "dispatched":
            fact["tracking"] = _tracking(order)
        body, path = json.dumps(fact), f"/v1/shipments/{order['id']}/events"
        headers = {"idempotency-key": f"{order['id']}-{state}", "x-correlation-id": order["correlation_id"]}
        with self.books.together():
            letter_id = self.books.send(order["id"], path, body, headers)
            self._save(order, state.replace("_", " "), "done")
        self.hub.deliver(Letter(letter_id, order["id"], path, body, headers))

    def _save(self, order: dict[str, Any], operation: str, outcome: str) -> None:
        self.books.put("order", order["id"], order)
        self.books.note(order["id"], order["asked"]["order_id"], operation, outcome, order["correlation_id"])

    async def _answered(self, letter: Letter, answer: httpx.Response) -> None:
        order = self._orders[letter.subject]
        state = json.loads(letter.body)["type"]
        self._save(order, f"tell the hub: {state}", str(answer.status_code))
        if state != "dispatched":
            return
        if answer.is_success:
            await self._hand_over(order)
        elif answer.json().get("code") == "on_hold":
            order["state"] = "packed"
            self._save(order, "stop at the gate", "on hold")
            self._spawn(self._carry_on(order))
        else:
            order["state"] = "recalled"
            self._save(order, "stop at the gate", "recalled")

    async def _hand_over(self, order: dict[str, Any]) -> None:
        lost = any(line["sku"].startswith("LOST-") for line in order["lines"])
        parcel = {
            "shipment_id": order["id"],
            "order_id": order["asked"]["order_id"],
            "lost": lost,
            "correlation_id": order["correlation_id"],
        }
        while True:
            try:
                (await self._carrier.put(f"/v1/parcels/{_tracking(order)}", json=parcel)).raise_for_status()
                break
            except httpx.HTTPError:
                await asyncio.sleep(1)
        order["state"] = "handed_over"
        self._save(order, "hand over to the carrier", "done")


def _found(line: dict[str, Any]) -> dict[str, Any]:
    fewer = 1 if line["sku"].startswith("SHORT-") else 0
    return {"line_id": line["line_id"], "quantity": line["quantity"] - fewer}


def _tracking(order: dict[str, Any]) -> str:
    return "TRK" + str(order["id"]).removeprefix("shp_")[:16].upper()


def build(config: Config) -> Starlette:
    """The warehouse's application."""
    warehouse = Warehouse(config)
    routes = [
        Route("/v1/fulfilment-orders/{id}", warehouse.release, methods=["PUT"]),
        Route("/v1/fulfilment-orders/{id}", warehouse.look, methods=["GET"]),
        Route("/v1/fulfilment-orders/{id}/recall", warehouse.recall, methods=["POST"]),
        Route("/v1/fulfilment-orders/{id}/resume", warehouse.resume, methods=["POST"]),
        Route("/v1/fulfilment-orders/{id}/hold", warehouse.hold, methods=["POST"]),
        Route("/v1/fulfilment-orders/{id}/let-go", warehouse.let_go, methods=["POST"]),
    ]
    return application(warehouse.books, routes, warehouse.start)


if __name__ == "__main__":
    given = settings.from_arguments()
    serve(build(given), given)
