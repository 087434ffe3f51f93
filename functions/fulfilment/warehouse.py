"""What the hub asks of a warehouse. A real warehouse system is an adapter that implements this and nothing more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


class WarehouseUnavailable(Exception):
    """No answer, or a passing one. Everything asked of a warehouse may be asked again."""


class WarehouseRefused(Exception):
    """The warehouse will not do this, however often it is asked."""


class Warehouse(Protocol):
    """Picks, packs and dispatches."""

    def release(
        self,
        *,
        shipment_id: str,
        order_id: str,
        node_id: str,
        lines: Sequence[tuple[str, str, int]],
        phone_last4: str | None,
        correlation_id: str,
        pickup: bool = False,
    ) -> None:
        """Hand over what is to be sent, or kept for a `pickup`: lines of (line id, SKU, units).

        Raises WarehouseUnavailable, WarehouseRefused.
        """
        ...

    def recall(self, shipment_id: str, *, correlation_id: str) -> bool:
        """Stop a shipment; False where it has left. Raises WarehouseUnavailable, WarehouseRefused."""
        ...

    def hold(self, shipment_id: str, *, correlation_id: str) -> None:
        """Keep a shipment at the gate until it is let go. Raises WarehouseUnavailable, WarehouseRefused."""
        ...

    def let_go(self, shipment_id: str, *, correlation_id: str) -> None:
        """Let a shipment leave again. Raises WarehouseUnavailable, WarehouseRefused."""
        ...

    def resume(self, shipment_id: str, lines: Sequence[tuple[str, int]], *, correlation_id: str) -> None:
        """Go on after a short pick with lines of (line id, units). Raises WarehouseUnavailable, WarehouseRefused."""
        ...
