"""A queue from which partners take the events that concern them, with credentials of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.concern import tell
from stacks.constructs.consumer import TRIES, parking

if TYPE_CHECKING:
    from stacks.stage import Stage


class PartnerQueue(Construct):
    """Events that a rule picks, kept for partners for so many seconds; what nobody took until then is worth nothing any more."""

    def __init__(
        self, scope: Construct, name: str, *, stage: Stage, bus: events.IEventBus, pattern: events.EventPattern, lifetime_s: int
    ) -> None:
        super().__init__(scope, f"{name}-queue")
        self.dead = parking(self, "Dead", stage, name)
        self.queue = sqs.Queue(
            self,
            "Queue",
            queue_name=f"orderhub-{stage.name}-{name}",
            retention_period=Duration.seconds(lifetime_s),
            visibility_timeout=Duration.seconds(5),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=not stage.is_local,
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead, max_receive_count=TRIES),
            removal_policy=stage.removal,
        )
        events.Rule(
            self,
            "Rule",
            rule_name=f"orderhub-{stage.name}-{name}",
            event_bus=bus,
            event_pattern=pattern,
            targets=[targets.SqsQueue(self.queue, dead_letter_queue=self.dead)],
        )
        tell(self, f"{name.title()}Queue", self.queue.queue_url)
