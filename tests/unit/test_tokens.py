"""Access tokens as the live feed takes them: signed by the pool, for access, and not yet over."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from edge.tokens import Tokens
from kernel.errors import Unauthorised

ISSUER = "https://issuer.example/pool"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
NOW = 1_800_000_000


def part(content: Any) -> str:
    return base64.urlsafe_b64encode(content if isinstance(content, bytes) else json.dumps(content).encode()).decode().rstrip("=")


def token(key: rsa.RSAPrivateKey = KEY, header: dict[str, Any] | None = None, **changes: Any) -> str:
    claims = {"sub": "somebody", "iss": ISSUER, "token_use": "access", "exp": NOW + 60, "cognito:groups": ["operations"], **changes}
    signed = f"{part({'alg': 'RS256', 'kid': 'one', **(header or {})})}.{part(claims)}"
    return f"{signed}.{part(key.sign(signed.encode(), PKCS1v15(), SHA256()))}"


def pool(fetched: list[int] | None = None) -> Tokens:
    def keys() -> dict[str, rsa.RSAPublicKey]:
        if fetched is not None:
            fetched.append(1)
        return {"one": KEY.public_key()}

    return Tokens(ISSUER, keys, lambda: NOW)


def test_a_token_of_the_pool_says_who_it_is() -> None:
    assert pool().claims(token())["sub"] == "somebody"


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "a.b",
        "a.b.c",
        "e30.e30.e30",
        "..",
        "[].[].[]",
        token(STRANGER),
        token(header={"kid": "two"}),
        token(header={"alg": "none"}),
        token(header={"alg": "HS256"}),
        token(iss="https://elsewhere.example/pool"),
        token(token_use="id"),
        token(exp=NOW),
        token(exp="tomorrow"),
        token()[:-4] + "AAAA",
        f"{part({'alg': 'none'})}.{part({'sub': 'me', 'iss': ISSUER, 'token_use': 'access', 'exp': NOW + 9})}.",
    ],
)
def test_any_other_text_is_refused(bad: str) -> None:
    with pytest.raises(Unauthorised):
        pool().claims(bad)


def test_keys_are_fetched_once_and_made_up_key_ids_cause_no_look_ups() -> None:
    fetched: list[int] = []
    tokens = pool(fetched)
    for _ in range(3):
        tokens.claims(token())
        with pytest.raises(Unauthorised):
            tokens.claims(token(header={"kid": "made up"}))
    assert len(fetched) == 1
