"""The payment provider's own ledger: intents, what is held, taken and given back, and answers by idempotency key."""

from __future__ import annotations

import hashlib
import json
import re
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.partners.books import Books

Params = dict[str, Any]
CARD_VALIDITY_S = 7 * 24 * 3600
_GIFT_CARD = re.compile(r"gift_(\d+)(_\w+)?")
"""A gift card's token: what was on it, in minor units, and a name of its own."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer in Stripe's form; `event` is the webhook that tells of it."""

    status: int
    body: dict[str, Any]
    event: str | None = None
    subject: dict[str, Any] | None = None
    """What the webhook is about, where that is not the answer's own content."""


def failure(status: int, type_: str, code: str, message: str) -> Answer:
    """An error in Stripe's form."""
    return Answer(status, {"error": {"type": type_, "code": code, "message": message}})


class Ledger:
    """Every operation is done at once and as a whole: the simulator is one thread."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def once(self, key: str, operation: str, params: Mapping[str, Any]) -> Answer | None:
        """The answer that was given to this key before; an error where it asked for something else; None for a new key."""
        known = self._books.get("key", key)
        if known is None:
            return None
        if known["asked"] != _digest(operation, params):
            return failure(400, "idempotency_error", "idempotency_key_in_use", "This key came before with other parameters.")
        return Answer(known["status"], known["body"])

    def keep(self, key: str, operation: str, params: Mapping[str, Any], answer: Answer) -> None:
        """Remember the answer to a key."""
        self._books.put("key", key, {"asked": _digest(operation, params), "status": answer.status, "body": answer.body})

    def intent(self, reference: str) -> dict[str, Any] | None:
        """A payment intent."""
        return self._books.get("intent", reference)

    def create(self, params: Params) -> Answer:
        """Hold an amount."""
        token, amount = str(params["payment_method"]), int(params["amount"])
        refusal = self._declines(token, amount)
        if refusal is not None:
            error = {"type": "card_error", "code": refusal, "message": "The payment was declined."}
            metadata = params.get("metadata", {})
            failed = {"id": f"pi_{uuid.uuid4().hex}", "status": "requires_payment_method", "metadata": metadata}
            return Answer(402, {"error": error}, "payment_intent.payment_failed", {**failed, "last_payment_error": error})
        now = int(time.time())
        metadata = params.get("metadata", {})
        pending = token == "tok_pending"  # a name of a behaviour
        intent: dict[str, Any] = {
            "id": f"pi_{uuid.uuid4().hex}",
            "object": "payment_intent",
            "amount": amount,
            "currency": params["currency"],
            "status": "processing" if pending else "requires_capture",
            "amount_capturable": 0 if pending else amount,
            "amount_received": 0,
            "amount_refunded": 0,
            "created": now,
            "metadata": metadata,
            "payment_method": token,
            "latest_charge": {
                "id": f"ch_{uuid.uuid4().hex}",
                "payment_method_details": self._details(token, str(metadata.get("order_id")), now),
            },
        }
        self._books.put("intent", str(intent["id"]), intent)
        return Answer(200, intent, "payment_intent.processing" if pending else "payment_intent.amount_capturable_updated")

    def _declines(self, token: str, amount: int) -> str | None:
        """Why a means of payment is turned down; a gift card bears what is on it, over all orders."""
        if token == "tok_declined":  # a name of a behaviour
            return "card_declined"
        gift = _GIFT_CARD.fullmatch(token)
        if gift is None:
            return None
        used = sum(
            intent["amount_capturable"] + intent["amount_received"] - intent["amount_refunded"]
            for intent in self._books.all("intent")
            if intent["payment_method"] == token
        )
        return "insufficient_funds" if used + amount > int(gift[1]) else None

    def _details(self, token: str, order_id: str, now: int) -> dict[str, Any]:
        if _GIFT_CARD.fullmatch(token):
            return {"type": "gift_card", "gift_card": {}}
        first = token == "tok_expires_once" and not any(  # a name of a behaviour
            intent["payment_method"] == token and intent["metadata"].get("order_id") == order_id
            for intent in self._books.all("intent")
        )
        return {"type": "card", "card": {"capture_before": now if first else now + CARD_VALIDITY_S}}

    def capture(self, intent: dict[str, Any], params: Params) -> Answer:
        """Take so much of what is held."""
        before = intent["latest_charge"]["payment_method_details"].get("card", {}).get("capture_before")
        if before is not None and before <= time.time():
            return failure(400, "invalid_request_error", "charge_expired_for_capture", "The authorisation has expired.")
        amount = int(params.get("amount_to_capture", intent["amount_capturable"]))
        if not 0 < amount <= intent["amount_capturable"]:
            return failure(400, "invalid_request_error", "amount_too_large", "More than is capturable.")
        intent["amount_received"] += amount
        final = str(params.get("final_capture", "true")).lower() == "true"
        intent["amount_capturable"] = 0 if final else intent["amount_capturable"] - amount
        intent["status"] = "requires_capture" if intent["amount_capturable"] else "succeeded"
        self._books.put("intent", intent["id"], intent)
        return Answer(200, intent, "charge.captured", charge_of(intent))

    def cancel(self, intent: dict[str, Any]) -> Answer:
        """Let go of what is held."""
        if intent["payment_method"] == "tok_void_refused_once" and not intent.get("refused_once"):
            self._books.put("intent", intent["id"], {**intent, "refused_once": True})
            return failure(400, "invalid_request_error", "payment_intent_unexpected_state", "Not now.")
        if intent["amount_received"] or intent["status"] == "canceled":
            return failure(400, "invalid_request_error", "payment_intent_unexpected_state", "It cannot be cancelled.")
        intent |= {"status": "canceled", "amount_capturable": 0}
        self._books.put("intent", intent["id"], intent)
        return Answer(200, intent, "payment_intent.canceled")

    def refund(self, params: Params) -> Answer:
        """Give back so much of what was taken."""
        intent = self.intent(str(params["payment_intent"]))
        if intent is None:
            return failure(404, "invalid_request_error", "resource_missing", "No such payment intent.")
        if intent["payment_method"] == "tok_refund_fails":
            return failure(400, "invalid_request_error", "charge_disputed", "This charge cannot be refunded.")
        amount = int(params.get("amount", intent["amount_received"]))
        if not 0 < amount <= intent["amount_received"] - intent["amount_refunded"]:
            return failure(400, "invalid_request_error", "amount_too_large", "More than was captured and not refunded.")
        intent["amount_refunded"] += amount
        intent["latest_charge"]["amount_refunded"] = intent["amount_refunded"]
        self._books.put("intent", intent["id"], intent)
        body = {
            "id": f"re_{uuid.uuid4().hex}",
            "object": "refund",
            "amount": amount,
            "currency": intent["currency"],
            "created": int(time.time()),
            "payment_intent": intent["id"],
            "status": "succeeded",
            "metadata": params.get("metadata", {}),
        }
        self._books.put("refund", str(body["id"]), body)
        return Answer(200, body, "charge.refunded", charge_of(intent))

    def refunds(self, reference: str) -> list[dict[str, Any]]:
        """Every refund of an intent."""
        return [refund for refund in self._books.all("refund") if refund["payment_intent"] == reference]

    def conclude(self, intent: dict[str, Any], *, paid: bool) -> Answer:
        """What was pending ends."""
        if intent["status"] != "processing":
            return failure(400, "invalid_request_error", "payment_intent_unexpected_state", "It is not pending.")
        intent["status"] = "requires_capture" if paid else "requires_payment_method"
        intent["amount_capturable"] = intent["amount"] if paid else 0
        intent["last_payment_error"] = None if paid else {"code": "card_declined"}
        self._books.put("intent", intent["id"], intent)
        return Answer(200, intent, "payment_intent.amount_capturable_updated" if paid else "payment_intent.payment_failed")

    def dispute(self, intent: dict[str, Any], status: str) -> Answer:
        """The customer's bank disputes the charge, or closes the dispute: `needs_response`, `won` or `lost`."""
        known = self._books.get("dispute", intent["id"])
        dispute = known or {
            "id": f"dp_{uuid.uuid4().hex}",
            "object": "dispute",
            "amount": intent["amount_received"] - intent["amount_refunded"],
            "charge": intent["latest_charge"]["id"],
            "payment_intent": intent["id"],
            "reason": "product_not_received",
            "metadata": {},
        }
        dispute["status"] = status
        self._books.put("dispute", intent["id"], dispute)
        return Answer(200, dispute, "charge.dispute.closed" if status in ("won", "lost") else "charge.dispute.created")


def charge_of(intent: dict[str, Any]) -> dict[str, Any]:
    """The charge of an intent, as webhooks tell of it."""
    return {
        "id": intent["latest_charge"]["id"],
        "object": "charge",
        "payment_intent": intent["id"],
        "amount_captured": intent["amount_received"],
        "amount_refunded": intent["amount_refunded"],
        "metadata": intent["metadata"],
    }


def _digest(operation: str, params: Mapping[str, Any]) -> str:
    return hashlib.sha256(f"{operation} {json.dumps(params, sort_keys=True)}".encode()).hexdigest()
