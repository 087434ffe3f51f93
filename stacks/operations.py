"""What wakes somebody: alarms on what must not happen, and one dashboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns

from stacks.concern import Concern, tell
from stacks.constructs.acknowledge import acknowledge

if TYPE_CHECKING:
    from aws_cdk import aws_dynamodb as ddb
    from constructs import Construct

    from stacks.api import ApiStack
    from stacks.data import DataStack
    from stacks.fulfilment import FulfilmentStack
    from stacks.hub import HubStack
    from stacks.stage import Stage
    from stacks.subscribers import SubscribersStack

RELAYS = ("relay", "inventory-relay")
MINUTE = Duration.minutes(1)
BEHIND_MS = 10_000
"""A relay that is ten seconds behind breaks the promise of 100 ms a hundred times over."""


class OperationsStack(Concern):
    """Alarms and the dashboard."""

    def __init__(
        self,
        scope: Construct,
        stage: Stage,
        data: DataStack,
        fulfilment: FulfilmentStack,
        hub: HubStack,
        subscribers: SubscribersStack,
        api: ApiStack,
    ) -> None:
        super().__init__(scope, "Operations", stage)
        self._topic = self._pager(stage)
        self._dead = {**hub.dead, **subscribers.dead}
        for name, queue in self._dead.items():
            parked = queue.metric_approximate_number_of_messages_visible(period=MINUTE, statistic="max")
            self._alarm(f"parked-{name}", parked, 0, f"What {name} could not handle is parked in its dead-letter queue")
        for saga in (*fulfilment.sagas.selling, fulfilment.sagas.remediation):
            self._alarm(f"failed-{saga.name}", saga.machine.metric_failed(period=MINUTE), 0, f"A {saga.name} saga failed")
            self._alarm(f"late-{saga.name}", saga.machine.metric_timed_out(period=MINUTE), 0, f"A {saga.name} saga timed out")
        for name in RELAYS:
            age = hub.functions[name].function.metric("IteratorAge", statistic="max", period=MINUTE)
            self._alarm(f"behind-{name}", age, BEHIND_MS, "The relay is behind")
        self._alarm("server-errors", api.api.metric_server_error(period=MINUTE), 0, "The API answered 5xx")
        functions = {**fulfilment.functions, **hub.functions, **subscribers.functions, **api.functions}
        for name, made in functions.items():
            self._alarm(f"throttled-{name}", made.function.metric_throttles(period=MINUTE), 0, f"{name} was throttled")
        for table in (
            data.orders,
            data.inventory,
            data.claims,
            data.told,
            data.vault,
            data.views,
            data.webhooks,
            data.live,
            data.insights,
            data.imports,
        ):
            self._alarm(f"throttled-table-{table.node.id.lower()}", _throttles(table), 0, "A hot key, or a quota")
        self._dashboard(stage, fulfilment, hub, api)

    def _pager(self, stage: Stage) -> sns.Topic | None:
        if not stage.alarms:
            return None
        topic = sns.Topic(self, "Pager", topic_name=f"orderhub-{stage.name}-pager", enforce_ssl=True)
        acknowledge(topic, "AwsSolutions-SNS2", "Alarms carry no data, only names.")
        tell(self, "PagerTopic", topic.topic_arn)
        return topic

    def _alarm(self, name: str, metric: cloudwatch.IMetric, above: float, description: str) -> None:
        if self._topic is None:
            return
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=f"{self.stack_name}-{name}",
            alarm_description=description,
            metric=metric,
            threshold=above,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self._topic))

    def _dashboard(self, stage: Stage, fulfilment: FulfilmentStack, hub: HubStack, api: ApiStack) -> None:
        board = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=f"orderhub-{stage.name}")
        board.add_widgets(
            cloudwatch.GraphWidget(
                title="Requests", left=[api.api.metric_count(), api.api.metric_client_error(), api.api.metric_server_error()]
            ),
            cloudwatch.GraphWidget(title="Answer time", left=[api.api.metric_latency(statistic=s) for s in ("p50", "p95", "p99")]),
            cloudwatch.GraphWidget(
                title="Sagas started", left=[saga.machine.metric_started() for saga in fulfilment.sagas.selling]
            ),
            cloudwatch.GraphWidget(title="Sagas failed", left=[saga.machine.metric_failed() for saga in fulfilment.sagas.selling]),
            cloudwatch.GraphWidget(
                title="Relays behind, ms", left=[hub.functions[name].function.metric("IteratorAge") for name in RELAYS]
            ),
            cloudwatch.GraphWidget(
                title="Parked", left=[queue.metric_approximate_number_of_messages_visible() for queue in self._dead.values()]
            ),
        )


def _throttles(table: ddb.TableV2) -> cloudwatch.MathExpression:
    """Reads and writes that a table refused; DynamoDB counts its indexes in."""
    return cloudwatch.MathExpression(
        expression="FILL(reads, 0) + FILL(writes, 0)",
        label="throttled",
        period=MINUTE,
        using_metrics={
            "reads": table.metric("ReadThrottleEvents", statistic="sum"),
            "writes": table.metric("WriteThrottleEvents", statistic="sum"),
        },
    )
