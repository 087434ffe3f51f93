"""Told events are told again on demand, and what was parked goes back to work."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from local import dead_letters, event_replay
from local.api_client import Hub
from local.aws import client
from local.cli import app
from local.hubfile import read
from local.instance import Instance
from local.logs import events_arrived
from tests.system import PATIENCE_S, fresh_stock, place, until


def test_a_replay_tells_stored_events_again_under_their_own_ids(hub: Hub, instance: Instance) -> None:
    since = datetime.now(UTC)
    order = hub.until(place(hub, [(fresh_stock(hub, 1), 1)])["id"], ("released", "shipped", "delivered", "completed"), PATIENCE_S)
    window = event_replay.Window(since - timedelta(seconds=1), datetime.now(UTC) + timedelta(seconds=1), ("order.re*",))
    events = [event for event in event_replay.found(instance, window) if event.subject == order["id"]]
    assert [event.detail_type for event in events[:2]] == ["order.received.v2", "order.released.v1"]

    assert list(event_replay.tell(instance, events, "board"))[-1] == len(events)

    def seen() -> set[str]:
        return {line["event_id"] for line in events_arrived(instance, since.timestamp()) if line["lane"] == "replay"}

    assert until(lambda: {event.id for event in events} <= seen())


def test_what_is_parked_is_listed_shown_and_sent_back(hub: Hub, instance: Instance) -> None:
    since = datetime.now(UTC)
    order = place(hub, [(fresh_stock(hub, 1), 1)])
    window = event_replay.Window(since - timedelta(seconds=1), datetime.now(UTC) + timedelta(seconds=1), ("order.received.v2",))
    event = until(lambda: next((e for e in event_replay.found(instance, window) if e.subject == order["id"]), None))
    parked = read(instance)["dead_letter_queues"]["Board"]
    client(instance, "sqs").send_message(QueueUrl=parked, MessageBody=event_replay.message(event))
    command = ["--instance", instance.name, "dlq"]

    assert dead_letters.depths(instance)["board"] == 1
    shown = CliRunner().invoke(app, [*command, "show", "board"]).output
    assert f"order.received.v2 {order['id']} 1" in shown
    until(lambda: dead_letters.depths(instance)["board"] == 1)
    sent = until(lambda: list(dead_letters.redrive(instance, "board")))
    assert [json.loads(message.body)["detail"]["id"] for message in sent] == [event.id]
    assert dead_letters.depths(instance)["board"] == 0
    assert until(
        lambda: event.id in {line["event_id"] for line in events_arrived(instance, since.timestamp()) if line["lane"] == "replay"}
    )


def test_a_target_or_queue_that_is_not_there_is_named_with_those_that_are(instance: Instance) -> None:
    with pytest.raises(event_replay.NoSuchTarget, match="board"):
        list(event_replay.tell(instance, (), "nobody"))
    found = CliRunner().invoke(app, ["--instance", instance.name, "dlq", "show", "nobody"])
    assert found.exit_code == 1
    assert "board" in found.output
