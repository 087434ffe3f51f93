"""A function as data: its handler, what it has to know, and exactly what it may do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_cdk import aws_stepfunctions as sfn
    from aws_cdk.aws_iam import PolicyStatement

    from stacks.constructs.saga import Saga
    from stacks.data import DataStack
    from stacks.stage import Stage

Library = Literal["payments", "documents"]

CONSUMER_TIMEOUT_S = 15
"""A consumer that hangs hides its messages for six times as long."""

IMPORTER_TIMEOUT_S = 30
"""An importer that was killed leaves its import for six times as long; it hands over before its time is up."""
SENDER_TIMEOUT_S = 29
"""The sender of webhooks gives endpoints two seconds a batch and the last of them five more; the rest is for looking up names."""


@dataclass(frozen=True, slots=True)
class Spec:
    """A function to be."""

    handler: str
    environment: Mapping[str, str] = field(default_factory=dict)
    grants: Sequence[PolicyStatement] = ()
    timeout_s: int = 29
    concurrency: int | None = None
    """How many copies may run at once; None leaves it to the account's own limit."""
    library: Library | None = None
    """A layer that it needs besides the common one."""
    acknowledged: Mapping[str, str] = field(default_factory=dict)
    """Findings of cdk-nag on what it may do, each with its reason."""


@dataclass(frozen=True, slots=True)
class Sagas:
    """The sagas that functions start or wake."""

    selling: Sequence[Saga]
    remediation: Saga

    @property
    def machines(self) -> list[sfn.StateMachine]:
        """The state machines of the sagas that orders run through."""
        return [saga.machine for saga in self.selling]


def store_env(stage: Stage, data: DataStack) -> dict[str, str]:
    """Where events are kept and told."""
    return {
        "ORDERS_TABLE": data.orders.table_name,
        "TOLD_TABLE": data.told.table_name,
        "EVENT_BUS": data.bus.event_bus_name,
        "FAST_LANE": stage.fast_lane,
        "FAST_LANE_BUDGET_MS": str(stage.fast_lane_budget_ms),
    }


def cursor_env(data: DataStack) -> dict[str, str]:
    """Where lists are, and what their cursors are signed with."""
    return {"CURSOR_KEY_SECRET": data.cursor_key.arn, "VIEWS_TABLE": data.views.table_name}


def saga_env(sagas: Sequence[Saga]) -> dict[str, str]:
    """Where the sagas are, by name."""
    return {f"{saga.name.upper()}_SAGA_ARN": saga.machine.state_machine_arn for saga in sagas}
