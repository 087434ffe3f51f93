"""Which function answers which path: the one table that the API is made of."""

from typing import Final

ROUTES: Final[tuple[tuple[str, str, str], ...]] = (
    ("POST", "/v1/orders", "orders-api"),
    ("POST", "/v1/orders/{order_id}/cancel", "orders-api"),
    ("POST", "/v1/orders/{order_id}/holds", "orders-api"),
    ("POST", "/v1/orders/{order_id}/holds/{hold_id}/release", "orders-api"),
    ("POST", "/v1/orders/{order_id}/holds/{hold_id}/reject", "orders-api"),
    ("GET", "/v1/orders", "orders-query"),
    ("GET", "/v1/orders/{order_id}", "orders-query"),
    ("GET", "/v1/orders/{order_id}/timeline", "orders-query"),
    ("GET", "/v1/orders/{order_id}/audit", "orders-query"),
    ("PUT", "/v1/nodes/{node_id}", "inventory-api"),
    ("GET", "/v1/nodes/{node_id}", "inventory-api"),
    ("GET", "/v1/nodes", "inventory-api"),
    ("POST", "/v1/inventory/movements", "inventory-api"),
    ("GET", "/v1/inventory/{sku}", "inventory-api"),
    ("POST", "/v1/inventory/inbound", "inventory-api"),
    ("GET", "/v1/inventory/{sku}/inbound", "inventory-api"),
    ("GET", "/v1/sourcing/policy", "inventory-api"),
    ("PUT", "/v1/sourcing/policy", "inventory-api"),
    ("POST", "/v1/promises", "promises-api"),
    ("POST", "/v1/shipments/{shipment_id}/events", "fulfilment-api"),
    ("GET", "/v1/shipments/{shipment_id}", "fulfilment-api"),
    ("POST", "/v1/payments/provider-events", "payments-api"),
    ("GET", "/v1/incidents", "remediation-api"),
    ("GET", "/v1/incidents/{incident_id}", "remediation-api"),
    ("GET", "/v1/approvals", "remediation-api"),
    ("POST", "/v1/approvals/{approval_id}/decision", "remediation-api"),
    ("POST", "/v1/webhooks", "webhooks-api"),
    ("GET", "/v1/webhooks", "webhooks-api"),
    ("GET", "/v1/webhooks/{webhook_id}", "webhooks-api"),
    ("PATCH", "/v1/webhooks/{webhook_id}", "webhooks-api"),
    ("DELETE", "/v1/webhooks/{webhook_id}", "webhooks-api"),
    ("POST", "/v1/webhooks/{webhook_id}/rotate-secret", "webhooks-api"),
    ("GET", "/v1/webhooks/{webhook_id}/deliveries", "webhooks-api"),
    ("GET", "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}", "webhooks-api"),
    ("POST", "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver", "webhooks-api"),
    ("POST", "/v1/webhooks/{webhook_id}/redeliveries", "webhooks-api"),
    ("GET", "/v1/repairs", "hub-api"),
    ("POST", "/v1/repairs/{order_id}/retry", "hub-api"),
    ("GET", "/v1/insights/flow", "insights-api"),
    ("GET", "/v1/events/catalog", "hub-api"),
    ("GET", "/v1/events/schemas/{type}/{version}", "hub-api"),
)
"""Method, path and function of every route that asks for a token."""

OPEN_ROUTES: Final[tuple[tuple[str, str, str], ...]] = (
    ("GET", "/v1/openapi.json", "docs-api"),
    ("GET", "/v1/docs", "docs-api"),
)
"""The two routes that ask for none. Any other path falls to docs-api as well, which says that there is nothing."""
