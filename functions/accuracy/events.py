"""What other systems said of orders. The subject is a source's view of an order: `rpt_…`."""

from __future__ import annotations

from kernel.contracts import EventData, contract

_TOLD = ("accuracy KPI", "webhooks")
_SINCE = "2026-11-24"


class _Reported(EventData):
    source: str
    store: str
    order_id: str
    reported_status: str
    true_status: str | None = None
    as_of: str


@contract(
    "status.reported",
    1,
    context="accuracy",
    trigger="POST /v1/status-reports",
    consumers=_TOLD,
    since=_SINCE,
)
class StatusReported(_Reported):
    """A system's view of an order agrees with what was true at that time."""


@contract(
    "status.mismatch",
    1,
    context="accuracy",
    trigger="POST /v1/status-reports",
    consumers=_TOLD,
    since=_SINCE,
)
class StatusMismatch(_Reported):
    """A system's view of an order is wrong; `true_status` says what was true. None where there was no such order yet."""

    current_status: str | None = None
