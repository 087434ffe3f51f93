"""Problems of commands: one clear sentence and an exit code of 1, never a stack trace for what a person can put right."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, ParamSpec

import httpx
import typer
from botocore.exceptions import ConnectionError as BotoConnectionError
from rich.markup import escape

from local.api_client import Refused, TookTooLong
from local.cloud import NoAccess
from local.console import complaints
from local.dead_letters import NoSuchQueue, NoWayBack
from local.demo import DemoFailed
from local.deploy import DeployFailed
from local.event_replay import NoSuchTarget, NotTaken
from local.hubfile import NotUp
from local.instance import PortTaken
from local.layer import CannotBuild
from local.logs import NoSuchFunction
from local.processes import DidNotStart
from local.rebuilding import RebuildFailed
from local.tokens import NoToken

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
EXPECTED = (
    NoSuchQueue,
    NoWayBack,
    NoSuchTarget,
    NotTaken,
    NoSuchFunction,
    NoToken,
    NoAccess,
    CannotBuild,
    DemoFailed,
    DeployFailed,
    DidNotStart,
    NotUp,
    PortTaken,
    RebuildFailed,
    Refused,
    TookTooLong,
)


def told(command: Callable[P, None]) -> Callable[P, None]:
    """Turn what may be expected to go wrong into a sentence."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except EXPECTED as problem:
            complaints.print(f"[red]{type(problem).__name__}:[/] {escape(str(problem))}", soft_wrap=True)
            raise typer.Exit(1) from problem
        except (httpx.TransportError, BotoConnectionError) as problem:
            complaints.print("[red]The hub does not answer.[/] Is it up? Start it with: make up")
            raise typer.Exit(1) from problem

    return wrapped
