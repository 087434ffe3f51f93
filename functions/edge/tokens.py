"""Access tokens where no authorizer of API Gateway looks at them: a WebSocket's come in its URL."""

from __future__ import annotations

import base64
import binascii
import json
import time
from typing import TYPE_CHECKING, Any

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

from kernel.errors import Unauthorised

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LOOK_AGAIN_S = 60.0
"""How long a key that is not there counts as not there: whoever makes up key ids causes no look-ups."""


def fetch_keys(url: str) -> dict[str, RSAPublicKey]:
    """The keys of a JSON Web Key Set (RFC 7517) by their ids. Raises httpx.HTTPError."""
    answer = httpx.get(url, timeout=3)
    answer.raise_for_status()
    return {
        key["kid"]: RSAPublicNumbers(_number(key["e"]), _number(key["n"])).public_key()
        for key in answer.json()["keys"]
        if key["kty"] == "RSA"
    }


class Tokens:
    """Verifies the access tokens of one Cognito user pool (JWT by RFC 7519, signed with RS256)."""

    def __init__(
        self,
        issuer: str,
        keys: Callable[[], Mapping[str, RSAPublicKey]],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._issuer = issuer
        self._fetch = keys
        self._now = now
        self._keys: Mapping[str, RSAPublicKey] = {}
        self._fetched_at = float("-inf")

    def claims(self, token: str) -> dict[str, Any]:
        """What the token says. Raises Unauthorised for one that is not this pool's, is no access token, or has expired."""
        try:
            head, body, signature = token.split(".")
            header, claims, signed = _json(head), _json(body), _bytes(signature)
        except (ValueError, binascii.Error):
            raise _refused() from None
        key = self._key(str(header.get("kid"))) if header.get("alg") == "RS256" else None
        if key is None:
            raise _refused()
        try:
            key.verify(signed, f"{head}.{body}".encode(), PKCS1v15(), SHA256())
        except InvalidSignature:
            raise _refused() from None
        expiry = claims.get("exp")
        if claims.get("iss") != self._issuer or claims.get("token_use") != "access" or not isinstance(expiry, int):
            raise _refused()
        if expiry <= self._now():
            raise _refused()
        return claims

    def _key(self, kid: str) -> RSAPublicKey | None:
        if kid not in self._keys and self._now() - self._fetched_at > LOOK_AGAIN_S:
            self._fetched_at = self._now()
            self._keys = self._fetch()
        return self._keys.get(kid)


def _refused() -> Unauthorised:
    return Unauthorised("unauthorised", "A valid access token is needed.")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _json(text: str) -> dict[str, Any]:
    found = json.loads(_bytes(text))
    if not isinstance(found, dict):
        raise ValueError("not an object")  # noqa: TRY004  # what a parser says of any other JSON
    return found


def _number(text: str) -> int:
    return int.from_bytes(_bytes(text), "big")
