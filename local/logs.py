"""What functions logged, from CloudWatch Logs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from local.aws import client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.instance import Instance

PREFIX = "/aws/lambda/orderhub-local-"
_RUNTIME = ("START ", "END ", "REPORT ")


class NoSuchFunction(Exception):
    """No function of this name has a log."""


def newest(instance: Instance, function: str | None, find: str | None, lines: int) -> list[str]:
    """The newest lines of a function, or of all, oldest first. Raises NoSuchFunction."""
    logs = client(instance, "logs")
    pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=PREFIX)
    groups = [group["logGroupName"] for page in pages for group in page["logGroups"]]
    if function:
        if f"{PREFIX}{function}" not in groups:
            names = ", ".join(sorted(group.removeprefix(PREFIX) for group in groups))
            raise NoSuchFunction(f"there is no function {function}; there are {names or 'none, as the hub is not up'}")
        groups = [f"{PREFIX}{function}"]
    found = [
        (event["timestamp"], f"{group.removeprefix(PREFIX):20} {event['message'].rstrip()}")
        for group in groups
        for event in _events(logs, group, 0)
        if not event["message"].startswith(_RUNTIME) and (find is None or find in event["message"])
    ]
    return [line for _, line in sorted(found)[-lines:]]


def events_arrived(instance: Instance, since: float) -> list[dict[str, Any]]:
    """Every event that the board got since an instant, with its lane and its lag in ms."""
    logs = client(instance, "logs")
    arrived = _events(logs, f"{PREFIX}board", int(since * 1000))
    return [json.loads(event["message"]) for event in arrived if '"event arrived"' in event["message"]]


def _events(logs: Any, group: str, since_ms: int) -> Iterator[dict[str, Any]]:  # a boto3 client
    token: dict[str, str] = {}
    while True:
        page = logs.filter_log_events(logGroupName=group, startTime=since_ms, limit=10_000, **token)
        yield from page["events"]
        if "nextToken" not in page:
            return
        token = {"nextToken": page["nextToken"]}
