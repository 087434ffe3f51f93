"""The use cases of payments. Never a provider call between load and commit: record the request, call, record the answer."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from edge.event_store import VersionTaken
from kernel.errors import Busy, Conflict
from kernel.ids import derived_id
from kernel.money import Money
from payments import domain
from payments.provider import Declined, PaymentProvider, ProviderRefused

if TYPE_CHECKING:
    from edge.aggregates import Aggregates, Command
    from kernel.contracts import EventData
    from payments.domain import Payment, Request

STEPS = 8
"""Provider calls that one command may need, completing what others left pending included."""


class PaymentRefused(Exception):
    """The provider refuses for good; people have to look at it."""


@dataclass(frozen=True, slots=True)
class Authorisation:
    """How an authorisation ended."""

    outcome: Literal["authorized", "declined", "closed"]
    payment_id: str
    code: str | None = None


def payment_id_of(order_id: str) -> str:
    """The id of an order's payment."""
    return derived_id("pay", order_id, "1")


class Payments:
    """Everything that sagas ask of payments."""

    def __init__(self, aggregates: Aggregates[Payment], provider: PaymentProvider) -> None:
        self._aggregates = aggregates
        self._provider = provider

    def authorize(self, order_id: str, amount: Money, token: str, command: Command) -> Authorisation:
        """Have the provider hold the amount. Raises ProviderUnavailable: the same call again completes it.

        An order that costs nothing has nothing to authorise.
        """
        payment_id = payment_id_of(order_id)
        if amount.amount == 0:
            return Authorisation("authorized", payment_id)
        if self._aggregates.find(payment_id) is None:
            first = domain.first_request(order_id, payment_id, amount.amount, amount.currency, token)
            # Where another run of the saga began it, what it began is completed below.
            with contextlib.suppress(VersionTaken):
                self._aggregates.create(payment_id, command, [first])
        payment = self._settle(payment_id, command)
        if payment.voided:
            return Authorisation("closed", payment_id)
        if payment.declined:
            return Authorisation("declined", payment_id, payment.declined)
        return Authorisation("authorized", payment_id)

    def capture(self, order_id: str, target: Money, command: Command, *, final: bool) -> Money:
        """Capture until `target` is captured in all; answers what is. Raises PaymentRefused, ProviderUnavailable."""
        if target.amount == 0:
            return target
        payment_id = payment_id_of(order_id)
        for _ in range(STEPS):
            payment = self._settle(payment_id, command)
            if payment.captured >= target.amount:
                return Money(payment.captured, payment.currency)
            missing = target.amount - payment.captured
            self._request(payment_id, command, "capture", missing, final=final)
            after = self._settle(payment_id, command)
            if after.captured == payment.captured:
                raise PaymentRefused("capture refused")
        raise Busy("contended", "Too many captures of one payment at once.")

    def undo(self, order_id: str, currency: str, command: Command) -> Payment:
        """Give the money back: void what is held, refund what was taken; a payment that never began is closed.

        Raises PaymentRefused, ProviderUnavailable.
        """
        payment_id = payment_id_of(order_id)
        if self._aggregates.find(payment_id) is None:
            try:
                return self._aggregates.create(payment_id, command, [domain.closed(order_id, payment_id, currency)]).state
            except VersionTaken:
                pass  # An authorisation began in this moment; it is undone below.
        for _ in range(STEPS):
            payment = self._settle(payment_id, command)
            if payment.captured > payment.refunded:
                self._request(payment_id, command, "refund", payment.captured - payment.refunded)
            elif payment.reference is not None and payment.captured == 0 and not payment.voided:
                self._request(payment_id, command, "void", payment.authorized)
            else:
                return payment
            after = self._settle(payment_id, command)
            if (after.refunded, after.voided) == (payment.refunded, payment.voided):
                raise PaymentRefused("the provider refuses to give the money back")
        raise Busy("contended", "Too many operations on one payment at once.")

    def find(self, order_id: str) -> Payment | None:
        """The order's payment, if it has one."""
        loaded = self._aggregates.find(payment_id_of(order_id))
        return loaded.state if loaded else None

    def _request(
        self, payment_id: str, command: Command, operation: Literal["capture", "refund", "void"], amount: int, *, final: bool = True
    ) -> None:
        def decide(payment: Payment) -> list[EventData]:
            return [] if payment.pending else domain.request(payment, operation, amount, final=final)

        self._aggregates.execute(payment_id, command, decide)

    def _settle(self, payment_id: str, command: Command) -> Payment:
        """The payment with nothing pending: a pending request is asked of the provider again, under its own key."""
        payment = self._aggregates.load(payment_id).state
        for _ in range(STEPS):
            asked = payment.pending
            if asked is None:
                return payment
            payment = self._ask(payment, asked, command)
        raise Busy("contended", "Too many operations on one payment at once.")

    def _ask(self, payment: Payment, asked: Request, command: Command) -> Payment:
        reference = payment.reference
        try:
            if asked.operation == "authorize":
                amount = Money(asked.amount, payment.currency)
                reference = self._provider.authorize(
                    payment_id=payment.id, order_id=payment.order_id, amount=amount, token=asked.token or "", key=asked.key
                ).reference
            else:
                self._act(payment, asked)
        except Declined as declined:
            code = declined.code
            return self._aggregates.execute(payment.id, command, lambda p: domain.fail(p, asked.key, code)).state
        except ProviderRefused as refused:
            code = refused.code
            return self._aggregates.execute(payment.id, command, lambda p: domain.fail(p, asked.key, code)).state
        return self._aggregates.execute(payment.id, command, lambda p: domain.succeed(p, asked.key, reference)).state

    def _act(self, payment: Payment, asked: Request) -> None:
        if payment.reference is None:
            raise Conflict("not_authorized", "Nothing is authorised.", current_status=payment.status)
        amount = Money(asked.amount, payment.currency)
        match asked.operation:
            case "capture":
                self._provider.capture(payment.reference, amount, final=asked.final, key=asked.key)
            case "refund":
                self._provider.refund(payment.reference, amount, key=asked.key)
            case "void":
                self._provider.void(payment.reference, key=asked.key)
            case "authorize":
                raise ValueError("an authorisation is not an operation on an authorised payment")
