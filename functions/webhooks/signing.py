"""Signing secrets and signatures by the Standard Webhooks specification."""

from __future__ import annotations

import base64
import secrets
from typing import TYPE_CHECKING

from standardwebhooks import Webhook

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

SECRET_BYTES = 32
"""The specification asks for 24 to 64."""


def new_secret() -> str:
    """A fresh secret in the specification's form: `whsec_` and base64."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"


def headers(clear_secrets: Sequence[str], event_id: str, now: datetime, body: str) -> dict[str, str]:
    """The headers of a signed request, with a signature for every secret that signs now."""
    signatures = " ".join(Webhook(secret).sign(event_id, now, body) for secret in clear_secrets)
    return {"webhook-id": event_id, "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signatures}
