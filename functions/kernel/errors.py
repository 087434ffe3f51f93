"""What a command may answer instead of doing its work, in the domain's words.

The edge turns each into an HTTP problem or a saga's outcome, in one place. A message never carries an input's
value: it may be somebody's personal data.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing that is wrong with the input: where (a JSON Pointer), a stable code, and a sentence."""

    pointer: str
    code: str
    detail: str


class DomainError(Exception):
    """A refusal with a stable code (snake_case) and a sentence for people."""

    def __init__(self, code: str, detail: str, **extra: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.extra = extra
        """Further members of the problem, such as `current_status` or the id of what stands in the way."""
        self.errors: tuple[FieldError, ...] = ()


class NotFound(DomainError):
    """There is no such thing."""


class Conflict(DomainError):
    """The state of the thing does not allow this."""


class StaleVersion(DomainError):
    """The caller decided on an older version than the current one."""


class Invalid(DomainError):
    """Well formed, but not acceptable."""

    def __init__(self, code: str, detail: str, errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(code, detail)
        self.errors = errors


class Malformed(Invalid):
    """Not even well formed: no JSON, a missing header, a broken cursor."""


class Unauthorised(DomainError):
    """Nobody vouches for the caller."""


class Forbidden(DomainError):
    """The caller is known and has no right to this."""


class TooLarge(DomainError):
    """More than one call may carry."""


class UnsupportedMedia(DomainError):
    """A content type that the operation does not read."""


class Busy(DomainError):
    """A dependency is throttled or contended; the same call may succeed a moment later."""
