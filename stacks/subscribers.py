"""How other systems learn of events: one consumer of every event, and what sends it on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_events as events

from stacks.concern import Concern
from stacks.constructs.consumer import Consumer, feed
from stacks.constructs.minutely import Minutely
from stacks.constructs.service_function import service_functions
from stacks.functions.webhooks import senders

if TYPE_CHECKING:
    from constructs import Construct

    from stacks.data import DataStack
    from stacks.stage import Stage


class SubscribersStack(Concern):
    """Webhooks."""

    def __init__(self, scope: Construct, stage: Stage, data: DataStack) -> None:
        super().__init__(scope, "Subscribers", stage)
        self.functions = service_functions(self, stage, senders(stage, data))
        everything = events.EventPattern(source=events.Match.prefix("orderhub."))
        subscribers = Consumer(
            self, "subscribers", stage=stage, bus=data.bus, pattern=everything, function=self.functions["subscribers"]
        )
        feed(self, stage=stage, queue=data.deliveries, function=self.functions["webhook-sender"])
        sweep = Minutely(
            self,
            "webhook-sweep",
            stage=stage,
            function=self.functions["webhook-sweep"],
            purpose="Queues deliveries of webhooks whose time has come",
        )
        self.dead = {"subscribers": subscribers.dead, "webhook-deliveries": data.deliveries_dead, "webhook-sweep": sweep.dead}
