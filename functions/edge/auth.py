"""Who calls, and what they may: people by Cognito group, machines by OAuth scope.

API Gateway's authorizer has verified the token before any of this runs; here its claims become rights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from kernel.errors import Forbidden, Unauthorised
from kernel.events import Actor

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Rights:
    """What an operation asks for: one of the groups (people), or the scope (machines). `admins` may do anything."""

    scope: str | None
    groups: frozenset[str]

    @classmethod
    def of(cls, scope: str | None, *groups: str) -> Rights:
        """The rights that this scope, or any of these groups, gives."""
        return cls(scope, frozenset({*groups, "admins"}))


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated person or machine."""

    id: str
    name: str
    groups: frozenset[str]
    scopes: frozenset[str]

    @property
    def is_person(self) -> bool:
        """Whether this is somebody who signed in, and not a client with credentials of its own."""
        return bool(self.groups)

    @property
    def actor(self) -> Actor:
        """The caller as the actor of what they cause; an opaque id, never a name or address."""
        return Actor("person" if self.is_person else "machine", self.id)

    def permitted(self, rights: Rights) -> bool:
        """Whether the caller has these rights."""
        return bool(self.groups & rights.groups) or (rights.scope is not None and rights.scope in self.scopes)

    def require(self, rights: Rights) -> None:
        """Raises Forbidden without these rights."""
        if not self.permitted(rights):
            raise Forbidden("forbidden", "The token does not give the right to this.")


def caller_of(event: Mapping[str, object]) -> Caller:
    """The caller of an HTTP API event. Raises Unauthorised where no authorizer vouched for one."""
    context = cast("Mapping[str, Mapping[str, Mapping[str, Mapping[str, object]]]]", event.get("requestContext") or {})
    return caller_from(context.get("authorizer", {}).get("jwt", {}).get("claims", {}))


def caller_from(claims: Mapping[str, object]) -> Caller:
    """The caller that a verified token's claims name. Raises Unauthorised where they name none."""
    subject = claims.get("sub") or claims.get("client_id")
    if not subject:
        raise Unauthorised("unauthorised", "A bearer token is needed.")
    groups = claims.get("cognito:groups") or ""
    # API Gateway hands a list claim over as the text `[a b]`.
    names = groups if isinstance(groups, list) else str(groups).strip("[]").replace(",", " ").split()
    scopes = frozenset(str(claims.get("scope") or "").split())
    return Caller(str(subject), str(claims.get("client_id") or subject), frozenset(map(str, names)), scopes)
