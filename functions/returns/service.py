"""The use cases of returns: load, decide, commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from edge.aggregates import Aggregates, Command, Done
from edge.event_store import VersionTaken
from kernel.ids import derived_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kernel.contracts import EventData
    from returns.domain import Return
    from returns.events import ReturnRequested


class OrderDesk(Protocol):
    """The order's side of a return that is asked for: it alone knows what was delivered and is still with the customer."""

    def set_aside(self, return_id: str, command: Command) -> tuple[ReturnRequested, bool]:
        """Set the wanted units aside for a return; answers the return that this is, and whether it was known already."""
        ...


class Returns:
    """Everything that can be asked of returns."""

    def __init__(self, aggregates: Aggregates[Return]) -> None:
        self._aggregates = aggregates

    def request(self, order_id: str, desk: OrderDesk, command: Command) -> Done[Return]:
        """Begin a return, once per order and idempotency key: the order sets the units aside, then the return begins.

        Its id is derived from order and key. A crash between the two is completed by the same request again, or by the saga
        that the order's fact starts. Raises what the desk raises: more than was delivered, a key reused with another body.
        """
        assert command.key is not None  # the API asks for it
        return_id = derived_id("rma", order_id, command.key)
        requested, known = desk.set_aside(return_id, command)
        done = self.open(return_id, requested, command)
        return Done(done.id, done.state, done.version, done.events, replayed=known and done.replayed)

    def open(self, return_id: str, requested: ReturnRequested, command: Command) -> Done[Return]:
        """The return as it began; it begins now where it has not yet."""
        try:
            return self._aggregates.create(return_id, command, [requested])
        except VersionTaken:
            first = self._aggregates.load(return_id).commits[0]
            state = self._aggregates.fold([first])
            assert state is not None  # a commit has at least one event
            return Done(return_id, state, first.version, first.events, replayed=True)

    def load(self, return_id: str) -> Done[Return]:
        """The return as it is. Raises NotFound."""
        loaded = self._aggregates.load(return_id)
        return Done(return_id, loaded.state, loaded.version, ())

    def find(self, return_id: str) -> Done[Return] | None:
        """The return as it is, or None."""
        loaded = self._aggregates.find(return_id)
        return Done(return_id, loaded.state, loaded.version, ()) if loaded else None

    def decide(self, return_id: str, command: Command, decision: Callable[[Return], Sequence[EventData]]) -> Done[Return]:
        """Let one of the domain's decisions answer a command. Raises what `Aggregates.execute` raises."""
        return self._aggregates.execute(return_id, command, decision)
