"""What is kept: tables, keys, secrets, and the bus that tells of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_dynamodb as ddb
from aws_cdk import aws_events as events
from aws_cdk import aws_kms as kms

from stacks.concern import Concern, tell
from stacks.constructs.consumer import parking, waiting
from stacks.constructs.documents import documents
from stacks.constructs.inbox import Inbox
from stacks.constructs.secret import HubSecret
from stacks.constructs.table import table
from stacks.functions.spec import IMPORTER_TIMEOUT_S, SENDER_TIMEOUT_S

if TYPE_CHECKING:
    from constructs import Construct

    from stacks.stage import Stage

ORDER_INDEXES = ("by_placed", "by_customer", "by_external", "by_channel", "by_state", "by_channel_state", "by_due")
"""What lists of orders and the watch look into: keys only, so that an order's many changes write few of them."""
VIEW_INDEXES = ("by_status",)
"""What lists of rarer things look into: whole items."""


class DataStack(Concern):
    """The facts and what protects them."""

    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(scope, "Data", stage)
        self.orders = table(self, "orders", stage, sort=ddb.AttributeType.NUMBER, stream=ddb.StreamViewType.NEW_IMAGE)
        self.inventory = table(
            self,
            "inventory",
            stage,
            sort=ddb.AttributeType.STRING,
            indexes=["by_expiry"],
            stream=ddb.StreamViewType.NEW_AND_OLD_IMAGES,
        )
        self.claims = table(self, "claims", stage, ttl=True)
        self.told = table(self, "told", stage, ttl=True)
        self.vault = table(self, "vault", stage, sort=ddb.AttributeType.STRING)
        self.views = table(self, "views", stage, sort=ddb.AttributeType.STRING, indexes=VIEW_INDEXES, key_indexes=ORDER_INDEXES)
        self.insights = table(self, "insights", stage, sort=ddb.AttributeType.STRING, ttl=True)
        self.webhooks = table(self, "webhooks", stage, sort=ddb.AttributeType.STRING, indexes=["by_due"], ttl=True)
        self.live = table(self, "live", stage, sort=ddb.AttributeType.STRING, indexes=["by_until"], ttl=True)
        self.documents = documents(self, stage)
        self.imports = table(self, "imports", stage, sort=ddb.AttributeType.STRING, ttl=True)
        self.import_files = Inbox(self, "imports", stage=stage, timeout_s=IMPORTER_TIMEOUT_S)
        self.bus = events.EventBus(self, "Bus", event_bus_name=f"orderhub-{stage.name}")
        self.contact_key = self._key(stage, "Contact", "Personal data for those who talk to customers")
        self.last4_key = self._key(stage, "Last4", "The last four digits of a phone, for those who hand parcels over")
        self.bid_key = self._key(stage, "Bid", "Bids that nobody reads before their auction closes")
        self.webhook_key = self._key(stage, "Webhook", "What webhooks are signed with")
        self.deliveries_dead = parking(self, "DeliveriesDead", stage, "webhook-deliveries")
        self.deliveries = waiting(self, "Deliveries", stage, "webhook-deliveries", self.deliveries_dead, SENDER_TIMEOUT_S)
        self.payment_key = HubSecret(self, "PaymentKey", stage, "The payment provider's API key")
        self.payment_webhook = HubSecret(self, "PaymentWebhook", stage, "What the payment provider signs its webhooks with")
        self.warehouse_key = HubSecret(self, "WarehouseKey", stage, "The warehouse's API key")
        self.cursor_key = HubSecret(self, "CursorKey", stage, "What list cursors are signed with")
        for name, value in {
            "OrdersTable": self.orders.table_name,
            "ViewsTable": self.views.table_name,
            "InventoryTable": self.inventory.table_name,
            "WebhooksTable": self.webhooks.table_name,
            "EventBus": self.bus.event_bus_name,
            "DocumentsBucket": self.documents.bucket_name,
            "ProviderKeySecret": self.payment_key.arn,
            "ProviderWebhookSecret": self.payment_webhook.arn,
            "WarehouseKeySecret": self.warehouse_key.arn,
        }.items():
            tell(self, name, value)

    def _key(self, stage: Stage, name: str, description: str) -> kms.Key:
        return kms.Key(
            self,
            f"{name}Key",
            alias=f"orderhub-{stage.name}-{name.lower()}",
            description=description,
            enable_key_rotation=True,
            removal_policy=stage.removal,
        )
