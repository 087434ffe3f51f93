"""The rim of every HTTP function: Powertools' resolver, problem+json, correlation, and one log line a request."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestUnsupportedContentType, RequestValidationError
from aws_lambda_powertools.event_handler.openapi.params import Header

from edge.aggregates import Command
from edge.auth import Caller, Rights, caller_of
from edge.logs import logger
from edge.problems import CONTENT_TYPE, Problem, of_domain, of_validation, problem
from kernel.errors import DomainError, Malformed, NotFound, TooLarge, UnsupportedMedia
from kernel.events import Cause
from kernel.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable

JSON: Final = "application/json"
F = TypeVar("F", bound="Callable[..., Any]")
MAX_BODY_BYTES = 1024 * 1024
"""The largest body of an ordinary command, one mebibyte; API Gateway itself takes ten."""
_CORRELATION = re.compile(r"[\x21-\x7e]{1,128}")
_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_ETAG = re.compile(r'"(\d{1,9})"')

IdempotencyKey = Annotated[str, Header(alias="Idempotency-Key", min_length=1, max_length=255, pattern=r"^[\x20-\x7e]+$")]
"""The header that every creating POST carries."""
OptionalKey = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=255, pattern=r"^[\x20-\x7e]+$")]
"""The same header on a POST that creates nothing, which may carry it."""
IfMatch = Annotated[str | None, Header(alias="If-Match")]
"""The version that a command was decided on, as its ETag."""


@dataclass(frozen=True, slots=True)
class Request:
    """What every route may ask about its request."""

    caller: Caller
    cause: Cause
    body_fingerprint: str

    def command(self, name: str, *, key: str | None = None, if_match: str | None = None) -> Command:
        """The command that this request gives. Raises Malformed where If-Match is no version."""
        return Command(name, self.cause, key, self.body_fingerprint if key else None, _version(if_match))


def _version(if_match: str | None) -> int | None:
    if if_match is None or if_match == "*":
        return None
    found = _ETAG.fullmatch(if_match.removeprefix("W/"))
    if found is None:
        raise Malformed("invalid_if_match", 'If-Match is a version in quotes, such as "3".')
    return int(found[1])


def etag(version: int) -> str:
    """A version as an entity tag."""
    return f'"{version}"'


def problems(*statuses: int) -> dict[int, Any]:
    """The problem answers that a route declares in the API document, beside those that any route may give."""
    every = {400, 401, 403, 500, 503, *statuses}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {CONTENT_TYPE: {"model": Problem}}}
        for status in sorted(every)
    }


class Routes(APIGatewayHttpResolver):
    """Powertools' resolver, which also remembers what answers which of API Gateway's route keys."""

    def __init__(self) -> None:
        super().__init__(enable_validation=True, response_validation_error_http_code=HTTPStatus.INTERNAL_SERVER_ERROR)
        self.by_key: dict[str, Callable[..., Any]] = {}

    def route(self, rule: str, method: Any, *args: Any, **settings: Any) -> Callable[..., Any]:
        """Declare what answers a path and method, as every resolver's `get`, `post` and so on do."""
        declare = super().route(rule, method, *args, **settings)

        def remembered(answer: Callable[..., Any]) -> Callable[..., Any]:
            for one in (method,) if isinstance(method, str) else method:
                self.by_key[f"{one.upper()} {rule.replace('<', '{').replace('>', '}')}"] = answer
            return declare(answer)

        return remembered


class HttpFunction:
    """A Lambda behind the HTTP API. Routes are declared on `app`; calling it answers one event.

    What a route `needs` is asked for before anything else of the request is looked at, so that a caller without the right
    learns nothing about it, whatever they sent.
    """

    def __init__(self, *, max_body_bytes: int = MAX_BODY_BYTES, media_types: tuple[str, ...] = (JSON,)) -> None:
        self.app = Routes()
        self._needed: dict[Callable[..., Any], Rights] = {}
        self._max_body_bytes = max_body_bytes
        self._media_types = media_types
        self._correlation_id = ""
        self.app.exception_handler(DomainError)(self._refused)
        self.app.exception_handler(RequestValidationError)(self._invalid)
        self.app.exception_handler(RequestUnsupportedContentType)(self._unsupported)
        self.app.exception_handler(NotFoundError)(self._unknown)

    def needs(self, rights: Rights) -> Callable[[F], F]:
        """Declare, beneath a route, the rights that it asks for."""

        def declare(answer: F) -> F:
            self._needed[answer] = rights
            return answer

        return declare

    def rights(self) -> dict[str, Rights | None]:
        """What every route asks for, by its key, such as `GET /v1/orders`; None for one that does not say."""
        return {key: self._needed.get(answer) for key, answer in self.app.by_key.items()}

    def request(self, rights: Rights | None = None) -> Request:
        """The request under way, of a caller who has the rights that the route needs, or these. Raises Unauthorised, Forbidden."""
        event = self.app.current_event.raw_event
        asked = rights or self.rights().get(event.get("routeKey", ""))
        if asked is None:
            raise LookupError("a route says what it needs")
        caller = caller_of(event)
        caller.require(asked)
        traceparent = str(self.app.current_event.headers.get("traceparent", ""))
        trace = traceparent if _TRACEPARENT.fullmatch(traceparent) else None
        cause = Cause(caller.actor, self._correlation_id, None, trace)
        return Request(caller, cause, fingerprint(self._content(event)))

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Answer one HTTP API event; whatever goes wrong is a problem+json with the correlation id."""
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        self._correlation_id = _correlation(headers.get("x-correlation-id"))
        logger.set_correlation_id(self._correlation_id)
        try:
            self._admit(event)
            self._check_body(event, headers)
            answer = self.app.resolve(event, context)
        except DomainError as error:
            answer = _built(of_domain(error, self._correlation_id))
        except Exception:  # noqa: BLE001  # the rim: whatever it is becomes a problem for the caller and a log line for us
            logger.exception("request failed", route=event.get("routeKey"))
            failure = problem(
                500, "internal_error", "Something went wrong on our side; nothing accepted is lost.", instance=self._correlation_id
            )
            answer = _built(failure)
        answer.setdefault("headers", {})["x-correlation-id"] = self._correlation_id
        if _TRACEPARENT.fullmatch(headers.get("traceparent", "")):
            answer["headers"]["traceparent"] = headers["traceparent"]
        logger.info("request", route=event.get("routeKey"), status=answer["statusCode"])
        return answer

    def _admit(self, event: dict[str, Any]) -> None:
        answers = self.app.by_key.get(event.get("routeKey", ""))
        if answers is None:
            raise NotFound("no_such_resource", "There is nothing at this path.")
        if answers in self._needed:
            caller_of(event).require(self._needed[answers])

    def _check_body(self, event: dict[str, Any], headers: dict[str, str]) -> None:
        body = raw_body(event)
        if not body:
            return
        if len(body) > self._max_body_bytes:
            raise TooLarge("body_too_large", f"A request's body is at most {self._max_body_bytes} bytes here.")
        if _media(headers) not in self._media_types:
            raise UnsupportedMedia("unsupported_media_type", f"This reads {', '.join(self._media_types)}.")
        self._content(event)

    def _content(self, event: dict[str, Any]) -> object:
        """What the body says: JSON as it is read, anything else by its hash. Raises Malformed for what is not JSON."""
        body = raw_body(event)
        if not body:
            return None
        if _media({name.lower(): value for name, value in (event.get("headers") or {}).items()}) != JSON:
            return hashlib.sha256(body).hexdigest()
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            # ValueError is more than bad syntax: bytes that are no text, or a number of thousands of digits.
            raise Malformed("malformed_json", "The request's body is not JSON.") from None

    def _refused(self, error: DomainError) -> Response[Any]:
        logger.info("refused", code=error.code)
        return of_domain(error, self._correlation_id)

    def _invalid(self, error: RequestValidationError) -> Response[Any]:
        return of_validation(error.errors(), self._correlation_id)

    def _unsupported(self, _: RequestUnsupportedContentType) -> Response[Any]:
        return problem(415, "unsupported_media_type", "This reads application/json.", instance=self._correlation_id)

    def _unknown(self, _: NotFoundError) -> Response[Any]:
        return problem(404, "no_such_resource", "There is nothing at this path.", instance=self._correlation_id)


def _correlation(given: str | None) -> str:
    return given if given and _CORRELATION.fullmatch(given) else new_id("req")


def _built(response: Response[Any]) -> dict[str, Any]:
    headers: dict[str, Any] = {"Content-Type": response.content_type or CONTENT_TYPE, **response.headers}
    return {"statusCode": response.status_code, "headers": headers, "body": response.body, "isBase64Encoded": False}


def _media(headers: dict[str, str]) -> str:
    return headers.get("content-type", JSON).split(";")[0].strip().lower()


def raw_body(event: dict[str, Any]) -> bytes:
    """The body of an HTTP API event as it was sent; API Gateway hands text over as it is, and all else in base64."""
    body = event.get("body") or ""
    return base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()


def fingerprint(body: object) -> str:
    """A hash of a JSON body that does not depend on spacing or the order of members."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:32]
