"""How a reservation follows its order's lines: what it lacks, what it keeps, and what that does to the counters.

Units that are held stay where they are as long as their node may still be used; only what is wanted beyond them is
sourced. So an edit moves as little stock as it can.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from inventory.domain import Delta, MovementType, Source, Wanted, by_pair, effect
from inventory.ledger import Change
from inventory.spreading import back_home

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from inventory.held import Reservation


def kept(sources: Iterable[Source], wanted: Iterable[Wanted], nodes: Collection[str]) -> tuple[Source, ...]:
    """The units of a reservation that its order still wants, from nodes that it may still use."""
    left = {line.line_id: line.quantity for line in wanted}
    found = []
    for part in sources:
        taken = min(part.quantity, left.get(part.line_id, 0)) if part.node_id in nodes else 0
        if taken:
            left[part.line_id] -= taken
            found.append(replace(part, quantity=taken))
    return tuple(found)


def missing(sources: Iterable[Source], wanted: Sequence[Wanted], nodes: Collection[str]) -> list[Wanted]:
    """The units that an order wants beyond what its reservation keeps."""
    have: dict[str, int] = {}
    for part in kept(sources, wanted, nodes):
        have[part.line_id] = have.get(part.line_id, 0) + part.quantity
    lacking = [Wanted(line.line_id, line.sku, line.quantity - have.get(line.line_id, 0)) for line in wanted]
    return [line for line in lacking if line.quantity]


def together(parts: Iterable[Source], buckets: Mapping[tuple[str, str], int]) -> tuple[Source, ...]:
    """Parts with those of the same line and node as one, each out of its pair's bucket."""
    units: dict[tuple[str, str, str], int] = {}
    for part in parts:
        key = (part.line_id, part.sku, part.node_id)
        units[key] = units.get(key, 0) + part.quantity
    return tuple(Source(*key, quantity, buckets[key[1], key[2]]) for key, quantity in units.items())


def partly(before: Sequence[Source], target: Sequence[Source], moved: Collection[tuple[str, str]]) -> tuple[Source, ...]:
    """The sources in the middle of a revision: the target's where counters were moved, the old ones elsewhere."""
    return (
        *(part for part in target if (part.sku, part.node_id) in moved),
        *(part for part in before if (part.sku, part.node_id) not in moved),
    )


def amendments(known: Reservation, target: Sequence[Source]) -> list[list[Change]]:
    """What takes a held or allocated reservation from its sources to the target's, SKU by SKU and node by node.

    Units that come out of a bucket go home; where the target has them at home, the units held in the bucket go there too.
    The movements have yet to be named.
    """
    before, after = by_pair(known.sources), by_pair(target)
    was = {(part.sku, part.node_id): part.bucket for part in known.sources}
    becomes = {(part.sku, part.node_id): part.bucket for part in target}
    changes = []
    for pair in sorted(before.keys() | after.keys()):
        had, gets = before.get(pair, 0), after.get(pair, 0)
        bucket = becomes.get(pair, was.get(pair, 0))
        if had and was[pair] != bucket:
            changes.append([*_moved_home(known, pair, was[pair], had), _more(known, pair, gets - had, bucket, arriving=had)])
        elif gets > had:
            changes.append([_more(known, pair, gets - had, bucket)])
        elif had > gets:
            changes.append(_fewer(known, pair, had - gets, bucket))
    return changes


def _more(known: Reservation, pair: tuple[str, str], units: int, bucket: int, arriving: int = 0) -> Change:
    held = units + arriving
    counted = Delta(on_hand=arriving, reserved=held) if known.state == "held" else Delta(on_hand=arriving, allocated=held)
    type_: MovementType = "reserved" if known.state == "held" else "allocated"
    return _change(known, pair, type_, units, counted, bucket, needs_available=units)


def _fewer(known: Reservation, pair: tuple[str, str], units: int, bucket: int) -> list[Change]:
    type_: MovementType = "released" if known.state == "held" else "deallocated"
    change = _change(known, pair, type_, units, effect(type_, units), bucket)
    return list(back_home(change, units)) if bucket else [change]


def _moved_home(known: Reservation, pair: tuple[str, str], bucket: int, units: int) -> list[Change]:
    gone = Delta(on_hand=-units, reserved=-units) if known.state == "held" else Delta(on_hand=-units, allocated=-units)
    return [_change(known, pair, "rebalanced", -units, gone, bucket)]


def _change(
    known: Reservation,
    pair: tuple[str, str],
    type_: MovementType,
    quantity: int,
    delta: Delta,
    bucket: int,
    needs_available: int = 0,
) -> Change:
    return Change(
        *pair,
        # Of the attempt that the revision begins, and apart from what that attempt may do later.
        f"{type_}#{known.order_id}#{known.attempt + 1}#revised",
        type_,
        quantity,
        delta,
        known.order_id,
        known.order_id,
        needs_available=needs_available,
        bucket=bucket,
        expires_at=known.expires_at if known.state == "held" else None,
    )
