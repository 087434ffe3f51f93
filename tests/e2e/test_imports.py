"""Imports on the deployed stacks: a file in one call, and one by a link; every good row once."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import httpx

from local import importing
from local.api_client import Hub
from local.demo import order_body
from local.instance import Instance
from tests.system import fresh_stock


def test_a_file_is_imported_row_by_row_and_again_it_creates_nothing(hub: Hub, instance: Instance, tmp_path: Path) -> None:
    sku, name = fresh_stock(hub, 20), uuid.uuid4().hex[:8]
    orders = [{**order_body([(sku, 1)], "tok_ok"), "channel": "file", "external_id": f"{name}-{n}"} for n in range(6)]
    rows = [*map(json.dumps, orders[:3]), "{broken", json.dumps({**orders[3], "lines": []}), *map(json.dumps, orders[4:])]
    file = tmp_path / "orders.ndjson"
    file.write_text("\n".join(rows))
    job = run(instance, file)
    assert (job["state"], job["counts"]) == ("done", {"rows": 7, "placed": 5, "duplicates": 0, "refused": 2})
    errors = list(importing.refusals(instance, job["id"]))
    assert [(e["line"], e["code"]) for e in errors] == [(4, "malformed_json"), (5, "invalid_order")]
    assert errors[1]["errors"][0]["pointer"] == "/lines"
    again = run(instance, file)
    assert again["counts"] == {"rows": 7, "placed": 0, "duplicates": 5, "refused": 2}
    first = next(importing.refusals(instance, again["id"]))
    assert (first["code"], hub.order(first["order_id"])["external_id"]) == ("duplicate_external_id", f"{name}-0")


def test_a_file_of_any_size_is_put_to_a_link_and_starts_its_import(hub: Hub, instance: Instance) -> None:
    content = (Path(__file__).parents[2] / "docs" / "examples" / "orders.csv").read_text()
    name = uuid.uuid4().hex[:8]
    job = hub.call("POST", "/v1/imports", {"format": "csv"})
    assert hub.call("GET", f"/v1/imports/{job['id']}")["state"] == "waiting"
    httpx.put(job["upload"]["url"], content=content.replace("M-", f"{name}-").encode(), timeout=30).raise_for_status()
    done = importing.follow(instance, job["id"], lambda _: None)
    assert (done["state"], done["counts"]["placed"], done["counts"]["refused"]) == ("done", 2, 0)


def run(instance: Instance, file: Path) -> dict[str, Any]:
    return importing.follow(instance, importing.start(instance, file, "ndjson"), lambda _: None)
