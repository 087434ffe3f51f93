"""Events that were told, and those that could not be: `events replay`, and `dlq list`, `show` and `redrive`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from local.commands.problems import told
from local.console import console

events = typer.Typer(no_args_is_help=True, help="Tell stored events again.")
dlq = typer.Typer(no_args_is_help=True, help="What could not be handled: look at it, and send it on its way again.")


def _instant(text: str) -> datetime:
    from kernel.clock import parse_rfc3339

    try:
        return parse_rfc3339(text)
    except ValueError:
        raise typer.BadParameter("a time is RFC 3339 with an offset, such as 2026-11-23T10:00:00Z") from None


@events.command()
@told
def replay(
    context: typer.Context,
    from_: Annotated[str, typer.Option("--from", help="From this commit time on, such as 2026-11-23T10:00:00Z.")],
    to: Annotated[str | None, typer.Option(help="Up to this time, exclusive; now by default.")] = None,
    type_: Annotated[list[str] | None, typer.Option("--type", help="Types, such as 'order.*' or payment.captured.v1.")] = None,
    target: Annotated[str, typer.Option(help="A consumer, such as board, or bus, which reaches everybody.")] = "bus",
    dry_run: Annotated[bool, typer.Option(help="Only count.")] = False,
) -> None:
    """Tell the events of a time again, under their own ids: who has them already passes over them."""
    from local import event_replay

    until = _instant(to) if to else datetime.now(UTC)
    window = event_replay.Window(_instant(from_), until, tuple(type_ or ["*"]))
    found = event_replay.found(context.obj, window)
    console.print(f"{len(found)} events{' would be told' if dry_run else ''} to {target}")
    if dry_run or not found:
        return
    for count in event_replay.tell(context.obj, found, target):
        if count % 500 == 0 or count == len(found):
            console.print(f"  {count} of {len(found)} told")


@dlq.command("list")
@told
def list_queues(context: typer.Context) -> None:
    """Count what is parked, by who could not handle it."""
    from local import dead_letters

    for name, depth in dead_letters.depths(context.obj).items():
        console.print(f"  {depth:6}  {name}")


@dlq.command()
@told
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Who could not handle it, such as board; `dlq list` has the names.")],
    bodies: Annotated[bool, typer.Option(help="Show whole messages.")] = False,
) -> None:
    """Show what is parked: its message id, when it came, how often it was tried, what it is about."""
    from local import dead_letters

    for message in dead_letters.parked(context.obj, name):
        console.print(
            f"{message.message_id}  {message.sent_at:%Y-%m-%d %H:%M:%S}  tried {message.tries}  {message.about}", soft_wrap=True
        )
        if bodies:
            console.print_json(json.dumps(json.loads(message.body)))


@dlq.command()
@told
def redrive(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Who could not handle it.")],
    message: Annotated[str | None, typer.Option(help="One message by its id; all of them by default.")] = None,
) -> None:
    """Send what is parked on its way again."""
    from local import dead_letters

    count = 0
    for sent in dead_letters.redrive(context.obj, name, message):
        count += 1
        console.print(f"  {sent.message_id}  {sent.about}", soft_wrap=True)
    console.print(f"{count} on their way to {name} again.")
