"""A flash sale on the deployed stacks: many clients want one SKU, through the function that the sagas call, IAM enforced.

    orderhub up && python -m benchmarks.flash_sale --orders 10000 --units 5000 --clients 64
    … --kill-every 2      kills a random worker process of the function every two seconds on average

Every client asks for one unit, and asks again with the same order where it gets no answer, as a saga does. Afterwards
exactly the units that there were are reserved, by exactly the orders that were told so, and every counter is the fold of
its movements.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from benchmarks.stock_books import Books, audit, say, store_of
from local.api_client import Hub
from local.instance import Instance

if TYPE_CHECKING:
    from collections.abc import Iterator

FUNCTION = "orderhub-local-inventory-tasks"
NODE = "wh-east"
PATIENCE_S = 600.0
"""How long one client asks for one order."""


@dataclass(slots=True)
class Sale:
    """How a sale went."""

    sku: str
    units: int
    outcomes: Counter[str]
    held_by: set[str]
    seconds: float
    asked: int
    """Calls, those that were asked again included."""
    kills: int
    latencies_ms: list[float] = field(default_factory=list)

    def check(self, books: Books) -> None:
        """Raises AssertionError where a unit too many or too few was sold."""
        sold = min(self.units, sum(self.outcomes.values()))
        assert self.outcomes["reserved"] == sold, self.outcomes
        assert set(self.outcomes) <= {"reserved", "out_of_stock"}, self.outcomes
        assert (books.stock.on_hand, books.stock.reserved, books.stock.available) == (self.units, sold, self.units - sold)


def hold(instance: Instance, orders: int, units: int, clients: int, kill_every: float = 0.0, seed: int = 1) -> Sale:
    """Hold a sale of a SKU that nobody knew before, and check its books. Raises AssertionError."""
    sku = f"FLASH-{uuid.uuid4().hex[:10]}"
    row = {"sku": sku, "node_id": NODE, "type": "received", "quantity": units, "reference": "flash sale"}
    Hub(instance).call("POST", "/v1/inventory/movements", {"movements": [row]})
    functions = _functions(instance, clients)
    asked, ended = Counter[str](), threading.Event()
    latencies: list[float] = []

    def reserve(number: int) -> tuple[str, str]:
        order_id = f"ord_{uuid.uuid5(uuid.NAMESPACE_OID, f'{sku}/{number}').hex}"
        work = {
            "command": "reserve",
            "saga": "flash-sale",
            "order_id": order_id,
            "correlation_id": sku,
            "lines": [{"line_id": "ln_1", "sku": sku, "quantity": 1}],
            "node_id": NODE,
        }
        begun = time.monotonic()
        for outcome in _asked_again(functions, work, asked):
            latencies.append((time.monotonic() - begun) * 1000)
            return order_id, outcome
        raise TimeoutError("an order got no answer")

    killer = threading.Thread(target=_kill, args=(instance, kill_every, seed, ended, asked), daemon=True)
    killer.start()
    begun = time.monotonic()
    try:
        with ThreadPoolExecutor(clients) as pool:
            found = list(pool.map(reserve, range(orders)))
    finally:
        ended.set()
        killer.join()
    seconds = time.monotonic() - begun
    held_by = {order_id for order_id, outcome in found if outcome == "reserved"}
    outcomes = Counter(outcome for _, outcome in found)
    sale = Sale(sku, units, outcomes, held_by, seconds, asked["calls"], asked["kills"], latencies)
    sale.check(audit(store_of(instance), sku, NODE, held_by))
    return sale


def _functions(instance: Instance, clients: int) -> Any:
    from local.aws import client

    # One of localstack-client's clients says where; this one has as many connections as there are clients.
    like = client(instance, "lambda")
    import boto3

    return boto3.client(
        "lambda",
        endpoint_url=like.meta.endpoint_url,
        region_name=like.meta.region_name,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106  # the emulator takes any
        config=Config(max_pool_connections=clients, read_timeout=60, retries={"max_attempts": 1}),
    )


def _asked_again(functions: Any, work: dict[str, Any], asked: Counter[str]) -> Iterator[str]:
    """The answer, once there is one: turned away, killed and contended calls are made again with the same order."""
    end, wait = time.monotonic() + PATIENCE_S, 0.02
    while time.monotonic() < end:
        asked["calls"] += 1
        try:
            answer = functions.invoke(FunctionName=FUNCTION, Payload=json.dumps(work))
        except (ClientError, BotoCoreError):
            pass
        else:
            body = json.loads(answer["Payload"].read() or b"null")
            if not answer.get("FunctionError") and isinstance(body, dict) and "outcome" in body:
                yield str(body["outcome"])
                return
        time.sleep(random.uniform(0, wait))  # noqa: S311  # jitter
        wait = min(1.0, wait * 2)


def _kill(instance: Instance, every_s: float, seed: int, ended: threading.Event, asked: Counter[str]) -> None:
    dice = random.Random(seed)  # noqa: S311  # which worker dies
    while every_s and not ended.wait(dice.uniform(0, 2 * every_s)):
        pattern = f"{instance.home}/tmp/ministack-lambda-{FUNCTION}-"  # noqa: S108  # what its processes are called
        found = subprocess.run(["pgrep", "-f", pattern], capture_output=True, text=True, check=False)  # noqa: S603, S607
        workers = [int(pid) for pid in found.stdout.split()]
        if workers:
            os.kill(dice.choice(workers), signal.SIGKILL)
            asked["kills"] += 1


def main() -> None:
    """Hold a sale as the arguments say, and report it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--units", type=int, default=5_000)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--kill-every", type=float, default=0.0, metavar="SECONDS")
    asked = parser.parse_args()
    instance = Instance(os.environ.get("ORDERHUB_INSTANCE", "default"))
    sale = hold(instance, asked.orders, asked.units, asked.clients, asked.kill_every)
    books = audit(store_of(instance), sale.sku, NODE, sale.held_by)
    ordered = sorted(sale.latencies_ms)
    say(f"{asked.orders} orders of one unit by {asked.clients} clients for {asked.units} units of one SKU: {dict(sale.outcomes)}")
    say(f"{sale.seconds:.0f} s, {asked.orders / sale.seconds:.0f} answers/s; {sale.asked} calls, {sale.kills} workers killed")
    say(f"answer p50 {statistics.median(ordered):.0f} ms, p99 {ordered[int(len(ordered) * 0.99)]:.0f} ms, asked again included")
    say(f"books: {len(books.stock.parts)} buckets, movements {books.by_type}; every counter is the fold of its movements")


if __name__ == "__main__":
    main()
