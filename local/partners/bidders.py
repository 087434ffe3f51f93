"""Thirty-two regional warehouses that bid: an operator's system that takes calls for bids from its queue and answers in bulk.

Each warehouse has a cost curve of its own: what a shipment and a unit cost there when it is idle, dearer by the square of how
busy it is. How busy a warehouse is for an auction is drawn from both their names, so that a run can be repeated. A SKU that
begins with `NOBID-` gets no bids.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zlib import crc32

import boto3
from starlette.responses import JSONResponse
from starlette.routing import Route

from local.partners import config as settings
from local.partners.books import Books, Letter
from local.partners.hub_client import HubClient
from local.partners.server import application, serve

if TYPE_CHECKING:
    import httpx
    from starlette.applications import Starlette
    from starlette.requests import Request

    from local.partners.config import Config

WAREHOUSES = tuple(f"bid-{number:02}" for number in range(1, 33))
CITIES = (
    (40.7, -74.0), (34.1, -118.2), (41.9, -87.6), (29.8, -95.4), (33.4, -112.1), (39.9, -75.2), (32.8, -96.8), (37.3, -121.9),
    (30.3, -97.7), (30.3, -81.7), (40.0, -83.0), (35.2, -80.8), (39.8, -86.2), (37.8, -122.4), (47.6, -122.3), (39.7, -105.0),
    (38.9, -77.0), (36.2, -86.8), (35.5, -97.5), (42.4, -71.1), (31.8, -106.5), (45.5, -122.7), (36.2, -115.1), (42.3, -83.0),
    (35.1, -90.0), (38.3, -85.8), (39.3, -76.6), (43.0, -87.9), (35.1, -106.7), (32.2, -110.9), (36.7, -119.8), (38.6, -121.5),
)  # fmt: skip
"""Where they are: the largest cities of the United States, in degrees."""
LONGEST_POLL_S = 10


def curve(node_id: str) -> tuple[int, int]:
    """What a shipment and a unit cost at an idle warehouse, in minor units."""
    drawn = crc32(node_id.encode())
    return 120 + drawn % 90, 8 + drawn // 90 % 14


def price(node_id: str, auction_id: str, units: int) -> int:
    """What a warehouse asks for an order."""
    shipment, unit = curve(node_id)
    busy = crc32(f"{node_id} {auction_id}".encode()) % 1000 / 1000
    return round((shipment + unit * units) * (0.8 + 0.9 * busy * busy))


def bids(call: dict[str, Any], now: datetime) -> list[dict[str, Any]]:
    """The bids for one auction, by those of our warehouses that are invited."""
    data, auction_id = call["data"], call["subject"]
    if any(line["sku"].startswith("NOBID-") for line in data["lines"]):
        return []
    units = sum(line["quantity"] for line in data["lines"])
    at = (now + timedelta(hours=20)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    ours = [node_id for node_id in data["node_ids"] if node_id in WAREHOUSES]
    return [
        {
            "auction_id": auction_id,
            "node_id": node_id,
            "cost": {"amount": price(node_id, auction_id, units), "currency": data["currency"]},
            "promise_at": at,
        }
        for node_id in ours
    ]


class Operator:
    """Takes calls for bids, and answers all that came together in one call to the hub."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.books = Books(config.state_file)
        self.hub = HubClient(config, self.books, self._answered)
        self._sqs = boto3.client("sqs", endpoint_url=config.aws_endpoint, region_name="us-east-1")
        self._polling: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to take calls. Bids that were not delivered before a stop are worth nothing any more."""
        for letter in self.books.letters():
            self.books.delivered(letter.id)
        self._polling = asyncio.create_task(self._poll())

    async def _poll(self) -> None:
        while True:
            try:
                answer = await asyncio.to_thread(
                    self._sqs.receive_message,
                    QueueUrl=self._config.bidders_queue,
                    MaxNumberOfMessages=10,
                    WaitTimeSeconds=LONGEST_POLL_S,
                )
                messages = answer.get("Messages", [])
                if messages:
                    self._bid([json.loads(message["Body"])["detail"] for message in messages])
                    await asyncio.to_thread(self._done, [message["ReceiptHandle"] for message in messages])
            except Exception as error:  # noqa: BLE001  # the queue may be away while the hub restarts
                self.books.note("queue", "", "take calls for bids", type(error).__name__)
                await asyncio.sleep(1)

    def _done(self, receipts: list[str]) -> None:
        self._sqs.delete_message_batch(
            QueueUrl=self._config.bidders_queue,
            Entries=[{"Id": str(at), "ReceiptHandle": receipt} for at, receipt in enumerate(receipts)],
        )

    def _bid(self, calls: list[dict[str, Any]]) -> None:
        offers = [bid for call in calls for bid in bids(call, datetime.now(UTC))]
        for call in calls:
            count = sum(bid["auction_id"] == call["subject"] for bid in offers)
            self.books.note(call["subject"], call["data"]["order_id"], "call for bids", f"{count} bids", call["correlationid"])
        if offers:
            subject, body = uuid.uuid4().hex, json.dumps({"bids": offers})
            headers = {"idempotency-key": subject, "x-correlation-id": calls[0]["correlationid"]}
            letter_id = self.books.send(subject, "/v1/bids", body, headers)
            self.hub.deliver(Letter(letter_id, subject, "/v1/bids", body, headers))

    async def _answered(self, letter: Letter, answer: httpx.Response) -> None:
        items = answer.json().get("items", []) if answer.is_success else []
        for item in items:
            self.books.note(item["auction_id"], "", "tell the hub: bids", item["code"] or item["outcome"])
        if not items:
            self.books.note(letter.subject, "", "tell the hub: bids", str(answer.status_code))


def build(config: Config) -> Starlette:
    """The operator's application."""
    operator = Operator(config)

    async def warehouses(request: Request) -> JSONResponse:
        return JSONResponse({"items": [{"node_id": node_id, "curve": curve(node_id)} for node_id in WAREHOUSES]})

    return application(operator.books, [Route("/v1/warehouses", warehouses)], operator.start)


if __name__ == "__main__":
    given = settings.from_arguments()
    serve(build(given), given)
