"""List cursors: opaque to clients, signed, and bound to the query that they continue."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import TYPE_CHECKING

from kernel.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAC_BYTES = 16


class Cursors:
    """Seals and opens cursors with one secret."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def seal(self, position: Mapping[str, str], query: Mapping[str, str | None]) -> str:
        """A position in the answer to a query, as an opaque cursor."""
        body = json.dumps(position, sort_keys=True, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._mac(body, query) + body).decode().rstrip("=")

    def open(self, cursor: str, query: Mapping[str, str | None]) -> dict[str, str]:
        """The position in a cursor. Raises Malformed where it is not ours or belongs to another query."""
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise _broken() from error
        mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(body, query)):
            raise _broken()
        position: dict[str, str] = json.loads(body)
        return position

    def _mac(self, body: bytes, query: Mapping[str, str | None]) -> bytes:
        bound = json.dumps({name: value for name, value in query.items() if value is not None}, sort_keys=True).encode()
        return hmac.new(self._secret, bound + b"\x00" + body, hashlib.sha256).digest()[:_MAC_BYTES]


def _broken() -> Malformed:
    return Malformed("invalid_cursor", "The cursor is not one of ours, or continues another query.")
