"""Step Functions entry point of payments."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from edge import clients
from edge.settings import FromEnvironment, read
from edge.tasks import TaskFunction, TaskInput
from edge.wiring import aggregates
from kernel.money import Money
from payments.domain import fold
from payments.service import PaymentRefused, Payments
from payments.stripe_provider import StripeProvider

if TYPE_CHECKING:
    from edge.tasks import Result

handler = TaskFunction()


class ProviderSettings(FromEnvironment):
    """Where the payment provider is and the secret that holds its key."""

    payment_base_url: str
    payment_key_secret: str


@lru_cache(maxsize=1)
def payments() -> Payments:
    """The service, wired once."""
    settings = read(ProviderSettings)
    provider = StripeProvider(api_key=clients.secret(settings.payment_key_secret), base_url=settings.payment_base_url)
    return Payments(aggregates(fold, "payment", "pay"), provider)


class AuthorizeInput(TaskInput):
    """What to hold, in minor units, and what pays."""

    amount: int
    currency: str
    token: str


class CaptureInput(TaskInput):
    """What shall be captured in all, in minor units; `final` releases the rest of the authorisation."""

    amount: int
    currency: str
    final: bool


class UndoInput(TaskInput):
    """Which currency a payment that never began would have had."""

    currency: str


@handler.command("authorize", AuthorizeInput)
def authorize(task: AuthorizeInput) -> Result:
    """Hold the order's amount: `authorized`, `declined` with the provider's code, or `closed` by a cancellation."""
    done = payments().authorize(task.order_id, Money(task.amount, task.currency), task.token, task.request("authorize-payment"))
    return {"outcome": done.outcome, "payment_id": done.payment_id, "code": done.code}


@handler.command("capture", CaptureInput)
def capture(task: CaptureInput) -> Result:
    """Capture what was shipped: `captured`, or `refused` for good."""
    target = Money(task.amount, task.currency)
    try:
        captured = payments().capture(task.order_id, target, task.request("capture-payment"), final=task.final)
    except PaymentRefused as refused:
        return {"outcome": "refused", "reason": str(refused)}
    return {"outcome": "captured", "captured": captured.amount}


@handler.command("undo", UndoInput)
def undo(task: UndoInput) -> Result:
    """Void or refund, whichever the ledger calls for; `refused` where the provider will not."""
    try:
        payment = payments().undo(task.order_id, task.currency, task.request("undo-payment"))
    except PaymentRefused as refused:
        return {"outcome": "refused", "reason": str(refused)}
    return {"outcome": payment.status, "refunded": payment.refunded}
