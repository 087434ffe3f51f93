"""A client of the hub's public API, as any outside client would have one."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

import httpx

from local import tokens
from local.hubfile import read

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from local.instance import Instance

LOOK_AGAIN_S = 0.15


class TookTooLong(Exception):
    """What was waited for did not come in time."""


class Refused(Exception):
    """The hub answered with a problem."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{status} {problem.get('code', '')}: {problem.get('detail', problem)}")
        self.status = status
        self.problem = problem


class Hub:
    """The API, as a person of a group."""

    def __init__(self, instance: Instance, group: str = "operations") -> None:
        self._instance = instance
        self._group = group
        self._client = httpx.Client(base_url=read(instance)["api_url"], timeout=60)

    def call(self, method: str, path: str, body: object = None, key: str | None = None, group: str | None = None) -> Any:  # JSON
        """The answer's content. Raises Refused, httpx.HTTPError."""
        answer = self.send(method, path, body, key, group)
        if answer.is_error:
            raise Refused(answer.status_code, _content(answer))
        return answer.json()

    def send(self, method: str, path: str, body: object = None, key: str | None = None, group: str | None = None) -> httpx.Response:
        """The answer as it is. Raises httpx.HTTPError."""
        headers = {"authorization": f"Bearer {tokens.for_group(self._instance, group or self._group)}"}
        if method == "POST":
            headers["idempotency-key"] = key or uuid.uuid4().hex
        return self._client.request(method, path, json=body, headers=headers)

    def order(self, order_id: str) -> dict[str, Any]:
        """An order. Raises Refused."""
        found: dict[str, Any] = self.call("GET", f"/v1/orders/{order_id}")
        return found

    def until(
        self, order_id: str, statuses: Collection[str], patience_s: float, seen: Callable[[str], None] | None = None
    ) -> dict[str, Any]:
        """The order, once it has one of these statuses; `seen` hears of every status on the way. Raises TookTooLong."""
        end, last = time.monotonic() + patience_s, ""
        while True:
            order = self.order(order_id)
            if order["status"] != last and seen is not None:
                seen(order["status"])
            last = order["status"]
            if last in statuses:
                return order
            if time.monotonic() > end:
                raise TookTooLong(f"order {order_id} is {last} after {patience_s:.0f} s, and not {' or '.join(statuses)}")
            time.sleep(LOOK_AGAIN_S)


def _content(answer: httpx.Response) -> dict[str, Any]:
    try:
        found: dict[str, Any] = answer.json()
    except ValueError:
        return {"detail": answer.text[:200]}
    return found
