"""The demo: seven orders through the public API, each with another fate, then stock and money counted."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from local.api_client import Hub, TookTooLong
from local.console import console

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.instance import Instance

PATIENCE_S = 90.0
SHIPPING = 300
PRICE = 500


class DemoFailed(Exception):
    """An order did not end as it should, or the books do not add up."""


@dataclass(frozen=True, slots=True)
class Scene:
    """An order and how it has to end."""

    title: str
    sku: str
    quantity: int
    token: str
    ends: str
    captured: int
    shipped: int
    act: Callable[[Hub, dict[str, Any]], None] | None = None


def run(instance: Instance) -> None:
    """Play all scenes. Raises DemoFailed, Refused, TookTooLong."""
    hub = Hub(instance)
    payments = instance.url("payment")
    before = {sku: _stock(hub, sku) for sku in {scene.sku for scene in SCENES}}
    orders = [(scene, _play(hub, scene)) for scene in SCENES]
    console.print("\n[bold]Books[/]")
    problems = []
    for scene, order in orders:
        money = _money(payments, order["id"])
        right = money["captured"] - money["refunded"] == scene.captured and not (money["held"] and order["status"] != "completed")
        console.print(
            f"  {'[green]✓[/]' if right else '[red]✗[/]'} {scene.title}: authorised {money['authorised']}, captured {money['captured']},"
            f" refunded {money['refunded']}, voided {'yes' if money['voided'] else 'no'}; {money['payments']} payment(s)"
        )
        if not right:
            problems.append(f"{scene.title}: {scene.captured} should have been captured")
    for sku, stock in before.items():
        shipped = sum(scene.shipped for scene in SCENES if scene.sku == sku)
        lost = 1 if sku.startswith("SHORT-") else 0
        now = _stock(hub, sku)
        wanted = {**stock, "on_hand": stock["on_hand"] - shipped - lost, "available": stock["available"] - shipped - lost}
        right = now == wanted
        console.print(f"  {'[green]✓[/]' if right else '[red]✗[/]'} {sku}: {now}")
        if not right:
            problems.append(f"{sku}: stock is {now}, and should be {wanted}")
    if problems:
        raise DemoFailed("; ".join(problems))
    console.print("  [green]Stock and money add up.[/]")


def order_body(lines: list[tuple[str, int]], token: str, external_id: str | None = None) -> dict[str, Any]:
    """An order of a made-up customer."""

    def money(amount: int) -> dict[str, Any]:
        return {"amount": amount, "currency": "USD"}

    return {
        "channel": "demo",
        "external_id": external_id or uuid.uuid4().hex,
        "placed_at": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
        "currency": "USD",
        "customer": {"id": "cus_demo", "name": "Ada Example", "email": "ada@example.com", "phone": "+12015550123"},
        "ship_to": {
            "name": "Ada Example",
            "phone": "+12015550123",
            "line1": "1 Example Street",
            "city": "Hoboken",
            "region": "NJ",
            "postal_code": "07030",
            "country": "US",
            "location": {"lat": 40.744, "lon": -74.032},
        },
        "delivery": {"method": "ship"},
        "lines": [
            {"sku": sku, "quantity": quantity, "unit_price": money(PRICE), "discount": money(0), "tax": money(0)}
            for sku, quantity in lines
        ],
        "shipping": money(SHIPPING),
        "payment": {"method": "card", "token": token},
    }


def _play(hub: Hub, scene: Scene) -> dict[str, Any]:
    since = time.monotonic()
    placed = hub.call("POST", "/v1/orders", order_body([(scene.sku, scene.quantity)], scene.token))
    console.print(f"\n[bold]{scene.title}[/] {placed['id']}")

    def seen(status: str) -> None:
        console.print(f"  {time.monotonic() - since:6.2f} s  {status}")

    if scene.act is not None:
        scene.act(hub, placed)
    order = hub.until(placed["id"], ("completed", "rejected", "cancelled"), PATIENCE_S, seen)
    if order["status"] != scene.ends:
        raise DemoFailed(f"{scene.title}: {placed['id']} is {order['status']}, and should be {scene.ends}")
    return order


def _cancel(hub: Hub, order: dict[str, Any]) -> None:
    hub.until(order["id"], ("released",), PATIENCE_S, lambda status: console.print(f"          {status}"))
    hub.call("POST", f"/v1/orders/{order['id']}/cancel", {"reason": "changed my mind"})
    console.print("          cancel, while robots are picking")


def _hold(hub: Hub, order: dict[str, Any]) -> None:
    path = f"/v1/orders/{order['id']}/holds"
    held = hub.call("POST", path, {"type": "manual", "reason": "is it a gift?"})
    console.print(f"          {held['status']}: nothing leaves until somebody decides")
    hub.call("POST", f"{path}/{held['hold_id']}/release", {"reason": "it is, and wrapped"})
    console.print("          released")


def _approve(hub: Hub, order: dict[str, Any]) -> None:
    end = time.monotonic() + PATIENCE_S
    while True:
        pending = hub.call("GET", "/v1/approvals?state=pending&limit=200", group="approvers")["items"]
        found = next((approval for approval in pending if approval["order_id"] == order["id"]), None)
        if found:
            break
        if time.monotonic() > end:
            raise TookTooLong("no approval was asked for")
        time.sleep(0.2)
    incident = hub.call("GET", f"/v1/incidents/{found['incident_id']}", group="approvers")
    for plan in incident["plans"]:
        console.print(f"          plan: {plan['action']}: {plan['summary']}")
    plan = next(plan for plan in incident["plans"] if plan["action"] == "ship_the_rest")
    decision = {"decision": "approve", "plan_id": plan["plan_id"], "comment": "the customer has it sooner"}
    hub.call("POST", f"/v1/approvals/{found['approval_id']}/decision", decision, group="approvers")
    console.print("          approved: ship the rest")


def _stock(hub: Hub, sku: str) -> dict[str, int]:
    found = hub.call("GET", f"/v1/inventory/{sku}")
    return {name: sum(node[name] for node in found["nodes"]) for name in ("on_hand", "allocated", "reserved", "available")}


def _money(payments: str, order_id: str) -> dict[str, Any]:
    items = httpx.get(f"{payments}/books", params={"order_id": order_id}, timeout=10).json()["items"]
    voided = bool(items) and all(item["voided"] for item in items)
    return {
        "payments": len(items),
        **{name: sum(item[name] for item in items) for name in ("authorised", "captured", "refunded")},
        "voided": voided,
        "held": any(not item["voided"] and not item["captured"] for item in items),
    }


SCENES = (
    Scene("Delivered", "SKU-1", 2, "tok_ok", "completed", 2 * PRICE + SHIPPING, 2),
    Scene("Declined", "SKU-2", 1, "tok_declined", "rejected", 0, 0),
    Scene("Out of stock", "SKU-NONE", 1, "tok_ok", "rejected", 0, 0),
    Scene("Held, and released", "SKU-2", 1, "tok_ok", "completed", PRICE + SHIPPING, 1, _hold),
    Scene("Short pick", "SHORT-1", 3, "tok_ok", "completed", 2 * PRICE + SHIPPING, 2, _approve),
    Scene("Cancelled in mid-flight", "SLOWPICK-1", 1, "tok_ok", "cancelled", 0, 0, _cancel),
    Scene("Payment timeout after success", "SKU-3", 1, "tok_timeout_after_success", "completed", PRICE + SHIPPING, 1),
)
