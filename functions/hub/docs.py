"""The open part of the API: its document, a page for people, and a clear answer for paths that do not exist."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.problems import problem
from kernel.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Mapping

DOCUMENT = Path(__file__).parent / "openapi.json"
PAGE = Path(__file__).parent / "docs.html"


@lru_cache(maxsize=2)
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _methods() -> dict[tuple[str, ...], list[str]]:
    """The methods that every path takes, by the path's parts."""
    described = {
        tuple(path.split("/")): sorted(map(str.upper, taken)) for path, taken in json.loads(_text(DOCUMENT))["paths"].items()
    }
    return {**described, ("", "v1", "openapi.json"): ["GET"], ("", "v1", "docs"): ["GET"]}


def _taken(path: str) -> list[str]:
    """The methods that a path takes; none for a path that does not exist."""
    parts = path.rstrip("/").split("/")
    found = {
        method
        for known, methods in _methods().items()
        if len(parts) == len(known) and all(k.startswith("{") or k == p for k, p in zip(known, parts, strict=True))
        for method in methods
    }
    return sorted(found)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer the document, the page, or a problem."""
    path, method = event["rawPath"], event["requestContext"]["http"]["method"]
    if (method, path) == ("GET", "/v1/openapi.json"):
        return _answer(200, "application/json", _text(DOCUMENT))
    if (method, path) == ("GET", "/v1/docs"):
        return _answer(200, "text/html; charset=utf-8", _text(PAGE))
    correlation_id = new_id("req")
    taken = _taken(path)
    # A path with its own method comes here only where API Gateway did not see the route in it: a trailing slash, say.
    if taken and method not in taken:
        refused = problem(405, "method_not_allowed", "This path does not take this method.", instance=correlation_id)
        refused.headers["Allow"] = ", ".join(taken)
    else:
        refused = problem(404, "no_such_resource", "There is nothing at this path.", instance=correlation_id)
    return _answer(refused.status_code, str(refused.content_type), str(refused.body), refused.headers)


def _answer(status: int, content_type: str, body: str, headers: Mapping[str, Any] | None = None) -> dict[str, Any]:
    sent = {"content-type": content_type, **(headers or {})}
    return {"statusCode": status, "headers": sent, "body": body, "isBase64Encoded": False}
