"""The registry of event contracts: an event that is not declared here cannot be recorded, read or published.

A context declares an event by subclassing EventData and decorating it with `contract`. A change that would break
a reader of stored events takes a new version, and an upcaster from the version before: stored events are read
through the upcasters and never rewritten. Until the older version retires it is published beside the newer one, by a
downcaster, so that no subscriber has to change on the day that we do.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Callable


class EventData(BaseModel):
    """The typed content of an event; ids, counts, money and masked values only, never personal data in clear."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event_type: ClassVar[str]
    event_version: ClassVar[int]


class UnknownEvent(LookupError):
    """No contract was ever declared for this type and version."""


@dataclass(frozen=True, slots=True)
class Contract:
    """One version of one event: its model, where it comes from, what triggers it and who listens."""

    model: type[EventData]
    context: str
    trigger: str
    consumers: tuple[str, ...]
    since: str
    retire_after: str | None


E = TypeVar("E", bound=EventData)
_contracts: dict[tuple[str, int], Contract] = {}
_newest: dict[str, int] = {}
_upcasters: dict[tuple[str, int], Callable[[dict[str, object]], dict[str, object]]] = {}
_downcasters: dict[tuple[str, int], Callable[[dict[str, object]], dict[str, object]]] = {}


def contract(
    type_: str,
    version: int,
    *,
    context: str,
    trigger: str,
    consumers: tuple[str, ...],
    since: str = "2026-11-23",
    retire_after: str | None = None,
) -> Callable[[type[E]], type[E]]:
    """Declare an event of a context; `since` and `retire_after` are dates. Raises ValueError when declared twice."""

    def declare(model: type[E]) -> type[E]:
        if (type_, version) in _contracts:
            raise ValueError(f"{type_} version {version} is declared twice")
        model.event_type = type_
        model.event_version = version
        _contracts[type_, version] = Contract(model, context, trigger, consumers, since, retire_after)
        _newest[type_] = max(version, _newest.get(type_, 0))
        return model

    return declare


def upcaster(
    type_: str, version: int
) -> Callable[[Callable[[dict[str, object]], dict[str, object]]], Callable[[dict[str, object]], dict[str, object]]]:
    """Declare how data of this version becomes data of the next."""

    def declare(step: Callable[[dict[str, object]], dict[str, object]]) -> Callable[[dict[str, object]], dict[str, object]]:
        _upcasters[type_, version] = step
        return step

    return declare


def downcaster(
    type_: str, version: int
) -> Callable[[Callable[[dict[str, object]], dict[str, object]]], Callable[[dict[str, object]], dict[str, object]]]:
    """Declare how data of this version becomes data of the one before."""

    def declare(step: Callable[[dict[str, object]], dict[str, object]]) -> Callable[[dict[str, object]], dict[str, object]]:
        _downcasters[type_, version] = step
        return step

    return declare


def forms(data: EventData, on: date) -> list[EventData]:
    """The data in every version that is published on a day, the newest first; versions past their retirement are left out."""
    type_, version = data.event_type, data.event_version
    found, content = [data], data.model_dump(mode="json", exclude_none=True) if version > 1 else {}
    while (step := _downcasters.get((type_, version))) is not None:
        version, content = version - 1, step(content)
        older = _contracts[type_, version]
        if older.retire_after is None or on <= date.fromisoformat(older.retire_after):
            found.append(older.model.model_validate(content))
    return found


def downcasts() -> frozenset[tuple[str, int]]:
    """The types and versions from which there is a way to the version before."""
    return frozenset(_downcasters)


def upcast(type_: str, version: int, data: dict[str, object]) -> dict[str, object]:
    """Data of a stored version as data of the current one; raises UnknownEvent where there is no way."""
    newest = _newest.get(type_)
    if newest is None or (type_, version) not in _contracts:
        raise UnknownEvent(f"{type_} version {version}")
    while version < newest:
        step = _upcasters.get((type_, version))
        if step is None:
            raise UnknownEvent(f"{type_} version {version} cannot be read as version {newest}")
        data = step(data)
        version += 1
    return data


def current(type_: str) -> type[EventData]:
    """The newest model of a type; raises UnknownEvent."""
    try:
        return _contracts[type_, _newest[type_]].model
    except KeyError:
        raise UnknownEvent(type_) from None


def superseded(published: str) -> bool:
    """Whether there is a newer version of a published type, such as `order.received.v1`."""
    type_, _, version = published.rpartition(".v")
    return version.isdecimal() and int(version) < _newest.get(type_, 0)


def source_of(model: type[EventData]) -> str:
    """The bus source of an event, such as `orderhub.orders`."""
    return f"orderhub.{_contracts[model.event_type, model.event_version].context}"


def all_contracts() -> dict[tuple[str, int], Contract]:
    """Every declared contract by type and version."""
    return dict(_contracts)
