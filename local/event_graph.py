"""The page on events: the graph of who triggers what and who listens, context by context, drawn from the contracts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.catalog import catalog

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

INTRODUCTION = """# Events

<!-- Written by `make contracts` from the code that declares the events. -->

Whatever changes in the hub is an event: a fact that is stored once and told to everybody. Each comes as a [CloudEvents](https://cloudevents.io/) 1.0 envelope, whose `subject` is
the aggregate's id and whose `sequence` is gapless from 1 for every subject. [catalog.json](../contracts/catalog.json) has them as data, [asyncapi.json](../contracts/asyncapi.json) as an
AsyncAPI 3 document, `contracts/events/` the JSON Schema of each one's data; a running hub serves them at `GET /v1/events/catalog` and `GET /v1/events/schemas/{type}/{version}`.

**How they change.** A reader passes over fields and words that it does not know. So a new optional field is no new version. A field that goes, changes its type or becomes required
is one: the new version is declared beside the old one, an upcaster reads what is stored under the old one, and a downcaster lets both go out, under the same event id, until the old one's
retirement date. `make check` holds the contracts against those of the last release (`contracts/released.json`), and says what would break whom.

**Delivery** is at least once; an effect happens once by the event's id. Per subject, order is kept by the bus's senders, and `sequence` tells a reader where it stands.
"""


def page() -> str:
    """The page in Markdown."""
    contexts: dict[str, list[Mapping[str, Any]]] = {}
    for entry in catalog():
        contexts.setdefault(entry["producer"], []).append(entry)
    return INTRODUCTION + "".join(_section(context, entries) for context, entries in sorted(contexts.items()))


def _section(context: str, entries: Iterable[Mapping[str, Any]]) -> str:
    rows = list(entries)
    lines = [f"\n## {context}\n\n```mermaid\nflowchart LR"]
    ids: dict[str, str] = {}

    def node(kind: str, text: str) -> str:
        key = f"{kind}{len(ids)}"
        return ids.setdefault(f"{kind}:{text}", key)

    edges = []
    for row in rows:
        trigger, event = node("t", row["trigger"]), node("e", row["type"])
        edges.append(f"  {trigger} --> {event}")
        edges += [f"  {event} --> {node('c', consumer)}" for consumer in row["consumers"] if consumer != "timeline"]
    shapes = {"t": ("(", ")"), "e": ("[", "]"), "c": ("{{", "}}")}
    for name, key in ids.items():
        kind, _, text = name.partition(":")
        opening, closing = shapes[kind]
        lines.append(f'  {key}{opening}"{_plain(text)}"{closing}')
    lines += [*dict.fromkeys(edges), "```", "", "| event | what it says | trigger | listeners |", "|---|---|---|---|"]
    for row in rows:
        retiring = f" (until {row['retire_after']})" if row["retire_after"] else ""
        lines.append(f"| `{row['type']}`{retiring} | {row['summary']} | {row['trigger']} | {', '.join(row['consumers'])} |")
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Without what Mermaid would read as syntax."""
    return text.replace('"', "'").replace("{", "#123;").replace("}", "#125;")
