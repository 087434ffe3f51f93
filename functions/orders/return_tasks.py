"""What the returns saga asks of orders: settle the units, record the refund, place the order of an exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel

from edge.tasks import TaskFunction, TaskInput
from kernel.units import Span, Units
from orders import returning
from orders.state import repair_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.tasks import Result
    from orders.service import Orders


class ReturnInput(TaskInput):
    """Which return."""

    return_id: str


class LineSpans(BaseModel):
    """Units of a line, by their ordinals."""

    line_id: str
    spans: list[Span]


class SettleInput(ReturnInput):
    """What became of the units of a return, and why some are free again."""

    accepted: list[LineSpans]
    released: list[LineSpans]
    reason: Literal["rejected", "cancelled", "refused"]


class RefundInput(ReturnInput):
    """What went back to the customer, in minor units."""

    amount: int


def _units(lines: list[LineSpans]) -> dict[str, Units]:
    return {line.line_id: Units.of(line.spans) for line in lines}


def declare(handler: TaskFunction, orders: Callable[[], Orders]) -> None:
    """Let the function of orders' tasks answer these commands too."""

    @handler.command("read-return", ReturnInput)
    def read_return(task: ReturnInput) -> Result:
        """The return as the order set its units aside for it."""
        order = orders().load(task.order_id).state
        known = returning.of(order, task.return_id)
        return {
            "outcome": "read",
            "requested": known.requested.model_dump(mode="json", exclude={"return_id"}),
            "in_repair": repair_key("returns", task.return_id) in order.repairs,
        }

    @handler.command("settle-return", SettleInput)
    def settle_return(task: SettleInput) -> Result:
        """Let the accepted units go for good, and give the others free."""
        accepted, released = _units(task.accepted), _units(task.released)
        orders().decide(
            task.order_id,
            task.request("settle-return"),
            lambda order: returning.settle(order, task.return_id, accepted, released, task.reason),
        )
        return {"outcome": "settled"}

    @handler.command("place-exchange", ReturnInput)
    def place_exchange(task: ReturnInput) -> Result:
        """Place the order of the return's exchange, once; answers its id."""
        placed = orders().place_exchange(task.order_id, task.return_id, task.request("place-exchange"))
        return {"outcome": "placed", "exchange_order_id": placed}

    @handler.command("record-return-refund", RefundInput)
    def record_refund(task: RefundInput) -> Result:
        """The money for the accepted units went back."""
        orders().decide(
            task.order_id,
            task.request("record-refund"),
            lambda order: returning.record_refund(order, task.return_id, task.amount),
        )
        return {"outcome": "recorded"}
