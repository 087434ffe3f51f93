"""Generates the contracts from the code that keeps them: the API document and its page, the event catalog, schemas and graph.

`make contracts` writes them; `make check` fails where what is committed is not what the code says, or where an event has
changed since the last release in a way that breaks who reads it. `--release` makes today's events the released ones.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from local import compatibility

ROOT: Final = Path(__file__).resolve().parent.parent
APIS: Final = (
    "orders.api",
    "orders.imports.api",
    "hub.query",
    "inventory.api",
    "inventory.promises_api",
    "fulfilment.api",
    "auctions.api",
    "payments.api",
    "remediation.api",
    "webhooks.api",
    "hub.status_reports",
    "hub.returns_api",
    "invoicing.api",
    "hub.api",
    "insights.api",
)
DESCRIPTION: Final = (
    "A serverless order management system: place, follow and cancel orders, move stock, report what happened to shipments. "
    "Errors are application/problem+json with a stable `code`. Every creating POST takes an Idempotency-Key."
)


def openapi() -> dict[str, Any]:
    """The API document, merged from every function's own. Raises ValueError where two claim one operation."""
    merged: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "OrderHub",
            "version": "1",
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": {},
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "A Cognito access token."}
            },
            "schemas": {},
        },
    }
    for name in APIS:
        document = json.loads(importlib.import_module(name).app.get_openapi_json_schema(title=name))
        for path, operations in document["paths"].items():
            known = merged["paths"].setdefault(path, {})
            if known.keys() & operations.keys():
                raise ValueError(f"two functions answer {path}")
            known.update(_tidied(path, operations))
        for schema, body in _local_times(document["components"]["schemas"]).items():
            if merged["components"]["schemas"].get(schema, body) != body:
                raise ValueError(f"two schemas are named {schema}")
            merged["components"]["schemas"][schema] = body
    merged["paths"] = dict(sorted(merged["paths"].items()))
    merged["components"]["schemas"] = _used(merged)
    return merged


PROBLEM: Final = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
LOCAL_TIME: Final = r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?$"
GATEWAYS_OWN: Final = {
    "application/json": {
        "schema": {
            "type": "object",
            "properties": {"message": {"type": "string"}},
            "required": ["message"],
            "title": "GatewayMessage",
        }
    }
}
"""What API Gateway says on its own account, before any function of ours runs: no valid token, or too many requests."""


def _tidied(path: str, operations: dict[str, Any]) -> dict[str, Any]:
    """Without what the resolver adds on its own account, and with what API Gateway answers on its own.

    The resolver's are its own forms of 422 and 500, and a 200 where another success is declared.
    """
    for operation in operations.values():
        responses = operation["responses"]
        if sum(status.startswith("2") for status in responses) > 1:
            responses.pop("200", None)
        responses["500"]["content"] = PROBLEM
        if "204" in responses:
            # No content has no form.
            responses["204"].pop("content", None)
        for status in [status for status in responses if status.startswith("4")]:
            content = responses[status].get("content", {})
            content.pop("application/json", None)
            if not content:
                del responses[status]
        responses["401"] = {"description": "Unauthorized, as API Gateway says it", "content": {**GATEWAYS_OWN, **PROBLEM}}
        responses["429"] = {"description": "Too Many Requests, as API Gateway says it", "content": GATEWAYS_OWN}
        if "{" in path:
            responses.setdefault("404", {"description": "Not Found", "content": PROBLEM})
        if "requestBody" in operation:
            for status, phrase in (("413", "Request Entity Too Large"), ("415", "Unsupported Media Type")):
                responses.setdefault(status, {"description": phrase, "content": PROBLEM})
        operation["responses"] = dict(sorted(responses.items()))
    return operations


def _local_times(schemas: dict[str, Any]) -> dict[str, Any]:
    """Times of a day by their pattern: JSON Schema's `time` has an offset from UTC, and a node's cut-off has none."""
    text = json.dumps(schemas).replace('"format": "time"', json.dumps({"pattern": LOCAL_TIME})[1:-1])
    found: dict[str, Any] = json.loads(text)
    return found


def _used(document: dict[str, Any]) -> dict[str, Any]:
    """The schemas that an operation refers to, directly or through another schema, by name."""
    schemas: dict[str, Any] = document["components"]["schemas"]
    used: set[str] = set()
    waiting = _references(document["paths"])
    while waiting:
        name = waiting.pop()
        if name not in used:
            used.add(name)
            waiting |= _references(schemas[name])
    return {name: schemas[name] for name in sorted(used)}


def _references(part: object) -> set[str]:
    return set(re.findall(r'#/components/schemas/([^"]+)', json.dumps(part)))


def page(document: dict[str, Any]) -> str:
    """The API document as one page for people: no script, nothing loaded from elsewhere."""
    rows = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            answers = ", ".join(f"<code>{status}</code>" for status in sorted(operation["responses"]))
            rows.append(
                f"<section><h3><b>{method.upper()}</b> <code>{path}</code></h3><p>{operation.get('description') or operation['summary']}</p>"
                f"<p>Answers {answers}</p></section>"
            )
    style = "body{font:16px/1.5 system-ui;max-width:52rem;margin:2rem auto;padding:0 1rem}code{background:#f2f2f2;padding:0 .2em}section{border-top:1px solid #ddd}"
    head = f"<!doctype html><html lang=en><meta charset=utf-8><title>OrderHub API</title><style>{style}</style>"
    intro = f"<h1>OrderHub API</h1><p>{DESCRIPTION}</p><p>The authority is <a href='openapi.json'>openapi.json</a>.</p>"
    return head + intro + "".join(rows) + "</html>\n"


def files() -> dict[Path, str]:
    """Every generated file with its content."""
    document = openapi()
    names = ("hub.catalog", "local.asyncapi", "local.event_graph", "local.lifecycle_diagram")
    catalog, asyncapi, graph, lifecycle = (importlib.import_module(name) for name in names)
    text = _json(document)
    found = {
        ROOT / "contracts" / "openapi.json": text,
        ROOT / "functions" / "hub" / "openapi.json": json.dumps(document, separators=(",", ":"), sort_keys=True) + "\n",
        ROOT / "functions" / "hub" / "docs.html": page(document),
        ROOT / "contracts" / "catalog.json": _json(catalog.catalog()),
        ROOT / "contracts" / "asyncapi.json": _json(asyncapi.document()),
        ROOT / "docs" / "events.md": graph.page(),
        ROOT / "docs" / "orders.md": lifecycle.page(ROOT / "docs" / "orders.md"),
    }
    for entry in catalog.catalog():
        type_, version = entry["type"].rsplit(".v", 1)
        found[ROOT / "contracts" / "events" / f"{type_}.v{version}.schema.json"] = _json(catalog.schema(type_, int(version)))
    return found


def events() -> dict[str, dict[str, Any]]:
    """Today's event contracts, in the form in which a release keeps them."""
    catalog = importlib.import_module("hub.catalog")
    found = {}
    for entry in catalog.catalog():
        type_, version = entry["type"].rsplit(".v", 1)
        kept = {name: entry[name] for name in ("consumers", "retire_after")}
        found[entry["type"]] = {**kept, "schema": catalog.schema(type_, int(version))}
    return found


def _release() -> None:
    found = {"released": datetime.now(UTC).date().isoformat(), "events": events()}
    compatibility.RELEASED.write_text(_json(found), encoding="utf-8")


def _json(content: object) -> str:
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> int:
    """Write the files; with `--check`, only say which are not as the code says, and what would break whom."""
    wanted = files()
    broken = compatibility.breaks(compatibility.released(), events(), datetime.now(UTC).date())
    if "--release" in sys.argv and not broken:
        _release()
    sys.stdout.writelines(f"{sentence}\n" for sentence in broken)
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    stale += [path for path in (ROOT / "contracts").rglob("*.json") if path not in {*wanted, compatibility.RELEASED}]
    if "--check" in sys.argv:
        for path in stale:
            sys.stdout.write(f"{path.relative_to(ROOT)} is not what the code says. Write it with: make contracts\n")
        return 1 if stale or broken else 0
    for path in stale:
        if path not in wanted:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
    sys.stdout.write(f"{len(stale)} of {len(wanted)} files written.\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
