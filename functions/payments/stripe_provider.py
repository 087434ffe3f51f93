"""The payment provider that speaks Stripe's API, through Stripe's own library, at a configurable address."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import stripe
from stripe import StripeClient

from kernel.errors import Unauthorised
from payments.provider import Awaiting, BooksEntry, Declined, Held, Labels, ProviderRefused, ProviderUnavailable
from payments.reports import Returned

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel.money import Money
    from payments.events import Method

TIMEOUT_S = 5
"""Longer than Stripe's slowest usual answer; past it the saga asks again under the same key."""
CARD_VALIDITY = timedelta(days=7)
"""How long a card's authorisation holds where Stripe does not say: 7 days online for most brands, and for Visa's
merchant-initiated ones 4 days and 18 hours (docs.stripe.com/payments/place-a-hold-on-a-payment-method, "Authorization
validity windows", read in November 2026). Where it says so (`capture_before` of the charge), that counts."""


class StripeProvider:
    """Payment intents with manual capture.

    Capturing one authorisation in several parts is Stripe's multicapture (docs.stripe.com/payments/multicapture), which an
    account has to have; it is asked for where it can be had.
    """

    def __init__(self, *, api_key: str, base_url: str) -> None:
        # The saga retries, with the key that the ledger recorded; the library must not do it as well.
        self._client = StripeClient(
            api_key,
            base_addresses={"api": base_url},
            max_network_retries=0,
            http_client=stripe.HTTPXClient(timeout=TIMEOUT_S, allow_sync_methods=True),
        )

    def authorize(self, amount: Money, *, token: str, method: Method, labels: Labels) -> Held | Awaiting:
        """Hold an amount. Raises Declined, ProviderRefused, ProviderUnavailable."""
        return _standing(
            _asked(
                lambda: self._client.v1.payment_intents.create(
                    {
                        "amount": amount.amount,
                        "currency": amount.currency.lower(),
                        "payment_method": token,
                        "capture_method": "manual",
                        "confirm": True,
                        "metadata": {**_metadata(labels), "method": method},
                        "payment_method_options": {"card": {"request_multicapture": "if_available"}},
                        "expand": ["latest_charge"],
                    },
                    {"idempotency_key": labels.key},
                )
            )
        )

    def look(self, reference: str) -> Held | Awaiting:
        """How an authorisation stands that was not final. Raises Declined, ProviderRefused, ProviderUnavailable."""
        return _standing(_asked(lambda: self._client.v1.payment_intents.retrieve(reference, {"expand": ["latest_charge"]})))

    def entry(self, reference: str) -> BooksEntry | None:
        """What the books say of a payment; None for one that they do not have. Raises ProviderRefused, ProviderUnavailable."""
        try:
            found = _asked(lambda: self._client.v1.payment_intents.retrieve(reference, {"expand": ["latest_charge"]}))
        except ProviderRefused as refused:
            if refused.code == "resource_missing":
                return None
            raise
        return _entry(found)

    def refunds_of(self, reference: str, payment_id: str) -> list[Returned]:
        """Every refund of a payment, whoever made it. Raises ProviderRefused, ProviderUnavailable."""
        found = _asked(lambda: self._client.v1.refunds.list({"payment_intent": reference, "limit": 100}))
        return [refund_report(refund, payment_id) for refund in found["data"]]

    def capture(self, reference: str, amount: Money, *, final: bool, key: str) -> None:
        """Take so much of what is held. Raises ProviderRefused, ProviderUnavailable."""
        _asked(
            lambda: self._client.v1.payment_intents.capture(
                reference, {"amount_to_capture": amount.amount, "final_capture": final}, {"idempotency_key": key}
            )
        )

    def void(self, reference: str, *, key: str) -> None:
        """Let go of what is held. Raises ProviderRefused, ProviderUnavailable."""
        _asked(lambda: self._client.v1.payment_intents.cancel(reference, {}, {"idempotency_key": key}))

    def refund(self, reference: str, amount: Money, *, labels: Labels) -> str | Awaiting:
        """Give back so much of what was taken. Raises ProviderRefused, ProviderUnavailable."""
        made = _asked(
            lambda: self._client.v1.refunds.create(
                {"payment_intent": reference, "amount": amount.amount, "metadata": _metadata(labels)},
                {"idempotency_key": labels.key},
            )
        )
        if made["status"] in ("failed", "canceled"):
            raise ProviderRefused(str(made.get("failure_reason") or "refund_failed"))
        return str(made["id"]) if made["status"] == "succeeded" else Awaiting(str(made["id"]))


def _metadata(labels: Labels) -> dict[str, str]:
    return {"order_id": labels.order_id, "payment_id": labels.payment_id, "key": labels.key}


def _entry(intent: dict[str, Any]) -> BooksEntry:
    metadata = intent.get("metadata") or {}
    ours = "payment_id" in metadata
    labels = Labels(metadata.get("order_id", ""), metadata["payment_id"], metadata.get("key", "")) if ours else None
    charge = intent.get("latest_charge")
    refunded = int(charge.get("amount_refunded") or 0) if isinstance(charge, dict) else 0
    held, captured = int(intent.get("amount_capturable") or 0), int(intent.get("amount_received") or 0)
    return BooksEntry(str(intent["id"]), labels, str(intent["currency"]).upper(), held, captured, refunded)


REFUND_STATES: dict[str, Literal["succeeded", "pending", "failed"]] = {
    "succeeded": "succeeded",
    "pending": "pending",
    "requires_action": "pending",
    "failed": "failed",
    "canceled": "failed",
}
"""What a refund's status says of it (docs.stripe.com/api/refunds/object)."""


def refund_report(refund: dict[str, Any], payment_id: str) -> Returned:
    """A refund of Stripe's as a report."""
    how = REFUND_STATES.get(str(refund["status"]), "pending")
    key = (refund.get("metadata") or {}).get("key")
    code = str(refund.get("failure_reason") or "")
    return Returned(payment_id, str(refund["id"]), int(refund["amount"]), how, key, code)


def _standing(intent: dict[str, Any]) -> Held | Awaiting:
    """What a payment intent says of its authorisation (docs.stripe.com/payments/paymentintents/lifecycle)."""
    match intent["status"]:
        case "requires_capture" | "succeeded":
            return Held(str(intent["id"]), int(intent["amount"]), expiry_of(intent))
        case "processing" | "requires_action" | "requires_confirmation":
            return Awaiting(str(intent["id"]))
        case "canceled":
            raise Declined(str(intent.get("cancellation_reason") or "canceled"))
        case _:
            raise Declined(str((intent.get("last_payment_error") or {}).get("code") or "card_declined"))


def expiry_of(intent: dict[str, Any]) -> datetime | None:
    """Until when a payment intent's money is held; None for a method whose holds do not run out."""
    charge = intent.get("latest_charge")
    details = charge.get("payment_method_details", {}) if isinstance(charge, dict) else {}
    if details and "card" not in details:
        return None
    before = details.get("card", {}).get("capture_before")
    if before:
        return datetime.fromtimestamp(int(before), UTC)
    created = intent.get("created")
    return datetime.fromtimestamp(int(created), UTC) + CARD_VALIDITY if created else None


def _asked(call: Callable[[], stripe.StripeObject]) -> dict[str, Any]:  # Stripe's objects, whose members the caller names
    try:
        return call().to_dict()
    except stripe.CardError as error:
        raise Declined(error.code or "card_declined") from error
    except (stripe.APIConnectionError, stripe.RateLimitError) as error:
        raise ProviderUnavailable(type(error).__name__) from error
    except stripe.StripeError as error:
        _explain(error)


def _explain(error: stripe.StripeError) -> NoReturn:
    # 409 says that the first call with this key is still under way; a 5xx says nothing at all.
    if error.http_status is None or error.http_status == 409 or error.http_status >= 500:
        raise ProviderUnavailable(f"status {error.http_status}") from error
    raise ProviderRefused(error.code or f"status_{error.http_status}") from error


def verified(payload: str, signature: str, secret: str) -> dict[str, Any]:
    """A webhook's content, if the provider signed it. Raises Unauthorised."""
    try:
        stripe.WebhookSignature.verify_header(payload, signature, secret, tolerance=300)
    except stripe.SignatureVerificationError as error:
        raise Unauthorised("invalid_signature", "The payment provider did not sign this.") from error
    found: dict[str, Any] = json.loads(payload)
    return found
