"""Problems of commands: one clear sentence and an exit code of 1, never a stack trace for what a person can put right."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, ParamSpec

import httpx
import typer

from local.api_client import Refused, TookTooLong
from local.console import console
from local.demo import DemoFailed
from local.deploy import DeployFailed
from local.hubfile import NotUp
from local.instance import PortTaken
from local.layer import CannotBuild
from local.processes import DidNotStart

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
EXPECTED = (CannotBuild, DemoFailed, DeployFailed, DidNotStart, NotUp, PortTaken, Refused, TookTooLong)


def told(command: Callable[P, None]) -> Callable[P, None]:
    """Turn what may be expected to go wrong into a sentence."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except EXPECTED as problem:
            console.print(f"[red]{type(problem).__name__}:[/] {problem}", soft_wrap=True)
            raise typer.Exit(1) from problem
        except httpx.ConnectError as problem:
            console.print("[red]The hub does not answer.[/] Is it up? Start it with: make up")
            raise typer.Exit(1) from problem

    return wrapped
