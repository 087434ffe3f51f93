"""What tells and listens: the relays behind the streams, the consumers behind the bus, and the watch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as scheduler_targets

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.consumer import Consumer, parking
from stacks.constructs.service_function import Bundle, ServiceFunction
from stacks.functions import hub_functions

if TYPE_CHECKING:
    from aws_cdk import StackProps
    from aws_cdk import aws_dynamodb as ddb
    from aws_cdk import aws_sqs as sqs
    from constructs import Construct

    from stacks.data import DataStack
    from stacks.fulfilment import FulfilmentStack
    from stacks.stage import Stage

STARTS_SAGAS = ("order.received.v2", "order.cancelling.v1", "shipment.dispatched.v1", "shipment.delivered.v1")
STARTS_REMEDIATION = ("shipment.short_picked.v1",)
SHOWN = ("orderhub.orders", "orderhub.payments", "orderhub.fulfilment", "orderhub.remediation")
"""Sources whose events the board shows."""


class HubStack(Stack):
    """The hub's own functions."""

    def __init__(
        self, scope: Construct, id_: str, *, stage: Stage, data: DataStack, fulfilment: FulfilmentStack, **props: StackProps
    ) -> None:
        super().__init__(scope, id_, **props)  # type: ignore[arg-type]  # the keyword form of StackProps
        bundle = Bundle(self, stage)
        specs = hub_functions(stage, data, fulfilment.sagas, fulfilment.remediation)
        self.functions = {
            name: ServiceFunction(
                self,
                name,
                stage=stage,
                handler=spec.handler,
                bundle=bundle,
                environment=spec.environment,
                grants=spec.grants,
                timeout_s=spec.timeout_s,
            )
            for name, spec in specs.items()
        }
        self.dead: list[sqs.Queue] = []
        self._relay(stage, "relay", data.orders)
        self._relay(stage, "inventory-relay", data.inventory)
        for name, pattern in {
            "saga-starter": events.EventPattern(detail_type=list(STARTS_SAGAS)),
            "remediation-starter": events.EventPattern(detail_type=list(STARTS_REMEDIATION)),
            "board": events.EventPattern(source=list(SHOWN)),
        }.items():
            consumer = Consumer(self, name, stage=stage, bus=data.bus, pattern=pattern, function=self.functions[name])
            self.dead.append(consumer.dead)
        self._watch()

    def _relay(self, stage: Stage, name: str, table: ddb.TableV2) -> None:
        dead = parking(self, f"{name}-dead", stage, name)
        self.dead.append(dead)
        relay = self.functions[name]
        relay.function.add_event_source(
            sources.DynamoEventSource(
                table,
                starting_position=lambda_.StartingPosition.TRIM_HORIZON,
                batch_size=100,
                bisect_batch_on_error=True,
                report_batch_item_failures=True,
                retry_attempts=20,
                parallelization_factor=1,
                on_failure=sources.SqsDlq(dead),
            )
        )
        acknowledge(relay.role, "AwsSolutions-IAM5", "ListStreams knows no resources.")

    def _watch(self) -> None:
        schedule = scheduler.Schedule(
            self,
            "WatchSchedule",
            schedule=scheduler.ScheduleExpression.rate(Duration.minutes(1)),
            target=scheduler_targets.LambdaInvoke(self.functions["watch"].function, retry_attempts=2),
            description="Looks for orders that wait for something that did not come",
        )
        acknowledge(schedule, "AwsSolutions-IAM5", "The schedule's role invokes one function, in any version.")


