"""What a client may say over its connection, and what it is answered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from edge.logs import logger
from kernel.errors import DomainError, Forbidden, Invalid, Malformed, NotFound, TooLarge
from kernel.events import envelope
from live.fan_out import text_of
from live.log import is_position
from live.topics import ONE_ORDER, right_to

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from kernel.events import Event
    from live.connections import Connection, Connections
    from live.log import Log
    from live.pushing import Push

MOST_TOPICS = 100
"""Topics that one connection may listen to."""
Topic = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Since = int | Annotated[str, StringConstraints(max_length=64)]


class Subscribe(BaseModel):
    """Listen to topics. `since` says by topic what was the last to come: a sequence for an order, else a position."""

    model_config = ConfigDict(extra="forbid")

    action: Literal["subscribe"]
    topics: Annotated[list[Topic], Field(min_length=1, max_length=MOST_TOPICS)]
    since: Since | Annotated[dict[Topic, Since], Field(max_length=MOST_TOPICS)] | None = None

    def last(self, topic: str) -> Since | None:
        """The last that came of a topic, or None where the client wants only what comes from now on."""
        return self.since.get(topic) if isinstance(self.since, dict) else self.since


class Unsubscribe(BaseModel):
    """Listen to these no more."""

    model_config = ConfigDict(extra="forbid")

    action: Literal["unsubscribe"]
    topics: Annotated[list[Topic], Field(min_length=1, max_length=MOST_TOPICS)]


class Ping(BaseModel):
    """Are you there? A connection that says nothing for ten minutes is closed by API Gateway."""

    model_config = ConfigDict(extra="forbid")

    action: Literal["ping"]


_SAID: TypeAdapter[Subscribe | Unsubscribe | Ping] = TypeAdapter(
    Annotated[Subscribe | Unsubscribe | Ping, Field(discriminator="action")]
)


class Session:
    """Answers one connection's messages. `history` answers the events of an aggregate."""

    def __init__(self, connections: Connections, log: Log, push: Push, history: Callable[[str], Sequence[Event]]) -> None:
        self._connections = connections
        self._log = log
        self._push = push
        self._history = history

    def hear(self, connection: Connection, text: str, now: datetime) -> None:
        """Do what a message asks for; what cannot be done is answered with its reason. Raises Gone, ClientError."""
        try:
            said = _parsed(text)
            if isinstance(said, Ping):
                self._answer(connection, action="pong")
            elif isinstance(said, Unsubscribe):
                self._connections.unsubscribe(connection.id, said.topics)
                self._answer(connection, action="unsubscribed", topics=said.topics)
            else:
                self._subscribe(connection, said, now)
        except DomainError as error:
            logger.info("refused", code=error.code, connection=connection.id)
            self._answer(connection, action="error", code=error.code, detail=error.detail)

    def _subscribe(self, connection: Connection, said: Subscribe, now: datetime) -> None:
        for topic in said.topics:
            right = right_to(topic)
            if right is None:
                raise NotFound("no_such_topic", "Topics are orders, order:ord_…, approvals and floor.")
            if not connection.caller.permitted(right):
                raise Forbidden("forbidden", "The token does not give the right to one of the topics.")
            _check_since(topic, said.last(topic))
        if len({*self._connections.topics(connection.id), *said.topics}) > MOST_TOPICS:
            raise TooLarge("too_many_topics", f"A connection listens to at most {MOST_TOPICS} topics.")
        self._connections.subscribe(connection, said.topics)
        self._answer(connection, action="subscribed", topics=said.topics)
        for topic in said.topics:
            last = said.last(topic)
            if last is not None:
                for text in self._since(topic, last, now):
                    self._push.send(connection.id, text)
                self._answer(connection, action="caught_up", topic=topic)

    def _since(self, topic: str, last: Since, now: datetime) -> Iterator[str]:
        if topic.startswith(ONE_ORDER):
            events = self._history(topic.removeprefix(ONE_ORDER))
            return (text_of(envelope(event)) for event in events if event.sequence > int(last))
        return iter(self._log.after(topic, str(last), now))

    def _answer(self, connection: Connection, **content: Any) -> None:
        self._push.send(connection.id, json.dumps(content))


def _check_since(topic: str, last: Since | None) -> None:
    if last is None:
        return
    if topic.startswith(ONE_ORDER) and not isinstance(last, int):
        raise Invalid("invalid_since", "For an order, `since` is the sequence of the last event that came.")
    if not topic.startswith(ONE_ORDER) and not (isinstance(last, str) and is_position(last)):
        raise Invalid("invalid_since", "For this topic, `since` is the position of the last message that came.")


def _parsed(text: str) -> Subscribe | Unsubscribe | Ping:
    try:
        return _SAID.validate_json(text)
    except ValidationError:
        # pydantic's own words would carry the input.
        raise Malformed("not_understood", "A message is a JSON object with the action subscribe, unsubscribe or ping.") from None
