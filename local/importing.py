"""Imports a file of orders through the public API, and follows it to its end."""

from __future__ import annotations

import gzip
import time
import uuid
from typing import TYPE_CHECKING, Any, Final

import httpx

from local import tokens
from local.api_client import Hub, Refused
from local.hubfile import read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from local.instance import Instance

ONE_CALL_BYTES: Final = 5 * 1024 * 1024
MEDIA: Final = {"csv": "text/csv", "ndjson": "application/x-ndjson"}
LOOK_AGAIN_S: Final = 1.0


def format_of(path: Path) -> str:
    """A file's format by its name: CSV, or else newline-delimited JSON."""
    return "csv" if path.suffix.lower() == ".csv" else "ndjson"


def start(instance: Instance, path: Path, format_: str) -> str:
    """Send a file: in one call where it is small, else to the link that the hub gives. Answers the import's id. Raises Refused."""
    if path.stat().st_size > ONE_CALL_BYTES:
        job: dict[str, Any] = Hub(instance).call("POST", "/v1/imports", {"format": format_})
        with path.open("rb") as file:
            httpx.put(job["upload"]["url"], content=file, timeout=600).raise_for_status()
        return str(job["id"])
    headers = {
        "authorization": f"Bearer {tokens.for_group(instance, 'operations')}",
        "content-type": MEDIA[format_],
        "content-encoding": "gzip",
        "idempotency-key": uuid.uuid4().hex,
    }
    url = f"{read(instance)['api_url']}/v1/orders/import"
    answer = httpx.post(url, content=gzip.compress(path.read_bytes()), headers=headers, timeout=60)
    if answer.is_error:
        raise Refused(answer.status_code, answer.json())
    return str(answer.json()["id"])


def follow(instance: Instance, import_id: str, seen: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """The import at its end; `seen` hears of it on the way. Raises Refused."""
    hub = Hub(instance)
    while True:
        job: dict[str, Any] = hub.call("GET", f"/v1/imports/{import_id}?limit=1")
        seen(job)
        if job["state"] in ("done", "failed"):
            return job
        time.sleep(LOOK_AGAIN_S)


def refusals(instance: Instance, import_id: str) -> Iterator[dict[str, Any]]:
    """Every row that placed no order, by line. Raises Refused."""
    hub, cursor = Hub(instance), ""
    while True:
        page = hub.call("GET", f"/v1/imports/{import_id}?limit=200{cursor}")
        yield from page["errors"]
        if not page["next_cursor"]:
            return
        cursor = f"&cursor={page['next_cursor']}"
