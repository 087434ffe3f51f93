"""A relay behind a table's stream: in order, tried again from where it failed, and parked at last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from constructs import Construct

from stacks.constructs.consumer import parking
from stacks.grants import read_stream

if TYPE_CHECKING:
    from aws_cdk import aws_dynamodb as ddb

    from stacks.constructs.service_function import ServiceFunction
    from stacks.stage import Stage

TRIES = 20


class StreamRelay(Construct):
    """Lets a function tell what a table's stream shows."""

    def __init__(self, scope: Construct, name: str, *, stage: Stage, table: ddb.TableV2, function: ServiceFunction) -> None:
        super().__init__(scope, f"{name}-stream")
        self.dead = parking(self, "Dead", stage, name)
        function.role.add_to_policy(read_stream(table))
        lambda_.EventSourceMapping(
            self,
            "Mapping",
            target=function.function,
            event_source_arn=table.table_stream_arn,
            starting_position=lambda_.StartingPosition.TRIM_HORIZON,
            batch_size=100,
            bisect_batch_on_error=True,
            report_batch_item_failures=True,
            retry_attempts=TRIES,
            # One batch a shard at a time keeps every aggregate's events in order.
            parallelization_factor=1,
            on_failure=sources.SqsDlq(self.dead),
        ).node.add_dependency(function.role)
