"""What the hub asks of a payment provider. A real provider is an adapter that implements this and nothing more.

Every call carries an idempotency key, and the same key asks for the same thing: an adapter may be called again after
any doubt, and must never do a thing twice for one key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kernel.money import Money


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
class Held:
    """What the provider holds, under its reference."""

    reference: str
    amount: int


class PaymentProvider(Protocol):
    """Holds, takes and gives back money."""

    def authorize(self, *, payment_id: str, order_id: str, amount: Money, token: str, key: str) -> Held:
        """Hold an amount. Raises Declined, ProviderRefused, ProviderUnavailable."""
        ...

    def capture(self, reference: str, amount: Money, *, final: bool, key: str) -> None:
        """Take so much of what is held; `final` lets go of the rest. Raises ProviderRefused, ProviderUnavailable."""
        ...

    def void(self, reference: str, *, key: str) -> None:
        """Let go of what is held. Raises ProviderRefused, ProviderUnavailable."""
        ...

    def refund(self, reference: str, amount: Money, *, key: str) -> None:
        """Give back so much of what was taken. Raises ProviderRefused, ProviderUnavailable."""
        ...
