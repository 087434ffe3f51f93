"""The desk at which an order sets units aside for a return: orders' decision behind the port that returns ask at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders import returning
from returns import events as ev

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge.aggregates import Aggregates, Command
    from orders.return_events import Exchange
    from orders.return_events import ReturnRequested as SetAside
    from orders.state import Order


class OrderDesk:
    """One request's wishes, put before its order."""

    def __init__(
        self,
        orders: Aggregates[Order],
        order_id: str,
        wishes: Sequence[returning.Wish],
        instead: Callable[[str], Exchange | None],
    ) -> None:
        self._orders = orders
        self._order_id = order_id
        self._wishes = wishes
        self._instead = instead

    def set_aside(self, return_id: str, command: Command) -> tuple[ev.ReturnRequested, bool]:
        """Set the wanted units aside for a return; answers the return that this is, and whether it was known already.

        Raises what the order's decision raises, and Invalid for an exchange in another currency.
        """
        done = self._orders.execute(
            self._order_id,
            command,
            lambda order: returning.request(order, return_id, self._wishes, self._instead(order.currency)),
        )
        return requested(self._order_id, returning.of(done.state, return_id).requested), done.replayed


def requested(order_id: str, fact: SetAside) -> ev.ReturnRequested:
    """The first fact of a return, as it follows from the order's."""
    return ev.ReturnRequested.model_validate({**fact.model_dump(exclude={"return_id"}), "order_id": order_id})
