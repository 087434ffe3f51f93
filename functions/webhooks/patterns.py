"""Which events an endpoint asks for: a type, a type in one version, a family, or all."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

PATTERN = r"^(\*|[a-z_]+\.\*|[a-z_]+(\.[a-z_]+)+(\.v[1-9]\d{0,2})?)$"
"""`*`, `order.*`, `order.received` in whichever version, or `order.received.v2`."""


def asked_for(patterns: Collection[str], type_: str, *, superseded: bool = False) -> bool:
    """Whether an event of this published type, such as `order.received.v2`, is among what the patterns ask for.

    While two versions of an event are published, who names a version gets that one (the highest of those they name), and
    who names none gets the newest: one form of an event, never two. `superseded` says that there is a newer version.
    """
    name, _, version = type_.rpartition(".v")
    named = [int(pattern.rpartition(".v")[2]) for pattern in patterns if pattern.startswith(f"{name}.v")]
    if named:
        return int(version) == max(named)
    return not superseded and any(_family(pattern, name) for pattern in patterns)


def _family(pattern: str, name: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else pattern == name
