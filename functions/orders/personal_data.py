"""The vault as orders use it: with a cipher for each purpose."""

from __future__ import annotations

from functools import lru_cache

from edge import clients
from edge.cipher import FieldCipher
from edge.settings import VaultSettings, read
from edge.vault import Vault
from orders.service import PersonalData


@lru_cache(maxsize=1)
def personal_data() -> PersonalData:
    """Seals what is personal in an order that is placed. Raises ValueError where a key is not configured."""
    settings = read(VaultSettings)
    if settings.contact_key_id is None or settings.last4_key_id is None:
        raise ValueError("CONTACT_KEY_ID and LAST4_KEY_ID are needed to seal personal data")
    kms = clients.kms()
    return PersonalData(
        Vault(clients.dynamodb(), settings.vault_table),
        FieldCipher(kms, settings.contact_key_id, "contact"),
        FieldCipher(kms, settings.last4_key_id, "last4"),
    )
