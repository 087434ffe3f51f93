"""The order of an exchange: what a customer gets instead of what came back, placed like any order, once for each return."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.errors import Conflict
from kernel.ids import derived_id
from orders import events as ev

if TYPE_CHECKING:
    from orders.state import Order


def exchange_order_id(order: Order, return_id: str) -> str:
    """The id of the order that a return's exchange becomes; derived from both, so it is placed once."""
    return derived_id("ord", order.received.channel, external_id(return_id))


def external_id(return_id: str) -> str:
    """Its external id in the order's channel."""
    return f"exchange-{return_id}"


def exchange(order: Order, return_id: str, placed_at: str) -> ev.OrderReceived:
    """The first fact of the order of an exchange. Raises Conflict where the return has none.

    It is for the same customer and address, in the same currency, and charged in full to the same payment method; the
    return is refunded in full as well, so that the difference in price falls out without either order's books knowing of
    the other.
    """
    wanted = order.returns[return_id].requested.exchange if return_id in order.returns else None
    if wanted is None:
        raise Conflict("no_exchange", "The return asks for no exchange.", current_status=order.status)
    lines = tuple(
        ev.Line(
            line_id=f"ln_{place}",
            sku=line.sku,
            quantity=line.quantity,
            unit_price=line.unit_price,
            discount=line.discount,
            tax=line.tax,
        )
        for place, line in enumerate(wanted.lines, start=1)
    )
    return order.received.model_copy(
        update={
            "external_id": external_id(return_id),
            "placed_at": placed_at,
            "lines": lines,
            "shipping": wanted.shipping,
            "exchange_of": order.id,
            # The one that took the rest pays for all of it: what a gift card paid is spent.
            "payment": order.received.payment.model_copy(update={"amount": None}),
            "payments": (),
            # It goes where the order went in the end; the recipient's data stays under the order that brought it.
            "ship_to": order.destination.ship_to,
            "delivery": order.destination.delivery,
            "vault_entry": order.destination.vault_entry,
            "vault_order": order.destination.vault_order,
        }
    )
