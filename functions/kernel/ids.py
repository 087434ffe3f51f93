"""Identifiers: a prefix that says what the thing is, then 32 hexadecimal digits."""

import hashlib
import re
import uuid

import uuid_utils

PATTERN = re.compile(r"[a-z]{3}_[0-9a-f]{32}")


def new_id(prefix: str) -> str:
    """A fresh id that sorts by the time of its making: UUIDv7 (RFC 9562) behind a three-letter prefix."""
    return f"{prefix}_{uuid_utils.uuid7().hex}"


def derived_id(prefix: str, *names: str) -> str:
    """The id that always belongs to these names: UUIDv8 (RFC 9562) over their SHA-256.

    What is unique by a name gets its id from the name; the store's own key then keeps it unique, with no
    second write that could be forgotten.
    """
    digest = bytearray(hashlib.sha256("\x1f".join(names).encode()).digest()[:16])
    digest[6] = (digest[6] & 0x0F) | 0x80
    digest[8] = (digest[8] & 0x3F) | 0x80
    return f"{prefix}_{uuid.UUID(bytes=bytes(digest)).hex}"


def is_id(text: str, prefix: str) -> bool:
    """Whether the text has the form of an id with this prefix."""
    return text.startswith(f"{prefix}_") and PATTERN.fullmatch(text) is not None
