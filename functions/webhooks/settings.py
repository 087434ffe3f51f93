"""What the webhook functions have to know."""

from __future__ import annotations

from datetime import timedelta

from edge.settings import FromEnvironment
from webhooks.guard import Guard

PURPOSE = "webhooks"
"""What the key of the signing secrets is for."""


class RegistrySettings(FromEnvironment):
    """Where endpoints and deliveries are, for how many days they are kept, and where webhooks may go."""

    webhooks_table: str
    webhook_retention_days: int = 7
    webhook_schemes: str = "https"
    webhook_networks: str = ""
    """Networks that are allowed although they are not public, separated by commas."""

    @property
    def kept_for(self) -> timedelta:
        """How long deliveries and bodies can be looked at."""
        return timedelta(days=self.webhook_retention_days)

    def guard(self) -> Guard:
        """Who decides where webhooks may go."""
        return Guard(self.webhook_schemes.split(","), [network for network in self.webhook_networks.split(",") if network])


class QueueSettings(FromEnvironment):
    """Where deliveries wait for the sender."""

    deliveries_queue: str


class KeySettings(FromEnvironment):
    """The key of the signing secrets."""

    webhook_key_id: str
