"""The composition root of payments: the service with its provider and the ledgers of this stage."""

from __future__ import annotations

from functools import lru_cache

from edge import clients
from edge.settings import FromEnvironment, read
from edge.wiring import aggregates
from kernel.clock import SystemClock
from payments.ledger import fold
from payments.service import Payments
from payments.stripe_provider import StripeProvider


class ProviderSettings(FromEnvironment):
    """Where the payment provider is and the secret that holds its key."""

    payment_base_url: str
    payment_key_secret: str


@lru_cache(maxsize=1)
def provider() -> StripeProvider:
    """The provider of this stage."""
    settings = read(ProviderSettings)
    return StripeProvider(api_key=clients.secret(settings.payment_key_secret), base_url=settings.payment_base_url)


@lru_cache(maxsize=1)
def payments() -> Payments:
    """The service, wired once."""
    return Payments(aggregates(fold, "payment", "pay"), provider(), SystemClock())
