"""What exists on AWS alone: the bus's archive, from which EventBridge itself replays. The emulator does not know the type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_events as events

from stacks.concern import Concern

if TYPE_CHECKING:
    from constructs import Construct

    from stacks.data import DataStack
    from stacks.stage import Stage

KEPT = {"dev": Duration.days(7), "prod": Duration.days(180)}
"""As long as the stage keeps its logs, so that what is investigated can be replayed."""


class ArchiveStack(Concern):
    """Everything that the bus was told, for as long as the stage keeps its logs."""

    def __init__(self, scope: Construct, stage: Stage, data: DataStack) -> None:
        super().__init__(scope, "Archive", stage)
        events.Archive(
            self,
            "Archive",
            archive_name=f"orderhub-{stage.name}",
            description="Every event of the hub, to be replayed to a rule of choice",
            source_event_bus=data.bus,
            event_pattern=events.EventPattern(source=events.Match.prefix("orderhub.")),
            retention=KEPT[stage.name],
        )
