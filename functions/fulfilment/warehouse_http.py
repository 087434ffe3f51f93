"""The warehouse behind HTTP: a fulfilment order is put under the shipment's id, so putting it again changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from fulfilment.warehouse import WarehouseRefused, WarehouseUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMEOUT = httpx.Timeout(5, connect=2)


class HttpWarehouse:
    """A warehouse system at a base address, known by its API key."""

    def __init__(self, *, base_url: str, api_key: str) -> None:
        self._client = httpx.Client(base_url=base_url, timeout=TIMEOUT, headers={"authorization": f"Bearer {api_key}"})

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
        """Hand a shipment over. Raises WarehouseUnavailable, WarehouseRefused."""
        body: dict[str, object] = {
            "order_id": order_id,
            "node_id": node_id,
            "lines": [{"line_id": line_id, "sku": sku, "quantity": quantity} for line_id, sku, quantity in lines],
        }
        if pickup:
            body["pickup"] = True
        if phone_last4:
            body["recipient"] = {"phone_last4": phone_last4}
        self._ask("PUT", f"/v1/fulfilment-orders/{shipment_id}", body, correlation_id)

    def recall(self, shipment_id: str, *, correlation_id: str) -> bool:
        """Stop a shipment; False where it has left. One that the warehouse never had is stopped too."""
        answer = self._send("POST", f"/v1/fulfilment-orders/{shipment_id}/recall", {}, correlation_id)
        if answer.status_code == 409:
            return False
        if answer.status_code != 404:
            _check(answer)
        return True

    def hold(self, shipment_id: str, *, correlation_id: str) -> None:
        """Keep a shipment at the gate. Raises WarehouseUnavailable, WarehouseRefused."""
        self._tell(shipment_id, "hold", correlation_id)

    def let_go(self, shipment_id: str, *, correlation_id: str) -> None:
        """Let a shipment leave again. Raises WarehouseUnavailable, WarehouseRefused."""
        self._tell(shipment_id, "let-go", correlation_id)

    def _tell(self, shipment_id: str, what: str, correlation_id: str) -> None:
        answer = self._send("POST", f"/v1/fulfilment-orders/{shipment_id}/{what}", {}, correlation_id)
        # One that it never had, or that has left or was recalled, needs no telling: its facts are taken or refused by the hub.
        if answer.status_code not in (404, 409):
            _check(answer)

    def resume(self, shipment_id: str, lines: Sequence[tuple[str, int]], *, correlation_id: str) -> None:
        """Go on after a short pick. Raises WarehouseUnavailable, WarehouseRefused."""
        body = {"lines": [{"line_id": line_id, "quantity": quantity} for line_id, quantity in lines]}
        self._ask("POST", f"/v1/fulfilment-orders/{shipment_id}/resume", body, correlation_id)

    def _ask(self, method: str, path: str, body: object, correlation_id: str) -> None:
        _check(self._send(method, path, body, correlation_id))

    def _send(self, method: str, path: str, body: object, correlation_id: str) -> httpx.Response:
        try:
            return self._client.request(method, path, json=body, headers={"x-correlation-id": correlation_id})
        except httpx.TransportError as error:
            raise WarehouseUnavailable(type(error).__name__) from error


def _check(answer: httpx.Response) -> None:
    if answer.status_code == 429 or answer.status_code >= 500:
        raise WarehouseUnavailable(f"status {answer.status_code}")
    if answer.is_error:
        raise WarehouseRefused(f"status {answer.status_code}")
