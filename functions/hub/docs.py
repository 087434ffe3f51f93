"""The open part of the API: its document, a page for people, and a clear answer for paths that do not exist."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from edge.problems import problem
from kernel.ids import new_id

DOCUMENT = Path(__file__).parent / "openapi.json"
PAGE = Path(__file__).parent / "docs.html"


@lru_cache(maxsize=2)
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _paths() -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(path.split("/")) for path in json.loads(_text(DOCUMENT))["paths"])


def _known(path: str) -> bool:
    parts = path.rstrip("/").split("/")
    return any(
        len(parts) == len(known) and all(k.startswith("{") or k == p for k, p in zip(known, parts, strict=True))
        for known in _paths()
    )


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer the document, the page, or a problem."""
    path, method = event["rawPath"], event["requestContext"]["http"]["method"]
    if (method, path) == ("GET", "/v1/openapi.json"):
        return _answer(200, "application/json", _text(DOCUMENT))
    if (method, path) == ("GET", "/v1/docs"):
        return _answer(200, "text/html; charset=utf-8", _text(PAGE))
    correlation_id = new_id("req")
    if _known(path):
        refused = problem(405, "method_not_allowed", "This path does not take this method.", instance=correlation_id)
    else:
        refused = problem(404, "no_such_resource", "There is nothing at this path.", instance=correlation_id)
    return _answer(refused.status_code, str(refused.content_type), str(refused.body))


def _answer(status: int, content_type: str, body: str) -> dict[str, Any]:
    return {"statusCode": status, "headers": {"content-type": content_type}, "body": body, "isBase64Encoded": False}
