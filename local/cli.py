"""The `orderhub` command."""

from __future__ import annotations

import os
import re
import sys
from typing import Annotated

import typer

from local.commands import events, inspect, operate, projections, run
from local.instance import PROFILE_FILES, Instance

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="OrderHub on this machine: start it, play with it, look inside, deploy it.\n\n"
    "Begin with [bold]orderhub up[/], then [bold]orderhub demo[/], then [bold]orderhub trace ORDER[/] with an order's id.",
    rich_markup_mode="rich",
)


@app.callback()
def choose(
    context: typer.Context,
    instance: Annotated[
        str, typer.Option(envvar="ORDERHUB_INSTANCE", help="Which hub on this machine: others have ports and state of their own.")
    ] = "default",
) -> None:
    """Choose the instance that the command is about."""
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", instance):
        raise typer.BadParameter("an instance's name has small letters, digits and hyphens", param_hint="--instance")
    # Nobody's AWS account is touched by accident: only `deploy` looks at the caller's credentials.
    for name in [name for name in os.environ if name.startswith("AWS_") and name not in PROFILE_FILES]:
        os.environ.pop(name)
    if context.invoked_subcommand != "deploy":
        os.environ.update(Instance(instance).aws_environment())
    context.obj = Instance(instance)


for group in (run, inspect, operate):
    for command in group.COMMANDS:
        # A command whose name is a word of Python's has an underscore behind it.
        app.command(command.__name__.rstrip("_"))(command)
app.add_typer(events.events, name="events")
app.add_typer(events.dlq, name="dlq")
app.add_typer(projections.projections, name="projections")


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    sys.exit(app())
