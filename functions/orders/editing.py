"""The use cases of edits: a preview is an aggregate of its own, so that looking at an edit leaves the order as it was."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edge.aggregates import Aggregates, Command, Done, key_reused
from edge.event_store import VersionTaken
from kernel.errors import NotFound, StaleVersion
from kernel.ids import derived_id
from orders import edits
from orders import events as sold
from orders.edit_events import EditPreviewed
from orders.service import masked

if TYPE_CHECKING:
    from kernel.events import Event
    from orders.commands import EditOrder, LineIn
    from orders.domain import Order
    from orders.service import PersonalData


@dataclass(frozen=True, slots=True)
class Preview:
    """An edit that somebody looked at."""

    id: str
    previewed: EditPreviewed


def fold(preview: Preview | None, event: Event) -> Preview:
    """The preview as its only event leaves it. Raises ValueError for any other event."""
    if preview is not None or not isinstance(event.data, EditPreviewed):
        raise ValueError("a preview is one order.edit_previewed")
    return Preview(event.subject, event.data)


class Editing:
    """Previews edits, and commits them."""

    def __init__(self, orders: Aggregates[Order], previews: Aggregates[Preview]) -> None:
        self._orders = orders
        self._previews = previews

    def preview(self, order_id: str, command: Command, wanted: EditOrder, personal: PersonalData) -> Done[Preview]:
        """What an edit would change; the same idempotency key leads to the same preview.

        Raises NotFound, Conflict (too late for edits), StaleVersion, Invalid.
        """
        assert command.key is not None  # the API asks for it
        assert command.fingerprint is not None
        edit_id = derived_id("edt", order_id, command.key)
        earlier = self._previews.find(edit_id)
        if earlier is not None:
            return self._first_answer(edit_id, command)
        loaded = self._orders.load(order_id)
        if command.expected_version not in (None, loaded.version):
            raise StaleVersion("stale_version", "The order has changed since the version in If-Match.")
        wish = edits.Wish(
            add=[_new(line) for line in wanted.add],
            change=[(change.line_id, change.quantity) for change in wanted.change],
            ship_to=masked(wanted.ship_to) if wanted.ship_to else None,
            delivery=sold.Delivery(method=wanted.delivery.method, node_id=wanted.delivery.node_id) if wanted.delivery else None,
            vault_entry=command.fingerprint if wanted.ship_to else None,
        )
        previewed = edits.preview(loaded.state, loaded.version, wish)
        if wanted.ship_to:
            personal.keep(order_id, command.fingerprint, wanted.ship_to)
        try:
            return self._previews.create(edit_id, command, [previewed])
        except VersionTaken:
            return self._first_answer(edit_id, command)

    def _first_answer(self, edit_id: str, command: Command) -> Done[Preview]:
        found = self._previews.load(edit_id)
        first = found.commits[0]
        if first.fingerprint != command.fingerprint:
            raise key_reused()
        return Done(edit_id, found.state, first.version, first.events, replayed=True)

    def commit(self, order_id: str, edit_id: str, command: Command) -> Done[Order]:
        """Make the order what was previewed. Committing it again changes nothing.

        Raises NotFound, Conflict (too late for edits), StaleVersion where the order has changed since the preview.
        """
        found = self._previews.find(edit_id)
        if found is None or found.state.previewed.order_id != order_id:
            raise NotFound("edit_not_found", "The order has no such edit.")
        previewed = found.state.previewed
        on_it = replace(command, expected_version=previewed.order_version)
        try:
            return self._orders.execute(order_id, on_it, lambda order: edits.commit(order, edit_id, previewed))
        except StaleVersion:
            known = self._orders.load(order_id)
        if edit_id in known.state.edit_ids:
            return Done(order_id, known.state, known.version, ())
        edits.refuse_unless_editable(known.state)
        raise StaleVersion("edit_outdated", "The order has changed since the preview; preview the edit again.")


def _new(line: LineIn) -> edits.NewLine:
    return edits.NewLine(
        line.sku, line.quantity, line.unit_price.amount, line.discount.amount, line.tax.amount, line.unit_price.currency
    )
