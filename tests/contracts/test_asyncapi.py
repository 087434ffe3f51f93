"""The AsyncAPI document holds together, and an event that is really told fits it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator

from hub import contexts
from kernel.contracts import all_contracts
from kernel.events import envelope
from local import asyncapi
from tests.examples import event, received

contexts.declare()
DOCUMENT = asyncapi.document()


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def test_every_reference_leads_somewhere() -> None:
    for reference in references(DOCUMENT):
        found: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


def test_every_event_is_a_message_that_one_operation_sends() -> None:
    declared = {f"{type_}.v{version}" for type_, version in all_contracts()}
    assert set(DOCUMENT["components"]["messages"]) == declared
    sent = [
        message["$ref"].rsplit("/", 1)[-1] for operation in DOCUMENT["operations"].values() for message in operation["messages"]
    ]
    assert sorted(sent) == sorted(declared)


def test_an_event_that_is_told_fits_its_message_and_no_other() -> None:
    told = {**envelope(event(received(()), 1)), "lane": "fast"}
    payload = {**DOCUMENT["components"]["messages"]["order.received.v2"]["payload"], "components": DOCUMENT["components"]}
    assert Draft202012Validator(payload).is_valid(told)
    assert not Draft202012Validator(payload).is_valid({**told, "type": "order.shipped.v1"})
    assert not Draft202012Validator(payload).is_valid({**told, "data": {}})
