"""`hub.json`: how an outside client finds the hub."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from local.instance import PARTNERS, REGION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.instance import Instance

SAGAS = ("fulfilment", "settlement", "cancellation", "returns", "remediation")


class NotUp(Exception):
    """The hub of this instance is not up."""


def describe(instance: Instance, outputs: Mapping[str, str]) -> dict[str, Any]:
    """The hub's description."""
    return {
        "api_url": f"{instance.endpoint}/_aws/execute-api/{outputs['ApiId']}/$default",
        "ws_url": f"{instance.endpoint.replace('http', 'ws', 1)}/_aws/execute-api/{outputs['LiveApiId']}/live",
        "aws_endpoint_url": instance.endpoint,
        "region": REGION,
        "orders_table": outputs["OrdersTable"],
        "views_table": outputs["ViewsTable"],
        "event_bus": outputs["EventBus"],
        "state_machines": {name: outputs[f"{name.title()}StateMachine"] for name in SAGAS},
        "user_pool_id": outputs["UserPoolId"],
        "clients": {name.removesuffix("ClientId"): value for name, value in sorted(outputs.items()) if name.endswith("ClientId")},
        "dead_letter_queues": {
            name.removeprefix("Dlq"): value for name, value in sorted(outputs.items()) if name.startswith("Dlq")
        },
        "partners": {name: instance.url(name) for name in PARTNERS},
    }


def write(instance: Instance, description: Mapping[str, Any]) -> bool:
    """Write the file; False where it says just that already."""
    text = json.dumps(description, indent=2) + "\n"
    if instance.hub_file.exists() and instance.hub_file.read_text() == text:
        return False
    part = instance.hub_file.with_suffix(".part")
    part.write_text(text)
    part.replace(instance.hub_file)
    return True


def read(instance: Instance) -> dict[str, Any]:
    """The description. Raises NotUp where there is none."""
    try:
        found: dict[str, Any] = json.loads(instance.hub_file.read_text())
    except FileNotFoundError:
        raise NotUp("The hub is not up. Start it with: make up") from None
    return found
