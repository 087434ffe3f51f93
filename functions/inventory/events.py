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


BY_TYPE: dict[str, type[StockMoved]] = {
    model.event_type.removeprefix("inventory."): model
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
    )
}
