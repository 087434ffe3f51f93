"""Holds today's event contracts against the last released ones: what would break whom, as sentences.

A subscriber may have been written against any released contract, and events that are stored were written under it. So a
released field stays, keeps its type and stays required where it was; a new one is optional; a word that was allowed stays
allowed. New words and new optional fields break nobody: readers pass over what they do not know.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT: Final = Path(__file__).resolve().parent.parent
RELEASED: Final = ROOT / "contracts" / "released.json"
"""The contracts of the last release: type and version, with schema, consumers and retirement date."""


def released() -> dict[str, dict[str, Any]]:
    """The last released contracts by type and version, such as `order.shipped.v1`."""
    found: dict[str, dict[str, Any]] = json.loads(RELEASED.read_text(encoding="utf-8"))["events"]
    return found


def breaks(before: Mapping[str, dict[str, Any]], now: Mapping[str, dict[str, Any]], today: date) -> list[str]:
    """What has changed since a release in a way that breaks somebody, a sentence each."""
    found = []
    for name, old in before.items():
        type_, version = name.rsplit(".v", 1)
        new = now.get(name)
        if new is None:
            retired = old["retire_after"]
            if retired is None or today <= date.fromisoformat(retired):
                until = f"is promised until {retired}" if retired else "has no retirement date"
                found.append(f"{name} is gone, and {until}. {_who(old)} Bring it back, or give it a date and wait for it.")
            continue
        mend = f"Publish {type_}.v{int(version) + 1} beside it instead, with an upcaster and a downcaster."
        found += [f"{name}: {change}. {_who(old)} {mend}" for change in _changes(old["schema"], new["schema"])]
    return found


def _who(contract: Mapping[str, Any]) -> str:
    listeners = [name for name in contract["consumers"] if name != "subscribers"]
    return f"That breaks {', '.join([*listeners, 'every subscriber written against it'])}."


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return list(_compare("", old, new, old, new))


def _compare(
    place: str, old: Mapping[str, Any], new: Mapping[str, Any], old_root: Mapping[str, Any], new_root: Mapping[str, Any]
) -> Iterator[str]:
    """The breaking changes of a part of a schema; `place` is a JSON Pointer, in which `[]` stands for any element."""
    old, new = _resolved(old, old_root), _resolved(new, new_root)
    here = place or "/"
    if _kinds(old) != _kinds(new):
        yield f"{here} was {_named(old)} and is {_named(new)}"
        return
    gone = set(map(str, _words(old))) - set(map(str, _words(new)))
    if _words(old) and _words(new) and gone:
        yield f"{here} may no longer be {', '.join(sorted(gone))}"
    old_fields, new_fields = old.get("properties", {}), new.get("properties", {})
    for name, field in old_fields.items():
        if name not in new_fields:
            yield f"{place}/{name} is gone"
            continue
        if name in old.get("required", ()) and name not in new.get("required", ()):
            yield f"{place}/{name} was always there and is optional"
        yield from _compare(f"{place}/{name}", field, new_fields[name], old_root, new_root)
    for name in new.get("required", ()):
        if name not in old.get("required", ()):
            yield f"{place}/{name} is required, and stored events do not have it"
    for part, mark in (("items", "[]"), ("additionalProperties", "*")):
        if isinstance(old.get(part), dict) and isinstance(new.get(part), dict):
            yield from _compare(f"{place}/{mark}", old[part], new[part], old_root, new_root)


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema itself where it is a reference; of an optional one the form that it has when it is there."""
    while True:
        if "$ref" in schema:
            schema = root["$defs"][schema["$ref"].rsplit("/", 1)[-1]]
        elif len(there := [form for form in schema.get("anyOf", ()) if form.get("type") != "null"]) == 1:
            schema = there[0]
        else:
            return schema


def _kinds(schema: Mapping[str, Any]) -> frozenset[str]:
    forms = schema.get("anyOf") or schema.get("oneOf") or [schema]
    kinds = {form.get("type") or form.get("$ref", "").rsplit("/", 1)[-1] or _kind_of_words(form) for form in forms}
    return frozenset(kinds - {"null"})


def _kind_of_words(schema: Mapping[str, Any]) -> str:
    return "string" if all(isinstance(word, str) for word in _words(schema)) else "any"


def _words(schema: Mapping[str, Any]) -> list[Any]:
    return [schema["const"]] if "const" in schema else list(schema.get("enum", ()))


def _named(schema: Mapping[str, Any]) -> str:
    return " or ".join(sorted(_kinds(schema)))
