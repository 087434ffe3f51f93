"""The live feed on the deployed stacks, as an outside client has it: the example program, connections that break included."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from local import tokens
from local.api_client import Hub
from local.hubfile import read
from local.instance import ROOT, Instance
from tests.system import ENDED, PATIENCE_S, fresh_stock, place


def example() -> ModuleType:
    path = Path(ROOT / "docs" / "examples" / "live.py")
    spec = importlib.util.spec_from_file_location("live_example", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_client_that_follows_an_order_has_its_whole_story_in_sequence(hub: Hub, instance: Instance) -> None:
    order = place(hub, [(fresh_stock(hub, 1), 1)])
    url, token = read(instance)["ws_url"], tokens.for_group(instance, "operations")

    async def story() -> list[int]:
        seen: list[int] = []
        async for event in example().follow(url, lambda: token, [f"order:{order['id']}"]):
            seen.append(event["sequence"])
            if event["type"] == "order.completed.v1":
                break
        return seen

    seen = asyncio.run(asyncio.wait_for(story(), PATIENCE_S))
    assert sorted(seen) == list(range(1, hub.order(order["id"])["version"] + 1))


def test_what_happened_while_a_connection_was_broken_comes_after_it(hub: Hub, instance: Instance) -> None:
    url, token = read(instance)["ws_url"], tokens.for_scopes(instance, ["orders/read"])
    feed = example().Feed(["orders"])

    async def listen(order_id: str, until: str) -> list[int]:
        found: list[int] = []
        async with connect(f"{url}?token={token}") as socket:
            await socket.send(feed.subscription())
            while True:
                message: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), PATIENCE_S))
                if message.get("action") == "subscribed" and not order_id:
                    return found
                if "specversion" in message and feed.takes(message) and message["subject"] == order_id:
                    found.append(message["sequence"])
                    if message["type"] == until:
                        return found

    # From the first connection on, the hub remembers for a while what it told.
    asyncio.run(listen("", ""))
    feed._since["orders"] = "0000000000000-none"
    order = place(hub, [(fresh_stock(hub, 1), 1)])

    async def twice() -> list[int]:
        seen = await listen(order["id"], "order.received.v2")
        # Broken off here; the rest happens while nobody is connected.
        await asyncio.to_thread(hub.until, order["id"], ENDED, PATIENCE_S)
        return seen + await listen(order["id"], "order.completed.v1")

    seen = asyncio.run(twice())
    assert sorted(seen) == list(range(1, hub.order(order["id"])["version"] + 1))


def test_without_a_valid_token_there_is_no_connection(instance: Instance) -> None:
    async def refused(token: str) -> int:
        with pytest.raises(InvalidStatus) as answer:
            async with connect(f"{read(instance)['ws_url']}?token={token}"):
                pass
        return answer.value.response.status_code

    assert asyncio.run(refused("")) in (401, 403)
    assert asyncio.run(refused(tokens.for_group(instance, "operations")[:-6] + "AAAAAA")) in (401, 403)
