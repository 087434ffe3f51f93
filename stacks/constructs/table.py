"""A DynamoDB table with our defaults: on demand, and kept as the stage says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_dynamodb as ddb

from stacks.constructs.acknowledge import acknowledge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from constructs import Construct

    from stacks.stage import Stage


def table(
    scope: Construct,
    name: str,
    stage: Stage,
    *,
    sort: ddb.AttributeType | None = None,
    indexes: Sequence[str] = (),
    key_indexes: Sequence[str] = (),
    stream: ddb.StreamViewType | None = None,
    ttl: bool = False,
) -> ddb.TableV2:
    """A table with `pk` (and `sk`); an index `by_x` has the keys `gsi_x_pk` and `gsi_x_sk`.

    An index holds whole items, and is written with every change of one; a key index holds their keys, and is written only
    when these change.
    """
    made = ddb.TableV2(
        scope,
        name.title(),
        table_name=f"orderhub-{stage.name}-{name}",
        partition_key=ddb.Attribute(name="pk", type=ddb.AttributeType.STRING),
        sort_key=ddb.Attribute(name="sk", type=sort) if sort else None,
        billing=ddb.Billing.on_demand(),
        dynamo_stream=stream,
        time_to_live_attribute="expires_at" if ttl else None,
        removal_policy=stage.removal,
        deletion_protection=stage.deletion_protection,
        point_in_time_recovery_specification=ddb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=stage.point_in_time_recovery
        ),
        global_secondary_indexes=[
            ddb.GlobalSecondaryIndexPropsV2(
                index_name=index,
                projection_type=ddb.ProjectionType.KEYS_ONLY if index in key_indexes else ddb.ProjectionType.ALL,
                partition_key=ddb.Attribute(name=f"gsi_{index.removeprefix('by_')}_pk", type=ddb.AttributeType.STRING),
                sort_key=ddb.Attribute(name=f"gsi_{index.removeprefix('by_')}_sk", type=ddb.AttributeType.STRING),
            )
            for index in (*indexes, *key_indexes)
        ],
    )
    if not stage.point_in_time_recovery:
        acknowledge(made, "AwsSolutions-DDB3", "A development stage holds nothing that anybody would restore; prod has it on.")
    return made
