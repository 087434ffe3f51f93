"""The catalog of events, as data: what there is, who tells it, who listens, and its schema."""

from __future__ import annotations

from typing import Any

from hub import contexts
from kernel.contracts import Contract, all_contracts

contexts.declare()


def catalog() -> list[dict[str, Any]]:
    """Every declared event, by type and version."""
    return [_entry(type_, version, contract) for (type_, version), contract in sorted(all_contracts().items())]


def _entry(type_: str, version: int, contract: Contract) -> dict[str, Any]:
    return {
        "type": f"{type_}.v{version}",
        "source": f"orderhub.{contract.context}",
        "summary": (contract.model.__doc__ or "").strip().splitlines()[0],
        "trigger": contract.trigger,
        "producer": contract.context,
        "consumers": list(contract.consumers),
        "owner": contract.context,
        "since": contract.since,
        "retire_after": contract.retire_after,
        "schema": f"/v1/events/schemas/{type_}/{version}",
    }


def schema(type_: str, version: int) -> dict[str, Any] | None:
    """The JSON Schema of an event's data, or None where there is no such event."""
    contract = all_contracts().get((type_, version))
    if contract is None:
        return None
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"https://orderhub.dev/schemas/{type_}/{version}",
        **readable(contract.model.model_json_schema(mode="serialization")),
    }


def readable(schema: Any) -> Any:
    """A schema as readers hold events against it: with room for fields that they do not know yet."""
    if isinstance(schema, dict):
        return {name: readable(part) for name, part in schema.items() if not (name == "additionalProperties" and part is False)}
    return [readable(part) for part in schema] if isinstance(schema, list) else schema
