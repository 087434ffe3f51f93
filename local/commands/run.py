"""Starting, stopping and playing: up, down, clean, demo, replay."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from local.commands.problems import told
from local.console import console
from local.instance import Instance

NEXT = """
[bold]The hub is up.[/]
  API        {api_url}
  Docs       {api_url}/v1/docs
  Emulator   {aws_endpoint_url} (any AWS tool with this endpoint sees tables, queues, executions)

[bold]Try next[/]
  .venv/bin/orderhub demo                 seven orders, seven fates
  .venv/bin/orderhub trace ORDER          everything that happened to one
  .venv/bin/orderhub status               processes, orders by state, repair queue
  .venv/bin/orderhub replay --limit 100   a supermarket's baskets through the public API
  TOKEN=$(.venv/bin/orderhub token --group operations)
  curl -H "authorization: Bearer $TOKEN" '{api_url}/v1/orders?limit=3'
"""


@told
def up(
    context: typer.Context,
    demo: Annotated[bool, typer.Option(help="Play the demo after a first start.")] = True,
    speed: Annotated[float, typer.Option(help="How much faster than real time the partner simulators work.", min=0.01)] = 1.0,
    set_: Annotated[list[str] | None, typer.Option("--set", help="A setting of the stage, such as fast_lane=off.")] = None,
) -> None:
    """Start the hub: emulator, stacks, partners, first stock, demo. Run again, it changes nothing and says so."""
    from local import demo as play
    from local import hubfile, lifecycle

    instance: Instance = context.obj
    since = time.monotonic()
    settings = dict(pair.split("=", 1) for pair in set_ or [])
    changed, played = lifecycle.up(instance, settings, speed), instance.state / "demo-played"
    to_play = demo and not played.exists()
    if not changed and not to_play:
        console.print("Everything is up already; nothing was changed.")
        return
    if to_play:
        play.run(instance)
        played.touch()
    console.print(NEXT.format(**hubfile.read(instance)), soft_wrap=True)
    console.print(f"Up in {time.monotonic() - since:.0f} s.")


@told
def down(context: typer.Context) -> None:
    """Stop exactly what was started. The state stays, and `up` takes it up again."""
    from local import lifecycle

    if not lifecycle.down(context.obj):
        console.print("Nothing was running.")


@told
def clean(context: typer.Context) -> None:
    """Stop, and forget all state of this instance."""
    from local import lifecycle

    lifecycle.forget(context.obj)


@told
def demo(context: typer.Context) -> None:
    """Play seven orders: delivered, declined, out of stock, held, short pick, cancelled, payment timeout. Then count stock and money."""
    from local import demo as play

    play.run(context.obj)


@told
def replay(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="A CSV of baskets, gzipped; the sample that comes with the hub by default.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="How many baskets.", min=1)] = None,
    rate: Annotated[float, typer.Option(help="Orders a second that are offered.", min=0.1)] = 2.0,
    report: Annotated[Path | None, typer.Option(help="Write the report as JSON too.")] = None,
) -> None:
    """Send a supermarket's baskets through the public API, one order a basket, and report what became of each."""
    from local import replay as play

    play.run(context.obj, file or play.SAMPLE, limit, rate, report)


@told
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Orders as newline-delimited JSON, or as CSV.", exists=True, dir_okay=False)],
    format_: Annotated[str | None, typer.Option("--format", help="ndjson or csv; by the file's name by default.")] = None,
    wait: Annotated[bool, typer.Option(help="Stay until every row was looked at.")] = True,
) -> None:
    """Import a file of orders of any size, and show what became of its rows."""
    from rich.progress import Progress

    from local import importing

    kind = format_ or importing.format_of(file)
    if kind not in importing.MEDIA:
        raise typer.BadParameter("a format is ndjson or csv", param_hint="--format")
    import_id = importing.start(context.obj, file, kind)
    console.print(f"Import [bold]{import_id}[/]")
    if not wait:
        return
    with Progress(console=console) as bars:
        task = bars.add_task("waiting", total=None)
        job = importing.follow(
            context.obj, import_id, lambda job: bars.update(task, description=f"{job['state']}, {job['counts']['rows']} orders")
        )
    for refusal in importing.refusals(context.obj, import_id):
        first = f" ({refusal['order_id']})" if refusal["order_id"] else ""
        console.print(f"  line {refusal['line']}: {refusal['code']}{first} {refusal['detail']}", markup=False, soft_wrap=True)
        for wrong in refusal["errors"]:
            console.print(f"    line {wrong['line']} {wrong['pointer']}: {wrong['detail']}", markup=False, soft_wrap=True)
    counts = job["counts"]
    console.print(f"{counts['placed']} placed, {counts['duplicates']} duplicates, {counts['refused']} refused.")
    if job["state"] == "failed":
        console.print(f"[red]Nothing was imported:[/] {job['reason']}")
        raise typer.Exit(1)


COMMANDS = (up, down, clean, demo, replay, import_)
