"""Sends baskets through the public API, one order a basket, follows each to its end, and reports what became of them."""

from __future__ import annotations

import json
import statistics
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from local import tokens
from local.api_client import Hub, Refused, TookTooLong
from local.baskets import Basket, read
from local.console import console
from local.hubfile import read as read_hub
from local.logs import events_arrived

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from local.instance import Instance

SAMPLE: Final = Path(__file__).parent / "data" / "complete_journey_week20.csv.gz"
AT_ONCE: Final = 4
ENDED: Final = ("completed", "rejected", "cancelled")
STALLED_S: Final = 300.0
"""How long nothing may move before the replay gives up; the watch looks after stuck orders every minute."""
ANSWERS_S: Final = 300.0
"""How long one order is offered again while the hub does not answer."""
SCOPES: Final = ("orders/write", "orders/read", "inventory/write")


class Channel:
    """The stores' channel: a machine with credentials of its own."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._client = httpx.Client(
            base_url=read_hub(instance)["api_url"], timeout=60, limits=httpx.Limits(max_connections=AT_ONCE)
        )
        self._lock = threading.Lock()

    def _headers(self) -> dict[str, str]:
        with self._lock:
            return {"authorization": f"Bearer {tokens.for_scopes(self._instance, SCOPES, 'Channel')}"}

    def send(self, method: str, path: str, body: object = None, key: str | None = None) -> httpx.Response:
        """Ask until the hub answers: the same key asks for the same thing, so asking again is safe. Raises TookTooLong."""
        end, wait = time.monotonic() + ANSWERS_S, 0.2
        while True:
            try:
                headers = self._headers() | ({"idempotency-key": key} if key else {})
                answer = self._client.request(method, path, json=body, headers=headers)
                if answer.status_code < 500 and answer.status_code != 429:
                    return answer
            except httpx.TransportError:
                pass  # The hub may be restarting; it is asked again below.
            if time.monotonic() > end:
                raise TookTooLong(f"{method} {path} had no answer for {ANSWERS_S:.0f} s")
            time.sleep(wait)
            wait = min(3.0, wait * 2)


def run(instance: Instance, file: Path, limit: int | None, rate: float, report_file: Path | None) -> None:
    """Replay a file. Raises TookTooLong where orders stay stuck, Refused where stock cannot be loaded."""
    baskets = list(read(file, limit))
    channel = Channel(instance)
    with Progress(
        TextColumn("{task.description:>18}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    ) as bars:
        _load(Hub(instance), baskets, bars.add_task("loading stock", total=None), bars)
        began = time.time()
        accepted, refused, answers, replayed = _place(channel, baskets, rate, bars)
        placed_s = time.time() - began
        listed = _follow(channel, baskets, accepted, bars)
        ended_s = time.time() - began
    report = _report(instance, baskets, accepted, refused, answers, listed, began, placed_s, ended_s, replayed)
    _show(report, rate)
    if report_file:
        report_file.write_text(json.dumps(report, indent=2) + "\n")
    if report["lost"] or report["duplicated"] or not report["totals_equal"]:
        raise Refused(0, {"code": "replay_failed", "detail": "the report shows a loss, a duplicate or a difference"})


def _load(hub: Hub, baskets: Sequence[Basket], task: Any, bars: Progress) -> None:  # rich's id of a bar
    """Nodes for the stores, and in each just what its baskets will ask for; a second replay finds it loaded."""
    wanted: Counter[tuple[str, str]] = Counter()
    for basket in baskets:
        for line in basket.lines:
            wanted[basket.node_id, line["sku"]] += line["quantity"]
    nodes = sorted({node_id for node_id, _ in wanted})
    rows = [
        {"sku": sku, "node_id": node_id, "type": "received", "quantity": quantity, "reference": "replay"}
        for (node_id, sku), quantity in sorted(wanted.items())
    ]
    parts = [rows[start : start + 500] for start in range(0, len(rows), 500)]
    bars.update(task, total=len(nodes) + len(parts))
    known = {node["node_id"] for node in hub.call("GET", "/v1/nodes")["items"]}
    for node_id in nodes:
        if node_id not in known:
            location = {"lat": 39.1, "lon": -84.5}
            body = {"name": node_id, "kind": "store", "location": location, "capabilities": ["pickup"], "cost_rank": 100}
            hub.call("PUT", f"/v1/nodes/{node_id}", body)
        bars.advance(task)
    for part in parts:
        # The key is of the content: the same replay again brings no second delivery.
        hub.call("POST", "/v1/inventory/movements", {"movements": part}, key=str(uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(part))))
        bars.advance(task)


def _place(
    channel: Channel, baskets: Sequence[Basket], rate: float, bars: Progress
) -> tuple[dict[str, dict[str, Any]], Counter[str], list[float], int]:
    """Offer every basket at the rate; answers orders by basket, refusals by reason, and how long each answer took in ms."""
    accepted: dict[str, dict[str, Any]] = {}
    refused: Counter[str] = Counter()
    answers: list[float] = []
    replayed = [0]
    task = bars.add_task("placing orders", total=len(baskets))
    began = time.monotonic()

    def place(numbered: tuple[int, Basket]) -> None:
        number, basket = numbered
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        if not basket.lines:
            refused["no line that can be sold"] += 1
        else:
            since = time.monotonic()
            answer = channel.send("POST", "/v1/orders", basket.order(), f"basket-{basket.basket_id}")
            answers.append((time.monotonic() - since) * 1000)
            if answer.status_code == 201:
                accepted[basket.basket_id] = answer.json()
                replayed[0] += answer.headers.get("idempotency-replayed") == "true"
            else:
                refused[str(answer.json().get("code"))] += 1
        bars.advance(task)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(place, enumerate(baskets)))
    return accepted, refused, answers, replayed[0]


def _follow(
    channel: Channel, baskets: Sequence[Basket], accepted: dict[str, dict[str, Any]], bars: Progress
) -> dict[str, list[dict[str, Any]]]:
    """Look at the list until every accepted order has ended. Raises TookTooLong where nothing moves any more."""
    task = bars.add_task("until all ended", total=len(accepted))
    times = sorted(basket.at for basket in baskets)
    moved, last = time.monotonic(), -1
    while True:
        listed: dict[str, list[dict[str, Any]]] = {}
        for order in _list(channel, f"{times[0]}.000Z", f"{times[-1]}.999Z"):
            listed.setdefault(order["external_id"], []).append(order)
        ended = sum(1 for basket_id in accepted if any(order["status"] in ENDED for order in listed.get(basket_id, [])))
        bars.update(task, completed=ended)
        if ended == len(accepted):
            return listed
        if ended != last:
            moved, last = time.monotonic(), ended
        elif time.monotonic() - moved > STALLED_S:
            stuck = Counter(
                order["status"]
                for b in accepted
                for order in listed.get(b, [{"status": "unlisted"}])
                if order["status"] not in ENDED
            )
            raise TookTooLong(f"{len(accepted) - ended} orders do not move any more: {dict(stuck)}")
        time.sleep(1)


def _list(channel: Channel, placed_from: str, placed_to: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = channel.send("GET", f"/v1/orders?limit=200&placed_from={placed_from}&placed_to={placed_to}{cursor}").json()
        found += page["items"]
        if not page["next_cursor"]:
            return found
        cursor = f"&cursor={page['next_cursor']}"


def _report(
    instance: Instance,
    baskets: Sequence[Basket],
    accepted: dict[str, dict[str, Any]],
    refused: Counter[str],
    answers: Sequence[float],
    listed: dict[str, list[dict[str, Any]]],
    began: float,
    placed_s: float,
    ended_s: float,
    replayed: int,
) -> dict[str, Any]:
    lines_refused: Counter[str] = Counter()
    for basket in baskets:
        lines_refused += basket.refused
    expected = sum(basket.expected for basket in baskets if basket.basket_id in accepted)
    ordered = sum(order["totals"]["grand"]["amount"] for order in accepted.values())
    ids = {order["id"] for order in accepted.values()}
    books = httpx.get(f"{instance.url('payment')}/books", timeout=60).json()["items"]
    captured = sum(item["captured"] - item["refunded"] for item in books if item["order_id"] in ids)
    statuses = Counter(order["status"] for b in accepted for order in listed.get(b, []))
    completed = sum(
        accepted[b]["totals"]["grand"]["amount"] for b in accepted if any(o["status"] == "completed" for o in listed.get(b, []))
    )
    arrived = [event for event in events_arrived(instance, began) if event["order_id"] in ids]
    return {
        "baskets": len(baskets),
        "lines": sum(len(basket.lines) for basket in baskets),
        "lines_refused": dict(lines_refused),
        "orders_accepted": len(accepted),
        "orders_known_from_before": replayed,
        "orders_refused": dict(refused),
        "ended": dict(statuses),
        "lost": sum(1 for basket_id in accepted if not listed.get(basket_id)),
        "duplicated": sum(1 for basket_id in accepted if len(listed.get(basket_id, [])) > 1),
        "cents_in_file": expected,
        "cents_ordered": ordered,
        "cents_of_completed": completed,
        "cents_captured": captured,
        "totals_equal": expected == ordered and completed == captured,
        "orders_placed_per_s": round(len(accepted) / placed_s, 1),
        "orders_ended_per_s": round(len(accepted) / ended_s, 1),
        "answer_ms": _percentiles(answers),
        "events": len(arrived),
        "events_by_lane": dict(Counter(event["lane"] for event in arrived)),
        "commit_to_delivery_ms": _percentiles([float(event["lag_ms"]) for event in arrived]),
    }


def _percentiles(values: Sequence[float]) -> dict[str, float]:
    if len(values) < 2:
        return {}
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return {"p50": round(cuts[49], 1), "p95": round(cuts[94], 1), "p99": round(cuts[98], 1), "max": round(max(values), 1)}


def _show(report: dict[str, Any], rate: float) -> None:
    show: Callable[[str], None] = console.print
    show(f"\n[bold]Replay[/] of {report['baskets']} baskets with {report['lines']} lines, offered at {rate:g} orders/s")
    show(f"  lines refused      {report['lines_refused'] or 'none'}")
    show(f"  orders accepted    {report['orders_accepted']} ({report['orders_known_from_before']} of them known from before)")
    show(f"  orders refused     {report['orders_refused'] or 'none'}")
    show(f"  ended              {report['ended']}")
    show(f"  lost               {report['lost']}")
    show(f"  duplicated         {report['duplicated']}")
    show(
        f"  totals             file {report['cents_in_file']}, orders {report['cents_ordered']} cents; completed {report['cents_of_completed']}, captured {report['cents_captured']}"
    )
    show(f"  orders a second    {report['orders_placed_per_s']} placed, {report['orders_ended_per_s']} from first to last end")
    show(f"  answer, ms         {report['answer_ms']}")
    show(
        f"  commit to delivery of the event, ms  {report['commit_to_delivery_ms']} over {report['events']} events, by lane {report['events_by_lane']}"
    )
