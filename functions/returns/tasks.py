"""Step Functions entry point of returns."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from edge.tasks import TaskFunction, TaskInput
from edge.wiring import aggregates
from kernel.clock import rfc3339
from returns import domain
from returns.domain import fold
from returns.events import ReturnRequested
from returns.service import Returns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge.tasks import Result
    from kernel.units import Units
    from returns.domain import Return

handler = TaskFunction()


@lru_cache(maxsize=1)
def returns() -> Returns:
    """The service, wired once."""
    return Returns(aggregates(fold, "return", "rma"))


class ReturnInput(TaskInput):
    """Which return."""

    return_id: str


class OpenInput(ReturnInput):
    """The return as its order set units aside for it."""

    requested: dict[str, object]

    def fact(self) -> ReturnRequested:
        """The first fact of the return."""
        return ReturnRequested.model_validate({**self.requested, "order_id": self.order_id})


class ExchangedInput(ReturnInput):
    """The order of the exchange."""

    exchange_order_id: str


@handler.command("open", OpenInput)
def open_return(task: OpenInput) -> Result:
    """The return, begun now if the request that set its units aside got no further; answers what it calls for."""
    returns().open(task.return_id, task.fact(), task.request("open-return"))
    return plan(returns().load(task.return_id).state)


def plan(rma: Return) -> dict[str, object]:
    """What stock, money and the order have to follow with, whether or not they did already."""
    reason = rma.stage if rma.stage in ("rejected", "cancelled") and not rma.inspected else "refused"
    due = rma.refund is not None and rma.refunded is None
    instead = rma.requested.exchange is not None and rma.exchange_order_id is None
    return {
        "outcome": rma.status,
        "accepted": _spans(rma.accepted),
        "released": _spans(rma.released),
        "reason": reason,
        "restock": [
            {"sku": rma.lines[line_id].sku, "node_id": rma.node_of(line_id), "quantity": units.count}
            for line_id, units in sorted(rma.found("restock").items())
        ],
        "inspected_at": rfc3339(rma.inspected_at) if rma.inspected_at else None,
        "refund": {"amount": rma.refund.amount, "currency": rma.refund.currency} if due and rma.refund else None,
        "exchange_due": bool(instead and rma.inspected and rma.accepted),
    }


def _spans(units: Mapping[str, Units]) -> list[dict[str, object]]:
    return [{"line_id": line_id, "spans": found.spans} for line_id, found in sorted(units.items()) if found.count]


@handler.command("record-refund", ReturnInput)
def record_refund(task: ReturnInput) -> Result:
    """The money is back with the customer."""
    return {"outcome": returns().decide(task.return_id, task.request("record-refund"), domain.record_refund).state.status}


@handler.command("record-exchange", ExchangedInput)
def record_exchange(task: ExchangedInput) -> Result:
    """The order of the exchange is placed."""
    done = returns().decide(
        task.return_id, task.request("record-exchange"), lambda rma: domain.record_exchange(rma, task.exchange_order_id)
    )
    return {"outcome": done.state.status}
