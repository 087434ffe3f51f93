"""The composition root of the live feed."""

from __future__ import annotations

import os
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from edge import clients
from edge.settings import FromEnvironment, read
from edge.tokens import Tokens, fetch_keys
from edge.wiring import event_store
from live.connections import Connections
from live.fan_out import FanOut
from live.log import Log
from live.pushing import Push
from live.session import Session

if TYPE_CHECKING:
    from kernel.events import Event


class LiveSettings(FromEnvironment):
    """Where connections are, and the WebSocket API with its stage."""

    live_table: str
    live_api_id: str
    live_stage: str
    aws_region: str


class TokenSettings(FromEnvironment):
    """Whose tokens are taken."""

    user_pool_id: str
    aws_region: str

    @property
    def issuer(self) -> str:
        """Who signs them."""
        return f"https://cognito-idp.{self.aws_region}.amazonaws.com/{self.user_pool_id}"

    @property
    def keys_url(self) -> str:
        """Where the keys are that they are signed with; on the emulator, not where the issuer says."""
        endpoint = os.environ.get("AWS_ENDPOINT_URL")
        return f"{f'{endpoint}/{self.user_pool_id}' if endpoint else self.issuer}/.well-known/jwks.json"


@lru_cache(maxsize=1)
def connections() -> Connections:
    """The connections."""
    return Connections(clients.dynamodb(), read(LiveSettings).live_table)


@lru_cache(maxsize=1)
def log() -> Log:
    """The log of the topics."""
    return Log(clients.dynamodb(), read(LiveSettings).live_table)


@lru_cache(maxsize=1)
def push() -> Push:
    """What pushes."""
    settings = read(LiveSettings)
    return Push(clients.websocket(settings.live_api_id, settings.live_stage, settings.aws_region))


@lru_cache(maxsize=1)
def fan_out() -> FanOut:
    """What tells events to those who listen."""
    return FanOut(connections(), log(), push())


@lru_cache(maxsize=1)
def session() -> Session:
    """What answers clients."""
    store = event_store()

    def history(aggregate_id: str) -> list[Event]:
        return [event for commit in store.commits(aggregate_id) for event in commit.events]

    return Session(connections(), log(), push(), history)


@lru_cache(maxsize=1)
def tokens() -> Tokens:
    """What verifies tokens."""
    settings = read(TokenSettings)
    return Tokens(settings.issuer, partial(fetch_keys, settings.keys_url))
