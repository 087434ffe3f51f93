"""What every partner's server has: its key checked, its health, its journal, and the hub's client for its life."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from starlette.requests import Request

    from local.partners.books import Books
    from local.partners.config import Config


class NotAllowed(Exception):
    """The caller has not the partner's key."""


def check_key(request: Request, config: Config) -> None:
    """Raise NotAllowed without the partner's API key."""
    given = request.headers.get("authorization", "")
    if not secrets.compare_digest(given.encode(), f"Bearer {config.api_key}".encode()):
        raise NotAllowed


async def leave_waiting(request: Request, longest_s: float) -> None:
    """Answer nothing until the caller has hung up, for `longest_s` seconds at most."""

    async def hung_up() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    waiting = asyncio.create_task(hung_up())
    await asyncio.wait({waiting}, timeout=longest_s)
    waiting.cancel()


def application(books: Books, routes: Sequence[Route], started: Callable[[], None]) -> Starlette:
    """A partner's application."""

    async def health(request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", "undelivered": len(books.letters())})

    async def journal(request: Request) -> JSONResponse:
        asked = request.query_params
        subject = next((asked[name] for name in ("shipment_id", "reference", "tracking") if name in asked), None)
        return JSONResponse({"items": books.journal(order_id=asked.get("order_id"), subject=subject)})

    async def refused(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"error": {"type": "authentication_error", "message": "wrong key"}}, 401)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        started()
        yield

    handlers: dict[Any, Any] = {NotAllowed: refused}
    both = [Route("/health", health), Route("/journal", journal), *routes]
    return Starlette(routes=both, exception_handlers=handlers, lifespan=lifespan)


def serve(app: Starlette, config: Config) -> None:
    """Listen on the loopback address until told to stop."""
    uvicorn.run(app, host="127.0.0.1", port=config.port, log_level="warning", access_log=False, timeout_graceful_shutdown=2)
