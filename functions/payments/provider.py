"""What the hub asks of a payment provider. A real provider is an adapter that implements this and nothing more.

Every call carries an idempotency key, and the same key asks for the same thing: an adapter may be called again after
any doubt, and must never do a thing twice for one key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from kernel.money import Money
    from payments.events import Method
    from payments.reports import Returned


class Declined(Exception):
    """The provider will not pay; `code` is its own."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class ProviderRefused(Exception):
    """The provider will not do this, however often it is asked; `code` is its own."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class ProviderUnavailable(Exception):
    """No answer, or a passing one: nobody knows whether it was done. Ask again under the same key."""


@dataclass(frozen=True, slots=True)
class Labels:
    """What the provider keeps with everything that it does for the hub, so that both books can be laid side by side."""

    order_id: str
    payment_id: str
    key: str


@dataclass(frozen=True, slots=True)
class Held:
    """What the provider holds, under its reference; after `expires_at` it holds it no longer."""

    reference: str
    amount: int
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Awaiting:
    """What the provider has begun, under its reference, and will tell the end of later."""

    reference: str


@dataclass(frozen=True, slots=True)
class BooksEntry:
    """What the provider's own books say of one payment, in minor units."""

    reference: str
    labels: Labels | None
    currency: str
    held: int
    captured: int
    refunded: int


class PaymentProvider(Protocol):
    """Holds, takes and gives back money."""

    def authorize(self, amount: Money, *, token: str, method: Method, labels: Labels) -> Held | Awaiting:
        """Hold an amount. Raises Declined, ProviderRefused, ProviderUnavailable."""
        ...

    def look(self, reference: str) -> Held | Awaiting:
        """How an authorisation stands that was not final. Raises Declined, ProviderRefused, ProviderUnavailable."""
        ...

    def entry(self, reference: str) -> BooksEntry | None:
        """What the books say of a payment; None for one that they do not have. Raises ProviderRefused, ProviderUnavailable."""
        ...

    def refunds_of(self, reference: str, payment_id: str) -> list[Returned]:
        """Every refund of a payment, whoever made it. Raises ProviderRefused, ProviderUnavailable."""
        ...

    def capture(self, reference: str, amount: Money, *, final: bool, key: str) -> None:
        """Take so much of what is held; `final` lets go of the rest. Raises ProviderRefused, ProviderUnavailable."""
        ...

    def void(self, reference: str, *, key: str) -> None:
        """Let go of what is held. Raises ProviderRefused, ProviderUnavailable."""
        ...

    def refund(self, reference: str, amount: Money, *, labels: Labels) -> str | Awaiting:
        """Give back so much of what was taken; answers the refund's reference. Raises ProviderRefused, ProviderUnavailable."""
        ...
