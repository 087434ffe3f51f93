"""The payment provider that speaks Stripe's API, through Stripe's own library, at a configurable address."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

import stripe
from stripe import StripeClient

from kernel.errors import Unauthorised
from payments.provider import Declined, Held, ProviderRefused, ProviderUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel.money import Money

TIMEOUT_S = 5
"""Longer than Stripe's slowest usual answer; past it the saga asks again under the same key."""


class StripeProvider:
    """Payment intents with manual capture."""

    def __init__(self, *, api_key: str, base_url: str) -> None:
        # The saga retries, with the key that the ledger recorded; the library must not do it as well.
        self._client = StripeClient(
            api_key,
            base_addresses={"api": base_url},
            max_network_retries=0,
            http_client=stripe.HTTPXClient(timeout=TIMEOUT_S, allow_sync_methods=True),
        )

    def authorize(self, *, payment_id: str, order_id: str, amount: Money, token: str, key: str) -> Held:
        """Hold an amount. Raises Declined, ProviderRefused, ProviderUnavailable."""
        intent = _asked(
            lambda: self._client.v1.payment_intents.create(
                {
                    "amount": amount.amount,
                    "currency": amount.currency.lower(),
                    "payment_method": token,
                    "capture_method": "manual",
                    "confirm": True,
                    "metadata": {"order_id": order_id, "payment_id": payment_id},
                },
                {"idempotency_key": key},
            )
        )
        return Held(intent.id, intent.amount)

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

    def refund(self, reference: str, amount: Money, *, key: str) -> None:
        """Give back so much of what was taken. Raises ProviderRefused, ProviderUnavailable."""
        _asked(
            lambda: self._client.v1.refunds.create({"payment_intent": reference, "amount": amount.amount}, {"idempotency_key": key})
        )


def _asked(call: Callable[[], Any]) -> Any:  # Stripe's objects, whose attributes the caller names
    try:
        return call()
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
