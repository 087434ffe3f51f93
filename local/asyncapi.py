"""The event contracts as an AsyncAPI 3 document: a channel for every type, a message for every version of it."""

from __future__ import annotations

from typing import Any

from hub import contexts
from hub.catalog import readable
from kernel.contracts import Contract, all_contracts

ENVELOPE: dict[str, Any] = {
    "type": "object",
    "description": "A CloudEvents 1.0 envelope with OrderHub's extensions. `sequence` is the aggregate's own, gapless from 1.",
    "required": [
        *("specversion", "id", "type", "source", "subject", "time", "datacontenttype", "dataschema"),
        *("sequence", "correlationid", "actor", "data"),
    ],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "description": "The same however often and in however many versions the event is delivered."},
        "type": {"type": "string"},
        "source": {"type": "string"},
        "subject": {"type": "string", "description": "The aggregate's id."},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "dataschema": {"type": "string", "format": "uri"},
        "sequence": {"type": "integer", "minimum": 1},
        "correlationid": {"type": "string"},
        "causationid": {"type": "string"},
        "traceparent": {"type": "string"},
        "lane": {"enum": ["fast", "relay", "replay"], "description": "On which lane it came to the bus."},
        "actor": {
            "type": "object",
            "required": ["kind", "id"],
            "properties": {
                "kind": {"enum": ["person", "machine", "saga", "rule", "model"]},
                "id": {"type": "string"},
            },
        },
        "data": {"type": "object"},
    },
}


def document() -> dict[str, Any]:
    """The whole document."""
    contexts.declare()
    schemas: dict[str, Any] = {"Envelope": ENVELOPE}
    messages: dict[str, Any] = {}
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for (type_, version), contract in sorted(all_contracts().items()):
        name = f"{type_}.v{version}"
        schemas |= _schemas(name, contract)
        messages[name] = _message(name, contract)
        channel = channels.setdefault(type_, {"address": type_, "messages": {}})
        channel["messages"][name] = {"$ref": f"#/components/messages/{name}"}
        operations[f"tell.{name}"] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{type_}"},
            "summary": contract.trigger,
            "description": f"Listened to by {', '.join(contract.consumers)}.",
            "messages": [{"$ref": f"#/channels/{type_}/messages/{name}"}],
            "tags": [{"name": contract.context}],
        }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "OrderHub events",
            "version": "1",
            "description": "Every event that the hub tells, on its EventBridge bus, to webhooks and on the live feed alike.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas},
    }


def _schemas(name: str, contract: Contract) -> dict[str, Any]:
    """The data's schema and its parts, each under a name of its own."""
    schema = readable(contract.model.model_json_schema(mode="serialization", ref_template=f"#/components/schemas/{name}.{{model}}"))
    parts = schema.pop("$defs", {})
    return {name: schema, **{f"{name}.{part}": body for part, body in parts.items()}}


def _message(name: str, contract: Contract) -> dict[str, Any]:
    narrowed = {"type": {"const": name}, "data": {"$ref": f"#/components/schemas/{name}"}}
    found = {
        "name": name,
        "summary": (contract.model.__doc__ or "").strip().splitlines()[0],
        "contentType": "application/json",
        "payload": {"allOf": [{"$ref": "#/components/schemas/Envelope"}, {"type": "object", "properties": narrowed}]},
    }
    return {**found, "description": f"Retires after {contract.retire_after}."} if contract.retire_after else found
