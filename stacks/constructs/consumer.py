"""A consumer of events: rule, queue, dead-letter queue, function; what fails is shown again, then parked and alarmed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.concern import tell
from stacks.constructs.acknowledge import acknowledge
from stacks.grants import consume

if TYPE_CHECKING:
    from stacks.constructs.service_function import ServiceFunction
    from stacks.stage import Stage

TRIES = 8
BATCH = 10


def parking(scope: Construct, id_: str, stage: Stage, name: str) -> sqs.Queue:
    """A dead-letter queue, kept as long as SQS can: two weeks."""
    queue = sqs.Queue(
        scope,
        id_,
        queue_name=f"orderhub-{stage.name}-{name}-dlq",
        retention_period=Duration.days(14),
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        # The emulator speaks plain HTTP on the loopback address, and enforces this policy.
        enforce_ssl=not stage.is_local,
        removal_policy=stage.removal,
    )
    acknowledge(queue, "AwsSolutions-SQS3", "It is a dead-letter queue itself; the check does not see mappings and schedules.")
    tell(scope, f"Dlq{name.title().replace('-', '')}", queue.queue_url)
    return queue


def waiting(scope: Construct, id_: str, stage: Stage, name: str, dead: sqs.Queue, timeout_s: int) -> sqs.Queue:
    """A queue in front of a function that has `timeout_s` seconds for a batch; what keeps failing goes to `dead`."""
    return sqs.Queue(
        scope,
        id_,
        queue_name=f"orderhub-{stage.name}-{name}",
        # Six times the function's timeout, as Lambda asks of a queue that feeds it.
        visibility_timeout=Duration.seconds(6 * timeout_s),
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=not stage.is_local,
        dead_letter_queue=sqs.DeadLetterQueue(queue=dead, max_receive_count=TRIES),
        removal_policy=stage.removal,
    )


def feed(scope: Construct, *, stage: Stage, queue: sqs.IQueue, function: ServiceFunction, at_once: int | None = None) -> None:
    """Let a function take a queue's messages, ten at a time, and answer for each of them; `at_once` copies, or the stage's."""
    function.role.add_to_policy(consume(queue))
    lambda_.EventSourceMapping(
        scope,
        "Mapping",
        target=function.function,
        event_source_arn=queue.queue_arn,
        batch_size=BATCH,
        report_batch_item_failures=True,
        max_concurrency=at_once or stage.consumers,
    ).node.add_dependency(function.role)


class Consumer(Construct):
    """Lets a function answer the events that a rule picks."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        stage: Stage,
        bus: events.IEventBus,
        pattern: events.EventPattern,
        function: ServiceFunction,
    ) -> None:
        super().__init__(scope, f"{name}-consumer")
        self.dead = parking(self, "Dead", stage, name)
        self.queue = waiting(self, "Queue", stage, name, self.dead, function.timeout_s)
        events.Rule(
            self,
            "Rule",
            rule_name=f"orderhub-{stage.name}-{name}",
            event_bus=bus,
            event_pattern=pattern,
            # What the bus cannot queue is parked with what the function could not handle: both are the event as it was.
            targets=[targets.SqsQueue(self.queue, dead_letter_queue=self.dead)],
        )
        feed(self, stage=stage, queue=self.queue, function=function)
