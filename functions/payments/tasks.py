"""Step Functions entry point of payments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from edge.tasks import TaskFunction, TaskInput
from kernel.money import Money
from payments.domain import Tender
from payments.service import PaymentRefused
from payments.wiring import payments

if TYPE_CHECKING:
    from edge.tasks import Result

handler = TaskFunction()
Intent = Annotated[str, Field(min_length=1, max_length=200)]


class TenderInput(BaseModel):
    """A means of payment; without an amount it takes what the others leave."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    method: Literal["card", "gift_card"]
    token: str
    amount: int | None = None


class AuthorizeInput(TaskInput):
    """What shall be authorised in all, in minor units, and what pays: several payments, or the token of one card.

    `intent` names the wish, such as one edit: what was declined under it stays declined.
    """

    amount: int
    currency: str
    token: str = ""
    payments: tuple[TenderInput, ...] = ()
    intent: Intent | None = None
    purpose: Literal["sale", "edit"] = "sale"

    def tenders(self) -> list[Tender]:
        """The means of payment in the domain's terms."""
        several = [Tender(part.method, part.token, part.amount) for part in self.payments]
        return several or [Tender("card", self.token)]


class CaptureInput(TaskInput):
    """What shall be captured in all, in minor units; `final` releases the rest of the authorisations."""

    amount: int
    currency: str
    final: bool
    shipment_ids: tuple[str, ...] = ()


class RefundInput(TaskInput):
    """What shall be given back under this intent, in minor units. The same intent again gives nothing back again."""

    amount: Annotated[int, Field(gt=0)]
    currency: str
    intent: Intent
    purpose: Literal["refund", "goodwill", "edit"] = "refund"
    reason: str | None = None


class UndoInput(TaskInput):
    """Which currency a payment that never began would have had."""

    currency: str


@handler.command("authorize", AuthorizeInput)
def authorize(task: AuthorizeInput) -> Result:
    """Hold what is missing up to the amount: `authorized`, `declined` with the provider's code, `pending`, or `closed`."""
    target = Money(task.amount, task.currency)
    done = payments().authorize(
        task.order_id, target, task.tenders(), task.request("authorize-payment"), intent=task.intent, purpose=task.purpose
    )
    return {"outcome": done.outcome, "payment_id": done.payment_id, "code": done.code}


@handler.command("capture", CaptureInput)
def capture(task: CaptureInput) -> Result:
    """Capture what was shipped: `captured`, or `refused` for good."""
    target = Money(task.amount, task.currency)
    try:
        captured = payments().capture(
            task.order_id, target, task.request("capture-payment"), final=task.final, shipment_ids=task.shipment_ids
        )
    except PaymentRefused as refused:
        return {"outcome": "refused", "reason": str(refused)}
    return {"outcome": "captured", "captured": captured.amount}


@handler.command("refund", RefundInput)
def refund(task: RefundInput) -> Result:
    """Give back: `refunded` with what went to which payment, `pending` where the provider will say later, or `refused`."""
    amount = Money(task.amount, task.currency)
    done = payments().refund(
        task.order_id, amount, task.intent, task.request("refund-payment"), purpose=task.purpose, reason=task.reason
    )
    parts = [{"payment_id": payment_id, "amount": part} for payment_id, part in done.parts]
    return {"outcome": done.outcome, "refunded": done.refunded, "parts": parts, "reason": done.reason}


@handler.command("undo", UndoInput)
def undo(task: UndoInput) -> Result:
    """The order is over: void or refund, whichever the ledger calls for; `refused` where the provider will not."""
    try:
        ledger = payments().undo(task.order_id, task.currency, task.request("undo-payment"))
    except PaymentRefused as refused:
        return {"outcome": "refused", "reason": str(refused)}
    return {"outcome": ledger.status, "refunded": ledger.refunded}
