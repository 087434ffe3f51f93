"""The events of stock: every version of a counter is one event, with the counter as it left it. Quantities are units.

Stock that is spread has several counters, each with a subject of its own: `sku@node` is its home, `sku@node#3` its
bucket 3. What there is of it is the sum over the latest events of them all.
"""

from __future__ import annotations

from kernel.contracts import EventData, contract

_LISTENERS = ("ATP", "channels")


class StockMoved(EventData):
    """What every movement tells: the counter after it. `quantity` is signed where the movement may go both ways."""

    sku: str
    node_id: str
    quantity: int
    reference: str
    order_id: str | None = None
    on_hand: int
    allocated: int
    reserved: int
    available: int
    bucket: int = 0
    channel: str | None = None


@contract("inventory.received", 1, context="inventory", trigger="goods came in", consumers=_LISTENERS)
class StockReceived(StockMoved):
    """Units came in."""


@contract("inventory.adjusted", 1, context="inventory", trigger="a correction, or a short pick", consumers=_LISTENERS)
class StockAdjusted(StockMoved):
    """The books were wrong by so many units."""


@contract("inventory.counted", 1, context="inventory", trigger="a stock-take", consumers=_LISTENERS)
class StockCounted(StockMoved):
    """A count found so many units more or less."""


@contract("inventory.reserved", 1, context="inventory", trigger="an order holds units until it is paid", consumers=_LISTENERS)
class StockReserved(StockMoved):
    """Units are held for an order."""


@contract("inventory.released", 1, context="inventory", trigger="a reservation ended", consumers=_LISTENERS)
class StockReleased(StockMoved):
    """Held units can be sold again."""


@contract("inventory.allocated", 1, context="inventory", trigger="an order was sold", consumers=_LISTENERS)
class StockAllocated(StockMoved):
    """Held units belong to an order."""


@contract("inventory.deallocated", 1, context="inventory", trigger="a sold order was cancelled", consumers=_LISTENERS)
class StockDeallocated(StockMoved):
    """Units belong to no order any more."""


@contract("inventory.shipped", 1, context="inventory", trigger="a shipment left", consumers=_LISTENERS)
class StockShipped(StockMoved):
    """Units left the node."""


@contract("inventory.returned", 1, context="inventory", trigger="a return was put back", consumers=_LISTENERS)
class StockReturned(StockMoved):
    """Units came back and can be sold again."""


@contract("inventory.rebalanced", 1, context="inventory", trigger="stock was spread or gathered", consumers=_LISTENERS)
class StockRebalanced(StockMoved):
    """Units went into a bucket of the same stock, or out of one."""


@contract("inventory.sold", 1, context="inventory", trigger="a sale at a till", consumers=_LISTENERS)
class StockSold(StockMoved):
    """Units were sold over the counter and are gone."""


@contract(
    "inventory.oversold", 1, context="inventory", trigger="a till sold what was not for sale", consumers=(*_LISTENERS, "stores")
)
class StockOversold(StockMoved):
    """Units went over the counter that were held for orders, or were not in the books; `available` says how short it is."""


@contract("inventory.policy_set", 1, context="inventory", trigger="safety, thresholds or buffers changed", consumers=_LISTENERS)
class StockPolicySet(StockMoved):
    """The node sells this SKU by another policy; `quantity` is by how much the safety stock changed."""


@contract("inventory.low", 1, context="inventory", trigger="what can be sold fell below its threshold", consumers=("purchasing",))
class StockLow(StockMoved):
    """Too little is left, once for each time it becomes so; `quantity` is how much is missing to the threshold."""


@contract("inventory.recovered", 1, context="inventory", trigger="enough can be sold again", consumers=("purchasing",))
class StockRecovered(StockMoved):
    """What can be sold is no longer below its threshold."""


@contract("replenishment.signalled", 1, context="inventory", trigger="stock is low and has a target", consumers=("purchasing",))
class ReplenishmentSignalled(StockMoved):
    """`quantity` units would fill the stock up to its target."""


class HeldUnits(EventData):
    """Units that were held at a node."""

    sku: str
    node_id: str
    quantity: int


@contract("reservation.expired", 1, context="inventory", trigger="a reservation was found past its time", consumers=("channels",))
class ReservationExpired(EventData):
    """An order's reservation ran out before it was paid; what it held can be sold again."""

    order_id: str
    attempt: int
    expires_at: str
    held: tuple[HeldUnits, ...]


BY_TYPE: dict[str, type[StockMoved]] = {
    model.event_type.rpartition(".")[2]: model
    for model in (
        StockReceived,
        StockAdjusted,
        StockCounted,
        StockReserved,
        StockReleased,
        StockAllocated,
        StockDeallocated,
        StockShipped,
        StockReturned,
        StockRebalanced,
        StockSold,
        StockOversold,
        StockPolicySet,
        StockLow,
        StockRecovered,
        ReplenishmentSignalled,
    )
}
