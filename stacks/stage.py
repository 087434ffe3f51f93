"""What differs between stages: how much is kept, how much is watched, and where it runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from aws_cdk import RemovalPolicy
from aws_cdk.aws_lambda import Architecture
from aws_cdk.aws_logs import RetentionDays

if TYPE_CHECKING:
    from constructs import Node

ROOT = Path(__file__).parent.parent
BUILD = ROOT / "build"
SagaType = Literal["standard", "express"]
CHOICES = {"saga_type": ("standard", "express"), "fast_lane": ("on", "off"), "adviser": ("bedrock", "playbook")}
"""What the context may choose, and from what."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage's settings; patience in seconds."""

    name: Literal["local", "dev", "prod"]
    removal: RemovalPolicy
    deletion_protection: bool
    point_in_time_recovery: bool
    alarms: bool
    log_retention: RetentionDays
    saga_type: SagaType
    """Settled before the first deployment: CloudFormation can change neither the type of a named machine nor an ARN in use."""
    layer: str
    architecture: Architecture
    patience_saga_s: int
    patience_warehouse_s: int
    patience_carrier_s: int
    unpaid_after_s: int
    """How long an order may wait for its money before it is cancelled by rule."""
    fast_lane: Literal["on", "off"] = "on"
    fast_lane_budget_ms: int = 150
    adviser: Literal["bedrock", "playbook"] = "bedrock"
    payment_url: str = "https://api.stripe.com"
    warehouse_url: str = "https://warehouse.invalid"
    """No warehouse is everybody's; a name under `.invalid` (RFC 2606) fails at once, and at nobody's expense."""
    model_id: str = "amazon.nova-lite-v1:0"
    consumers: int | None = None
    """How many copies of a consumer may run at once; None leaves it to the account's own limit."""
    tasks: int | None = None
    """How many copies of a saga's task function may run at once; sagas retry what is turned away."""
    throttle_rate: int = 5000
    auction_window_s: int = 3
    """How long warehouses may bid for an order."""
    status_tolerance_s: int = 5
    """For how many seconds after a change another system may still believe what was true before it."""
    import_rows_per_s: int = 50
    """Orders that one importer places a second, so that those that come in now are not kept waiting."""
    webhook_schemes: tuple[str, ...] = ("https",)
    webhook_networks: tuple[str, ...] = ()
    """Networks to which webhooks may go although they are not public."""

    @property
    def is_local(self) -> bool:
        """Whether it runs on the emulator."""
        return self.name == "local"

    def layer_path(self, name: str) -> str | None:
        """Where a Lambda layer was built; None where this one was not, so that templates can be had without it."""
        path = BUILD / f"{name}-{self.layer}"
        return str(path) if path.is_dir() else None


STAGES: dict[str, Stage] = {
    "local": Stage(
        "local",
        RemovalPolicy.DESTROY,
        deletion_protection=False,
        point_in_time_recovery=False,
        alarms=False,
        log_retention=RetentionDays.ONE_WEEK,
        saga_type="standard",
        layer="local",
        architecture=Architecture.X86_64,
        patience_saga_s=60,
        patience_warehouse_s=120,
        patience_carrier_s=180,
        unpaid_after_s=3600,
        tasks=4,
        import_rows_per_s=10,
        fast_lane_budget_ms=1000,
        consumers=4,
        webhook_schemes=("https", "http"),
        webhook_networks=("127.0.0.0/8", "::1/128"),
    ),
    "dev": Stage(
        "dev",
        RemovalPolicy.DESTROY,
        deletion_protection=False,
        point_in_time_recovery=False,
        alarms=False,
        log_retention=RetentionDays.ONE_WEEK,
        saga_type="standard",
        layer="aws",
        architecture=Architecture.ARM_64,
        patience_saga_s=120,
        patience_warehouse_s=4 * 3600,
        patience_carrier_s=5 * 24 * 3600,
        unpaid_after_s=24 * 3600,
        throttle_rate=200,
    ),
    "prod": Stage(
        "prod",
        RemovalPolicy.RETAIN,
        deletion_protection=True,
        point_in_time_recovery=True,
        alarms=True,
        log_retention=RetentionDays.SIX_MONTHS,
        saga_type="express",
        layer="aws",
        architecture=Architecture.ARM_64,
        patience_saga_s=120,
        patience_warehouse_s=4 * 3600,
        patience_carrier_s=5 * 24 * 3600,
        unpaid_after_s=24 * 3600,
    ),
}


def stage_of(node: Node) -> Stage:
    """The stage that the context names, with what the context overrides. Raises ValueError for what is not allowed."""
    name = _one_of("stage", node.try_get_context("stage") or "dev", tuple(STAGES))
    changes: dict[str, Any] = {}
    for field, allowed in CHOICES.items():
        if value := node.try_get_context(field):
            changes[field] = _one_of(field, value, allowed)
    for field in ("payment_url", "warehouse_url", "model_id"):
        if value := node.try_get_context(field):
            changes[field] = str(value)
    for field in ("auction_window_s", "patience_saga_s", "patience_warehouse_s", "patience_carrier_s", "unpaid_after_s"):
        if value := node.try_get_context(field):
            changes[field] = int(value)
    return replace(STAGES[name], **changes)


def _one_of(name: str, value: object, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise ValueError(f"there is no {name} {value!r}: choose one of {', '.join(allowed)}")
    return str(value)
