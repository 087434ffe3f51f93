"""Entry point of the WebSocket API: connecting, disconnecting, and whatever a client says in between."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from edge.auth import caller_from
from edge.logs import logger
from kernel.errors import Unauthorised
from live import wiring
from live.connections import Connection
from live.pushing import Gone

OK = {"statusCode": 200}


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one event of a connection. A connection without a valid token is not made."""
    asked = event["requestContext"]
    connection_id, kind = asked["connectionId"], asked["eventType"]
    if kind == "CONNECT":
        return _connect(connection_id, event.get("queryStringParameters") or {})
    if kind == "DISCONNECT":
        wiring.connections().close(connection_id)
        logger.info("disconnected", connection=connection_id)
        return OK
    return _hear(connection_id, event.get("body") or "")


def _connect(connection_id: str, parameters: dict[str, str]) -> dict[str, Any]:
    try:
        claims = wiring.tokens().claims(parameters.get("token", ""))
        caller = caller_from(claims)
    except Unauthorised as refused:
        logger.info("refused", code=refused.code)
        return {"statusCode": 401}
    wiring.connections().open(Connection(connection_id, caller, datetime.fromtimestamp(claims["exp"], UTC)))
    logger.info("connected", connection=connection_id, who=caller.id)
    return OK


def _hear(connection_id: str, text: str) -> dict[str, Any]:
    now = datetime.now(UTC)
    connection = wiring.connections().find(connection_id)
    if connection is None or connection.until <= now:
        wiring.push().close(connection_id)
        return OK
    try:
        wiring.session().hear(connection, text, now)
    except Gone:
        wiring.connections().close(connection_id)
    return OK
