"""Field encryption: one ciphertext per field and purpose, under a KMS key per purpose.

Envelope encryption: AES-256-GCM under a data key that KMS made. A process asks for a new data key every few minutes
or thousand uses, so that the calls to KMS per order are near none; the wrapped data key travels with every ciphertext.
Who may open a field is then an IAM fact: whoever may call Decrypt on the purpose's key.
"""

from __future__ import annotations

import base64
import os
import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

_VERSION = b"\x01"
_NONCE_BYTES = 12
KEY_LIFETIME_S = 300
KEY_USES = 5000
_CACHED_KEYS = 200


@dataclass(slots=True)
class _DataKey:
    plain: bytes
    wrapped: bytes
    made_at: float
    uses: int = 0


class FieldCipher:
    """Seals and opens the fields of one purpose."""

    def __init__(self, client: KMSClient, key_id: str, purpose: str) -> None:
        self._client = client
        self._key_id = key_id
        self._purpose = purpose
        self._sealing: _DataKey | None = None
        self._opened: dict[bytes, bytes] = {}

    def seal(self, clear: str, subject: str) -> str:
        """The ciphertext of a field's value, bound to its purpose and to the subject that it belongs to."""
        key = self._data_key()
        nonce = os.urandom(_NONCE_BYTES)
        sealed = AESGCM(key.plain).encrypt(nonce, clear.encode(), self._bound(subject))
        raw = _VERSION + struct.pack(">H", len(key.wrapped)) + key.wrapped + nonce + sealed
        return base64.b64encode(raw).decode()

    def open(self, ciphertext: str, subject: str) -> str:
        """The clear value. Raises cryptography's InvalidTag where purpose, subject or bytes do not match."""
        raw = base64.b64decode(ciphertext)
        (length,) = struct.unpack(">H", raw[1:3])
        wrapped, rest = raw[3 : 3 + length], raw[3 + length :]
        plain = self._opened.get(wrapped)
        if plain is None:
            answer = self._client.decrypt(CiphertextBlob=wrapped, KeyId=self._key_id, EncryptionContext={"purpose": self._purpose})
            plain = answer["Plaintext"]
            if len(self._opened) >= _CACHED_KEYS:
                self._opened.clear()
            self._opened[wrapped] = plain
        return AESGCM(plain).decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], self._bound(subject)).decode()

    def _bound(self, subject: str) -> bytes:
        return f"{self._purpose}|{subject}".encode()

    def _data_key(self) -> _DataKey:
        key = self._sealing
        if key is None or key.uses >= KEY_USES or time.monotonic() - key.made_at > KEY_LIFETIME_S:
            answer = self._client.generate_data_key(
                KeyId=self._key_id, KeySpec="AES_256", EncryptionContext={"purpose": self._purpose}
            )
            key = _DataKey(answer["Plaintext"], answer["CiphertextBlob"], time.monotonic())
            self._sealing = key
        key.uses += 1
        return key
