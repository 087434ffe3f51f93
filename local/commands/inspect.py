"""Looking inside: status, doctor, token, trace, flow, logs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from local.commands.problems import told
from local.console import console


@told
def status(context: typer.Context) -> None:
    """Show processes, orders by state, what is parked, and the repair queue."""
    from local import status as show

    show.run(context.obj)


@told
def doctor(context: typer.Context) -> None:
    """Find what is wrong with this machine or clone: tools, versions, ports, credentials, locks."""
    from local import doctor as look

    if not look.run(context.obj):
        raise typer.Exit(1)


@told
def token(
    context: typer.Context,
    group: Annotated[str | None, typer.Option(help="Sign in as a person of this group: operations, approvers, finance, …")] = None,
    scope: Annotated[
        list[str] | None, typer.Option(help="As a machine with this scope, such as orders/write; may be repeated.")
    ] = None,
) -> None:
    """Print an access token for the API, and nothing else."""
    from local import tokens

    if (group is None) == (not scope):
        raise typer.BadParameter("name either a --group or one or more --scope")
    found = tokens.for_group(context.obj, group) if group else tokens.for_scopes(context.obj, scope or [])
    typer.echo(found)


@told
def trace(context: typer.Context, order: Annotated[str, typer.Argument(help="An order's id.")]) -> None:
    """Show everything that happened to an order: commands, events with their lag, saga steps, partner calls."""
    from local import trace as show

    show.run(context.obj, order)


@told
def flow(
    context: typer.Context,
    svg: Annotated[Path | None, typer.Option(help="Draw the graph into this file.")] = None,
    channel: Annotated[str | None, typer.Option(help="Only orders of this channel.")] = None,
    node: Annotated[str | None, typer.Option(help="Only orders at this node.")] = None,
) -> None:
    """Show how orders moved through their states in the last day: how many took each edge, dwell and lag."""
    from rich.table import Table

    from local import flow as draw
    from local.api_client import Hub

    asked = "&".join(f"{name}={value}" for name, value in (("channel", channel), ("node", node)) if value)
    found = Hub(context.obj).call("GET", f"/v1/insights/flow?{asked}")
    table = Table("from", "to", "orders", "dwell p50", "p95", "p99", "lag p50", "p99", box=None, header_style="dim")
    for row in draw.table(found):
        table.add_row(*row)
    console.print(table)
    if svg:
        svg.write_text(draw.svg(found), encoding="utf-8")
        console.print(f"Drawn into {svg}")


@told
def logs(
    context: typer.Context,
    function: Annotated[str | None, typer.Argument(help="A function, such as orders-api; all of them by default.")] = None,
    find: Annotated[str | None, typer.Option(help="Only lines with this text, such as an order's or a correlation id.")] = None,
    lines: Annotated[int, typer.Option(help="How many of the newest lines.", min=1)] = 50,
) -> None:
    """Show what functions logged."""
    from local import logs as show

    for line in show.newest(context.obj, function, find, lines):
        console.print(line, markup=False, soft_wrap=True)


COMMANDS = (status, doctor, token, trace, flow, logs)
