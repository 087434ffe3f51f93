"""Running it: repairs, and deploying to AWS."""

from __future__ import annotations

from typing import Annotated

import typer

from local.commands.problems import told
from local.console import console


@told
def repair(
    context: typer.Context,
    order: Annotated[str | None, typer.Argument(help="An order in the repair queue; without it, the queue is shown.")] = None,
) -> None:
    """Show the repair queue, or start the saga of one of its orders again."""
    from local.api_client import Hub

    hub = Hub(context.obj)
    if order is None:
        for entry in hub.call("GET", "/v1/repairs?limit=200")["items"]:
            for stopped in entry["repairs"]:
                console.print(
                    f"{entry['opened_at']}  {entry['order_id']}  {stopped['saga']} at {stopped['step']}: {stopped['error']}"
                )
        return
    done = hub.call("POST", f"/v1/repairs/{order}/retry")
    console.print(f"Started {done['saga']} again for {order}.")


@told
def deploy(
    context: typer.Context,
    profile: Annotated[str, typer.Option(help="The AWS profile to deploy with; there is no default on purpose.")],
    stage: Annotated[str, typer.Option(help="dev or prod.")] = "dev",
    region: Annotated[str | None, typer.Option(help="The Region; the profile's by default.")] = None,
    yes: Annotated[bool, typer.Option(help="Do not ask whether this is the account that is meant.")] = False,
) -> None:
    """Deploy to an AWS account: shows which one, asks, then runs cdk deploy."""
    from local import cloud

    if stage not in ("dev", "prod"):
        raise typer.BadParameter("a stage on AWS is dev or prod", param_hint="--stage")
    account, where = cloud.account_of(profile, region)
    console.print(f"Account [bold]{account}[/], Region [bold]{where}[/], profile {profile}, stage [bold]{stage}[/]")
    if not yes:
        typer.confirm("Deploy there?", abort=True)
    cloud.deploy(profile, account, where, stage)


COMMANDS = (repair, deploy)
