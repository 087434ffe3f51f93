"""Drops projections and makes them again from the events, in segments, while everything else goes on.

Called once to drop and once to show, for every segment, again and again until it answers that it is done: each call works
for as long as a function may, and answers where the next one goes on. Whoever calls keeps that place, so that a rebuild
that was interrupted goes on instead of beginning anew; doing a part of it twice changes nothing.

An event that arrives while items are dropped may show an order only to have it dropped again; the second step reads every
aggregate after the last item was dropped, and later events are shown as always.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

from pydantic import BaseModel, ConfigDict, Field

from edge import clients
from edge.logs import logger
from edge.settings import read
from hub.board import BoardSettings
from hub.projections import projections, show

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, ScanInputTypeDef

    from hub.projections import Projection

Key = dict[str, dict[str, str]]
SPARE_MS = 5_000
"""What is left of a call's time when it answers."""
PAGE = 200


class Part(BaseModel):
    """A part of a rebuild: which step, of which projections (all by default), in which segment, from where on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    step: Literal["drop", "show"]
    names: tuple[str, ...] = ()
    segment: int = Field(default=0, ge=0)
    segments: int = Field(default=1, ge=1, le=64)
    after: Key | None = None


class Progress(BaseModel):
    """How far the part is: what this call did, and where the next one goes on; None when it is done."""

    done: int
    after: Key | None


class Time(Protocol):
    """What Lambda tells of a call."""

    def get_remaining_time_in_millis(self) -> int:
        """How long it may still run."""
        ...


class Rebuild:
    """Drops and shows."""

    def __init__(self, client: DynamoDBClient, orders_table: str, views_table: str, known: Sequence[Projection]) -> None:
        self._client = client
        self._orders = orders_table
        self._views = views_table
        self._known = known

    def go_on(self, part: Part, time: Time) -> Progress:
        """Do as much of a part as there is time for. Raises ClientError, and ValueError for a projection that is not there."""
        among = [projection for projection in self._known if not part.names or projection.name in part.names]
        if {projection.name for projection in among} < set(part.names):
            raise ValueError("there is no such projection")
        done = 0
        table = self._views if part.step == "drop" else self._orders
        for key, subject in self._scan(table, part):
            if part.step == "drop":
                done += self._drop(key, among)
            else:
                show(subject, among)
                done += 1
            if time.get_remaining_time_in_millis() < SPARE_MS:
                return Progress(done=done, after=key)
        return Progress(done=done, after=None)

    def _drop(self, key: Key, among: Sequence[Projection]) -> int:
        if not any(projection.owns((key["pk"]["S"], key["sk"]["S"])) for projection in among):
            return 0
        self._client.delete_item(TableName=self._views, Key=_typed(key))
        return 1

    def _scan(self, table: str, part: Part) -> Iterator[tuple[Key, str]]:
        """The keys of a segment, and whose they are; of an aggregate's commits, the first."""
        request: ScanInputTypeDef = {
            "TableName": table,
            "Segment": part.segment,
            "TotalSegments": part.segments,
            "ProjectionExpression": "pk, sk",
            "Limit": PAGE,
        }
        if part.step == "show":
            request["FilterExpression"] = "sk = :first"
            request["ExpressionAttributeValues"] = {":first": {"N": "1"}}
        position = _typed(part.after) if part.after else None
        while True:
            if position:
                request["ExclusiveStartKey"] = position
            answer = self._client.scan(**request)
            for item in answer["Items"]:
                key: Key = {name: dict(item[name]) for name in ("pk", "sk")}  # type: ignore[arg-type]  # strings and numbers
                yield key, item["pk"]["S"]
            position = answer.get("LastEvaluatedKey")
            if not position:
                return


def _typed(key: Key) -> dict[str, AttributeValueTypeDef]:
    return cast("dict[str, AttributeValueTypeDef]", key)


@lru_cache(maxsize=1)
def rebuild() -> Rebuild:
    """The rebuild of this stage."""
    settings = read(BoardSettings)
    return Rebuild(clients.dynamodb(), settings.orders_table, settings.views_table, projections())


def handler(event: dict[str, Any], context: Time) -> dict[str, Any]:
    """Do as much of a part as there is time for; answers how far it is."""
    part = Part.model_validate(event)
    progress = rebuild().go_on(part, context)
    logger.info("rebuilt", step=part.step, segment=part.segment, done=progress.done, finished=progress.after is None)
    return progress.model_dump()
