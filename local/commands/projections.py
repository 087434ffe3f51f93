"""Projections, which are made of the events and can be made again: `projections rebuild`."""

from __future__ import annotations

from typing import Annotated

import typer

from local.commands.problems import told
from local.console import console

projections = typer.Typer(no_args_is_help=True, help="What lists and views are read from.")


@projections.command()
@told
def rebuild(
    context: typer.Context,
    only: Annotated[list[str] | None, typer.Option(help="This projection and no other, such as board; may be repeated.")] = None,
    segments: Annotated[int, typer.Option(help="How many parts of the tables are worked on at once.", min=1, max=64)] = 4,
) -> None:
    """Drop projections and make them again from the events, while orders come in; interrupted, the same command goes on."""
    from rich.progress import Progress

    from local import rebuilding

    with Progress(console=console) as bars:
        tasks = {
            "drop": bars.add_task("dropping items", total=segments),
            "show": bars.add_task("showing orders, payments and the rest", total=segments),
        }
        counts = dict.fromkeys(tasks, 0)

        def tell(step: str, done: int, ended: bool) -> None:
            counts[step] += done
            what = "items dropped" if step == "drop" else "aggregates shown"
            bars.update(tasks[step], description=f"{counts[step]} {what}", advance=1 if ended else 0)

        rebuilding.run(context.obj, only or [], segments, tell)
    console.print(f"Rebuilt: {counts['drop']} items dropped, {counts['show']} aggregates shown.")
