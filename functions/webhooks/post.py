"""One request to an endpoint: to an address that was checked, within a time, with the answer's body left unread."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import httpx

from webhooks.guard import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from ipaddress import IPv4Address, IPv6Address

    from webhooks.guard import Guard

TIMEOUT_S = 5.0
"""How long an endpoint has to answer, from the look-up of its name to the last header."""
MOST_DRAINED = 64 * 1024
"""Bytes of an answer that are read and thrown away so that the connection can be used again; more closes it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request ended. `wait_s` is what a receiver asked for by Retry-After, in seconds."""

    ok: bool
    status_code: int | None
    ms: int
    error: str | None = None
    wait_s: float = 0.0


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    # Loading the certificate authorities takes longer than most requests do.
    return httpx.create_ssl_context()


def session() -> httpx.AsyncClient:
    """A client for the requests of one endpoint; never two endpoints in one, whose names may share an address."""
    return httpx.AsyncClient(verify=_tls(), follow_redirects=False, trust_env=False, timeout=TIMEOUT_S)


async def post(client: httpx.AsyncClient, guard: Guard, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
    """Send once. Whatever goes wrong is an outcome; nothing is raised for what an endpoint does or is."""
    began = time.monotonic()

    def outcome(status_code: int | None, error: str | None, *, ok: bool = False, wait_s: float = 0.0) -> Outcome:
        return Outcome(ok, status_code, int((time.monotonic() - began) * 1000), error, wait_s)

    try:
        async with asyncio.timeout(TIMEOUT_S):
            guard.check_url(url)
            status_code, wait_s = await _send(client, guard, url, headers, body)
    except Refused as refused:
        return outcome(None, f"not sent: {refused}")
    except (TimeoutError, httpx.TimeoutException):
        return outcome(None, f"no answer within {TIMEOUT_S:.0f} s")
    except socket.gaierror:
        return outcome(None, "the name does not resolve")
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ssl.SSLError, UnicodeError) as error:
        return outcome(None, type(error).__name__)
    if httpx.codes.is_success(status_code):
        return outcome(status_code, None, ok=True)
    reason = "redirects are not followed" if httpx.codes.is_redirect(status_code) else f"answered {status_code}"
    return outcome(status_code, reason, wait_s=wait_s)


async def _send(client: httpx.AsyncClient, guard: Guard, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, float]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    address = guard.choose([str(entry[4][0]) for entry in found])
    target = urlunsplit((parts.scheme, _authority(address, port), parts.path or "/", parts.query, ""))
    # The name goes into Host and into the TLS handshake, where the certificate is checked against it.
    request = client.build_request(
        "POST", target, content=body, headers={**headers, "host": parts.netloc}, extensions={"sni_hostname": host}
    )
    answer = await client.send(request, stream=True)
    try:
        drained = 0
        async for chunk in answer.aiter_raw():
            drained += len(chunk)
            if drained > MOST_DRAINED:
                break
    finally:
        await answer.aclose()
    return answer.status_code, _retry_after(answer.headers.get("retry-after", ""))


def _authority(address: IPv4Address | IPv6Address, port: int) -> str:
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"  # the sixth version


def _retry_after(text: str) -> float:
    # The form with a date is rare, and what it saves is not worth a parser.
    return float(text) if text.isdigit() and len(text) < 7 else 0.0  # eleven days
