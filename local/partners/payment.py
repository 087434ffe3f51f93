"""The payment provider: the part of Stripe's API that the hub uses, with signed webhooks. The token chooses what happens.

`tok_ok`; `tok_declined`; `tok_timeout_after_success`: the money is held, and the first answer comes after the caller's
patience has ended; `tok_timeout_before`: the first call is lost before anything is done; `tok_error_500_once`;
`tok_duplicate_webhook`: every webhook comes twice; `tok_capture_fails_once`; `tok_refund_fails`: for good;
`tok_void_refused_once`: the first void is refused, another one succeeds; `tok_pending`: the answer is not final;
`tok_expires_once`: the first authorisation is good for no time at all; `gift_500_NAME`: a gift card with 500 minor units on it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
import uuid
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.responses import JSONResponse
from starlette.routing import Route

from local.partners import config as settings
from local.partners.books import Books, Letter
from local.partners.hub_client import HubClient
from local.partners.ledger import Answer, Ledger, Params, failure
from local.partners.server import application, check_key, serve

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx
    from starlette.applications import Starlette
    from starlette.requests import Request

    from local.partners.config import Config

PATIENCE_S = 8.0
"""Longer than the hub waits for an answer."""


class PaymentProvider:
    """Payment intents and refunds."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.books = Books(config.state_file)
        self._ledger = Ledger(self.books)
        self.hub = HubClient(config, self.books, self._answered)
        self._running: set[str] = set()

    def start(self) -> None:
        """Take up what was not told."""
        self.hub.resume()

    async def create(self, request: Request) -> JSONResponse:
        """Hold an amount."""
        params = await _params(request)
        token = str(params.get("payment_method", ""))
        return await self._once(request, "authorise", params, token, lambda: self._ledger.create(params))

    async def capture(self, request: Request) -> JSONResponse:
        """Take so much of what is held."""
        params, intent = await _params(request), self._ledger.intent(request.path_params["id"])
        if intent is None:
            return _json(failure(404, "invalid_request_error", "resource_missing", "No such payment intent."))
        asked = {**params, "intent": intent["id"]}
        return await self._once(
            request, "capture", asked, str(intent["payment_method"]), lambda: self._ledger.capture(intent, params)
        )

    async def cancel(self, request: Request) -> JSONResponse:
        """Let go of what is held."""
        intent = self._ledger.intent(request.path_params["id"])
        if intent is None:
            return _json(failure(404, "invalid_request_error", "resource_missing", "No such payment intent."))
        return await self._once(
            request, "void", {"intent": intent["id"]}, str(intent["payment_method"]), lambda: self._ledger.cancel(intent)
        )

    async def refund(self, request: Request) -> JSONResponse:
        """Give back so much of what was taken."""
        params = await _params(request)
        intent = self._ledger.intent(str(params.get("payment_intent"))) or {}
        return await self._once(request, "refund", params, str(intent.get("payment_method")), lambda: self._ledger.refund(params))

    async def look(self, request: Request) -> JSONResponse:
        """A payment intent."""
        check_key(request, self._config)
        intent = self._ledger.intent(request.path_params["id"])
        return _json(
            Answer(200, intent) if intent else failure(404, "invalid_request_error", "resource_missing", "No such intent.")
        )

    async def refunds(self, request: Request) -> JSONResponse:
        """The refunds of a payment intent."""
        check_key(request, self._config)
        found = self._ledger.refunds(str(request.query_params.get("payment_intent")))
        return JSONResponse({"object": "list", "data": found, "has_more": False})

    async def simulate(self, request: Request) -> JSONResponse:
        """What happens without the hub, for tests and demonstrations; Stripe has no such call.

        `clear` or `fail` what is pending, `dispute` a charge, `win` or `lose` the dispute, or `refund` it in the dashboard.
        """
        intent = self._ledger.intent(request.path_params["id"])
        if intent is None:
            return _json(failure(404, "invalid_request_error", "resource_missing", "No such payment intent."))
        params = await _params(request)
        acts: dict[str, Callable[[], Answer]] = {
            "clear": lambda: self._ledger.conclude(intent, paid=True),
            "fail": lambda: self._ledger.conclude(intent, paid=False),
            "dispute": lambda: self._ledger.dispute(intent, "needs_response"),
            "win": lambda: self._ledger.dispute(intent, "won"),
            "lose": lambda: self._ledger.dispute(intent, "lost"),
            "refund": lambda: self._ledger.refund({"payment_intent": intent["id"], "amount": params["amount"]}),
        }
        act = str(params.get("act"))
        if act not in acts:
            return _json(failure(400, "invalid_request_error", "parameter_unknown", "There is no such act."))
        answer = acts[act]()
        self._note(act, {"intent": intent["id"]}, answer, str(answer.status))
        if answer.status == 200 and "silent" not in params:
            self._tell(answer)
        return _json(answer)

    async def show_books(self, request: Request) -> JSONResponse:
        """What every order's payments come to."""
        order_id = request.query_params.get("order_id")
        found = [
            {
                "order_id": intent["metadata"].get("order_id"),
                "reference": intent["id"],
                "authorised": intent["amount"],
                "captured": intent["amount_received"],
                "refunded": intent["amount_refunded"],
                "voided": intent["status"] == "canceled",
            }
            for intent in self.books.all("intent")
            if order_id in (None, intent["metadata"].get("order_id"))
        ]
        return JSONResponse({"items": found})

    async def _once(self, request: Request, operation: str, params: Params, token: str, do: Callable[[], Answer]) -> JSONResponse:
        """Do what a key asks for once, and give the same answer to the same key ever after."""
        check_key(request, self._config)
        key = request.headers.get("idempotency-key") or uuid.uuid4().hex
        known = self._ledger.once(key, operation, params)
        if known is not None:
            self._note(operation, params, known, f"answered again: {known.status}")
            return _json(known, {"Idempotent-Replayed": "true"})
        if key in self._running:
            return _json(failure(409, "idempotency_error", "idempotency_key_in_use", "The first call is still running."))
        first = self._first_time(token, operation, key)
        if first and token == "tok_timeout_before" and operation == "authorise":  # a name of a behaviour
            self._running.add(key)
            await asyncio.sleep(PATIENCE_S)
            self._running.discard(key)
            return JSONResponse({"error": {"type": "api_error", "message": "too late"}}, 504)
        if first and (token, operation) in (("tok_error_500_once", "authorise"), ("tok_capture_fails_once", "capture")):
            return JSONResponse({"error": {"type": "api_error", "message": "try again"}}, 500)
        answer = do()
        self._ledger.keep(key, operation, params, answer)
        self._note(operation, params, answer, str(answer.status))
        self._tell(answer, twice=token == "tok_duplicate_webhook")  # a name of a behaviour
        if token == "tok_timeout_after_success" and operation == "authorise":  # a name of a behaviour
            await asyncio.sleep(PATIENCE_S)
        return _json(answer)

    def _first_time(self, token: str, operation: str, key: str) -> bool:
        seen = f"{token} {operation} {key}"
        if self.books.get("seen", seen) is not None:
            return False
        self.books.put("seen", seen, {})
        return True

    def _order_id(self, params: Params, answer: Answer) -> str:
        metadata = answer.body.get("metadata") or params.get("metadata") or {}
        if not metadata:
            intent = self._ledger.intent(str(params.get("intent") or params.get("payment_intent")))
            metadata = intent["metadata"] if intent else {}
        return str(metadata.get("order_id", ""))

    def _note(self, operation: str, params: Params, answer: Answer, outcome: str) -> None:
        self.books.note(str(answer.body.get("id", "")), self._order_id(params, answer), operation, outcome)

    def _tell(self, answer: Answer, *, twice: bool = False) -> None:
        if answer.event is None:
            return
        subject = answer.subject or answer.body
        event = {"id": f"evt_{uuid.uuid4().hex}", "object": "event", "type": answer.event, "data": {"object": subject}}
        for _ in range(2 if twice else 1):
            body, at = json.dumps(event), int(time.time())
            signature = hmac.new(self._config.webhook_secret.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
            headers = {"stripe-signature": f"t={at},v1={signature}", "idempotency-key": str(event["id"])}
            path = "/v1/payments/provider-events"
            letter_id = self.books.send(str(subject["id"]), path, body, headers)
            self.hub.deliver(Letter(letter_id, str(subject["id"]), path, body, headers))

    async def _answered(self, letter: Letter, answer: httpx.Response) -> None:
        event = json.loads(letter.body)
        told = event["data"]["object"]
        order_id = (told.get("metadata") or {}).get("order_id") or self._order_id(
            {"intent": told.get("payment_intent")}, Answer(200, {})
        )
        self.books.note(letter.subject, order_id, f"tell the hub: {event['type']}", str(answer.status_code))


def _json(answer: Answer, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(answer.body, answer.status, headers)


async def _params(request: Request) -> Params:
    """Stripe's form encoding, with `metadata[order_id]` as a member of `metadata`."""
    params: Params = {}
    for name, value in parse_qsl((await request.body()).decode()):
        if "[" in name:
            outer, inner = name.rstrip("]").split("[", 1)
            params.setdefault(outer, {})[inner] = value
        else:
            params[name] = value
    return params


def build(config: Config) -> Starlette:
    """The payment provider's application."""
    provider = PaymentProvider(config)
    routes = [
        Route("/v1/payment_intents", provider.create, methods=["POST"]),
        Route("/v1/payment_intents/{id}", provider.look, methods=["GET"]),
        Route("/v1/payment_intents/{id}/capture", provider.capture, methods=["POST"]),
        Route("/v1/payment_intents/{id}/cancel", provider.cancel, methods=["POST"]),
        Route("/v1/refunds", provider.refund, methods=["POST"]),
        Route("/v1/refunds", provider.refunds, methods=["GET"]),
        Route("/simulate/{id}", provider.simulate, methods=["POST"]),
        Route("/books", provider.show_books, methods=["GET"]),
    ]
    return application(provider.books, routes, provider.start)


if __name__ == "__main__":
    given = settings.from_arguments()
    serve(build(given), given)
