"""The use cases of endpoints: decide, commit, then bring the registry up to what was decided.

The registry is written after the commit. A crash between the two is mended by the same request again: every step looks
at what is there already and does what is missing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from edge.aggregates import Command, Done, key_reused
from edge.event_store import VersionTaken
from kernel.errors import Conflict, FieldError, Invalid, NotFound
from kernel.ids import derived_id
from webhooks import domain
from webhooks.guard import Guard, Refused
from webhooks.registry import Registered, Registry, Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from edge.aggregates import Aggregates
    from kernel.clock import Clock
    from kernel.contracts import EventData
    from webhooks.domain import Endpoint, Nobody
    from webhooks.events import EndpointRegistered

OVERLAP = timedelta(hours=24)
"""How long the secret before a rotation signs beside the new one."""


class Cipher(Protocol):
    """Seals and opens signing secrets."""

    def seal(self, clear: str, subject: str) -> str:
        """The ciphertext of a secret of an endpoint."""
        ...

    def open(self, ciphertext: str, subject: str) -> str:
        """The secret again."""
        ...


class Endpoints:
    """Everything that can be asked of endpoints."""

    def __init__(
        self,
        aggregates: Aggregates[Endpoint],
        registry: Registry,
        cipher: Cipher,
        guard: Guard,
        clock: Clock,
        new_secret: Callable[[], str],
    ) -> None:
        self._aggregates = aggregates
        self._registry = registry
        self._cipher = cipher
        self._guard = guard
        self._clock = clock
        self._new_secret = new_secret

    def register(self, wanted: EndpointRegistered, command: Command, caller: str) -> tuple[Done[Endpoint], str]:
        """Register an endpoint, once per caller and idempotency key; answers its signing secret beside it.

        Raises Invalid for a URL to which nothing is sent, or a key that came with another body; Conflict where what the
        key registered is gone again.
        """
        assert command.key is not None  # the API asks for it
        self._check(wanted.url)
        endpoint_id = derived_id("whk", caller, command.key)
        try:
            done = self._aggregates.create(endpoint_id, command, [wanted])
        except VersionTaken:
            loaded = self._aggregates.load(endpoint_id)
            first = loaded.commits[0]
            if first.fingerprint != command.fingerprint:
                raise key_reused() from None
            if loaded.state.status == "removed":
                raise Conflict("webhook_removed", "The webhook that this key registered was removed since.") from None
            state = self._aggregates.fold([first])
            assert state is not None  # a commit has at least one event
            done = Done(endpoint_id, state, first.version, first.events, replayed=True)
        self._registry.register(done.state, done.version, self._sealed(endpoint_id, 1))
        return done, self._current_secret(endpoint_id)

    def change(
        self,
        endpoint_id: str,
        command: Command,
        *,
        url: str | None,
        event_types: Sequence[str] | None,
        description: str | None,
        enabled: bool | None,
    ) -> Done[Endpoint]:
        """Change what an endpoint asks for, or let it rest. Raises NotFound, Invalid, StaleVersion."""
        if url is not None:
            self._check(url)
        return self._decide(
            endpoint_id,
            command,
            lambda endpoint: domain.change(endpoint, url=url, event_types=event_types, description=description, enabled=enabled),
        )

    def rotate(self, endpoint_id: str, command: Command) -> tuple[Done[Endpoint], str]:
        """Give an endpoint a new secret, which is answered; the one before it signs as well for a while.

        Raises NotFound, Conflict while an earlier rotation's overlap lasts.
        """
        now = self._clock.now()
        done = self._decide(endpoint_id, command, lambda endpoint: domain.rotate(endpoint, now, now + OVERLAP))
        self._registry.renew(endpoint_id, self._sealed(endpoint_id, done.state.generation))
        return done, self._current_secret(endpoint_id)

    def remove(self, endpoint_id: str, command: Command) -> None:
        """Forget an endpoint. Raises NotFound."""
        self._decide(endpoint_id, command, domain.remove)

    def disable(self, endpoint_id: str, command: Command, reason: Nobody, failing_since: datetime | None) -> None:
        """Stop sending to an endpoint at which nobody is."""
        self._decide(endpoint_id, command, lambda endpoint: domain.disable(endpoint, reason, failing_since))

    def load(self, endpoint_id: str) -> Registered:
        """An endpoint as it is. Raises NotFound."""
        found = self._registry.find(endpoint_id)
        if found is None:
            raise NotFound("webhook_not_found", "There is no such webhook.")
        return found

    def _decide(self, endpoint_id: str, command: Command, decide: Callable[[Endpoint], Sequence[EventData]]) -> Done[Endpoint]:
        done = self._aggregates.execute(endpoint_id, command, decide)
        self._registry.show(done.state, done.version)
        return done

    def _check(self, url: str) -> None:
        try:
            self._guard.check_url(url)
        except Refused as refused:
            field = FieldError("/url", "url_not_allowed", f"Nothing is sent there: {refused}.")
            raise Invalid("url_not_allowed", "The hub sends nothing to this URL.", (field,)) from None

    def _sealed(self, endpoint_id: str, generation: int) -> Secret:
        return Secret(generation, self._cipher.seal(self._new_secret(), endpoint_id))

    def _current_secret(self, endpoint_id: str) -> str:
        return self._cipher.open(self.load(endpoint_id).secret.sealed, endpoint_id)
