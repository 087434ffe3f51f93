"""Errors as `application/problem+json` (RFC 9457): the one place where a refusal becomes an HTTP answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler import Response
from pydantic import BaseModel, ConfigDict

from kernel import errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_S = 1
_STATUS: dict[type[errors.DomainError], int] = {
    errors.Malformed: 400,
    errors.Unauthorised: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.StaleVersion: 412,
    errors.TooLarge: 413,
    errors.UnsupportedMedia: 415,
    errors.Invalid: 422,
    errors.Busy: 503,
}
_TITLES = {
    400: "Malformed request",
    401: "Not authenticated",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict with the current state",
    412: "Precondition failed",
    413: "Too large",
    415: "Unsupported media type",
    422: "Invalid",
    429: "Too many requests",
    500: "Internal error",
    503: "Busy",
}


class ProblemField(BaseModel):
    """One thing that is wrong with the request."""

    pointer: str
    code: str
    detail: str


class Problem(BaseModel):
    """RFC 9457 problem details. `code` is stable; further members say more about the state that stands in the way."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: list[ProblemField] = []


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    instance: str,
    fields: Sequence[errors.FieldError] = (),
    extra: dict[str, str] | None = None,
) -> Response[Any]:
    """A problem answer. `instance` is the correlation id, under which the logs tell more."""
    body = {
        "type": f"https://orderhub.dev/problems/{code.replace('_', '-')}",
        "title": _TITLES[status],
        "status": status,
        "detail": detail,
        "instance": f"urn:orderhub:request:{instance}",
        "code": code,
        "errors": [{"pointer": f.pointer, "code": f.code, "detail": f.detail} for f in fields],
        **(extra or {}),
    }
    headers: dict[str, str | list[str]] = {"Retry-After": str(RETRY_AFTER_S)} if status in (409, 503) and _retryable(code) else {}
    return Response(status_code=status, content_type=CONTENT_TYPE, body=json.dumps(body), headers=headers)


def _retryable(code: str) -> bool:
    return code in {"store_busy", "contended", "in_flight", "dependency_unavailable"}


def of_domain(error: errors.DomainError, instance: str) -> Response[Any]:
    """The problem that a refusal of the domain is."""
    status = next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)
    fields = error.errors
    return problem(status, error.code, error.detail, instance=instance, fields=fields, extra=error.extra)


def of_validation(raw: Iterable[dict[str, Any]], instance: str) -> Response[Any]:
    """The problem that pydantic's errors are: 422 for a body, 400 for what is not even a body or is no parameter.

    pydantic's errors carry the input; none of it gets out.
    """
    found = list(raw)
    fields = fields_of(found)
    places = {str(e["loc"][0]) for e in found if e["loc"]}
    if any(e["type"] == "json_invalid" for e in found):
        return problem(400, "malformed_json", "The request's body is not JSON.", instance=instance)
    if any("idempotency-key" in str(e["loc"]).lower() for e in found):
        detail = "An Idempotency-Key header of 1 to 255 printable characters is required."
        return problem(400, "idempotency_key_required", detail, instance=instance, fields=fields)
    if places & {"query", "header", "path"}:
        return problem(400, "invalid_parameter", "A parameter is not acceptable.", instance=instance, fields=fields)
    return problem(422, "invalid_body", "The request is well formed but not acceptable.", instance=instance, fields=fields)


def fields_of(raw: Iterable[Mapping[str, Any]]) -> list[errors.FieldError]:
    """What pydantic's errors say of each member, without its value; the first hundred."""
    return [errors.FieldError(_pointer(e["loc"]), str(e["type"]), _sentence(e)) for e in raw][:100]


def _pointer(loc: Sequence[object]) -> str:
    parts = [str(part) for part in loc]
    if parts and parts[0] == "body":
        parts = parts[1:]
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)


def _sentence(error: Mapping[str, Any]) -> str:
    # pydantic prefixes what our own validators say.
    return str(error["msg"]).removeprefix("Value error, ")
