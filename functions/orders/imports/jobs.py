"""Import jobs and what became of their rows, in a table of their own that forgets them after a month.

Key: `pk` is the import; `sk` is JOB for the job, or ROW# and the line for a row that placed no order. Progress is one
conditional write a chunk: of two workers on one job, one records the chunk, and the other learns that it is not needed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, cast

from botocore.exceptions import ClientError

from edge.event_store import busy_or
from kernel.errors import Busy
from kernel.events import Actor, Cause

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, QueryInputTypeDef

Format = Literal["ndjson", "csv"]
State = Literal["waiting", "running", "done", "failed"]
LIFETIME_S = 30 * 24 * 3600
BATCH = 25
TRIES = 5


@dataclass(frozen=True, slots=True)
class Job:
    """An import. Counts are orders; `offset` and `line` are where the next chunk begins, in bytes and lines."""

    id: str
    format: Format
    caller: str
    cause: Cause
    created_at: str
    fingerprint: str
    state: State = "waiting"
    offset: int = 0
    line: int = 1
    columns: tuple[str, ...] = ()
    placed: int = 0
    duplicates: int = 0
    refused: int = 0
    ended_at: str | None = None
    reason: str | None = None

    @property
    def ended(self) -> bool:
        """Whether there is nothing left to do."""
        return self.state in ("done", "failed")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that placed no order: where it is, why, and the order that was there first where it is a duplicate."""

    line: int
    code: str
    detail: str
    order_id: str | None = None
    errors: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """What became of some rows: where the next chunk begins, how many orders were placed, and what was not."""

    offset: int
    line: int
    placed: int
    refusals: tuple[Refusal, ...] = field(default=())


class Jobs:
    """Jobs in DynamoDB."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def create(self, job: Job, now_s: int) -> Job:
        """Keep a new job; answers the one that is there under its id, which may be an earlier one. Raises Busy."""
        item = {**_item(job), "expires_at": {"N": str(now_s + LIFETIME_S)}}
        try:
            self._client.put_item(TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(pk)")
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise busy_or(error) from error
            found = self.find(job.id)
            assert found is not None  # it is what the condition failed on
            return found
        return job

    def find(self, import_id: str) -> Job | None:
        """A job as it is, or None."""
        key = {"pk": {"S": import_id}, "sk": {"S": "JOB"}}
        item = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        return _job(item) if item else None

    def begin(self, job: Job, columns: Sequence[str], offset: int, line: int) -> Job | None:
        """Note that the work has begun, behind a file's header where it has one; None where somebody else was faster."""
        return self._advance(job, replace(job, state="running", columns=tuple(columns), offset=offset, line=line))

    def record(self, job: Job, chunk: Chunk, now_s: int) -> Job | None:
        """Record a chunk, its refusals first; None where somebody else recorded it. Raises Busy."""
        self._keep(job.id, chunk.refusals, now_s)
        duplicates = sum(refusal.order_id is not None for refusal in chunk.refusals)
        after = replace(
            job,
            offset=chunk.offset,
            line=chunk.line,
            placed=job.placed + chunk.placed,
            duplicates=job.duplicates + duplicates,
            refused=job.refused + len(chunk.refusals) - duplicates,
        )
        return self._advance(job, after)

    def end(self, job: Job, state: State, at: str, reason: str | None = None) -> Job | None:
        """Note that nothing is left to do."""
        return self._advance(job, replace(job, state=state, ended_at=at, reason=reason))

    def refusals(self, import_id: str, limit: int, after: int) -> tuple[list[Refusal], int | None]:
        """Rows that placed no order, by line, those behind a line; and the line to go on behind, if there are more."""
        request: QueryInputTypeDef = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :id AND sk BETWEEN :first AND :last",
            "ExpressionAttributeValues": {":id": {"S": import_id}, ":first": {"S": _row_key(after + 1)}, ":last": {"S": "ROW#~"}},
            "Limit": limit,
        }
        answer = self._client.query(**request)
        found = [_refusal(item) for item in answer["Items"]]
        return found, found[-1].line if found and answer.get("LastEvaluatedKey") else None

    def _advance(self, before: Job, after: Job) -> Job | None:
        item = _item(after)
        names = {f"#{name}": name for name in item if name not in ("pk", "sk")}
        values = {f":{name}": value for name, value in item.items() if name not in ("pk", "sk")}
        changes = ", ".join(f"#{name} = :{name}" for name in item if name not in ("pk", "sk"))
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"pk": item["pk"], "sk": item["sk"]},
                UpdateExpression=f"SET {changes}",
                ConditionExpression="#offset = :before AND #state = :state_before",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues={**values, ":before": {"N": str(before.offset)}, ":state_before": {"S": before.state}},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return None
            raise busy_or(error) from error
        return after

    def _keep(self, import_id: str, refusals: Sequence[Refusal], now_s: int) -> None:
        for start in range(0, len(refusals), BATCH):
            puts = [{"PutRequest": {"Item": _row_item(import_id, refusal, now_s)}} for refusal in refusals[start : start + BATCH]]
            wanted: Any = {self._table: puts}
            for _ in range(TRIES):
                wanted = self._client.batch_write_item(RequestItems=wanted).get("UnprocessedItems")
                if not wanted:
                    break
            else:
                raise Busy("store_busy", "The store is busy; try again in a moment.")


def _row_key(line: int) -> str:
    return f"ROW#{line:012}"


def _row_item(import_id: str, refusal: Refusal, now_s: int) -> dict[str, AttributeValueTypeDef]:
    item: dict[str, AttributeValueTypeDef] = {
        "pk": {"S": import_id},
        "sk": {"S": _row_key(refusal.line)},
        "code": {"S": refusal.code},
        "detail": {"S": refusal.detail},
        "errors": {"S": json.dumps(list(refusal.errors))},
        "expires_at": {"N": str(now_s + LIFETIME_S)},
    }
    if refusal.order_id:
        item["order_id"] = {"S": refusal.order_id}
    return item


def _refusal(item: Mapping[str, AttributeValueTypeDef]) -> Refusal:
    order_id = item["order_id"]["S"] if "order_id" in item else None
    errors = tuple(json.loads(item["errors"]["S"]))
    return Refusal(int(item["sk"]["S"].removeprefix("ROW#")), item["code"]["S"], item["detail"]["S"], order_id, errors)


def _item(job: Job) -> dict[str, AttributeValueTypeDef]:
    texts = {
        "format": job.format,
        "caller": job.caller,
        "actor": f"{job.cause.actor.kind}:{job.cause.actor.id}",
        "correlation": job.cause.correlation_id,
        "traceparent": job.cause.traceparent,
        "created_at": job.created_at,
        "fingerprint": job.fingerprint,
        "state": job.state,
        "columns": json.dumps(job.columns),
        "ended_at": job.ended_at,
        "reason": job.reason,
    }
    numbers = {name: getattr(job, name) for name in ("offset", "line", "placed", "duplicates", "refused")}
    return {
        "pk": {"S": job.id},
        "sk": {"S": "JOB"},
        **{name: {"S": text} for name, text in texts.items() if text is not None},
        **{name: {"N": str(number)} for name, number in numbers.items()},
    }


def _job(item: Mapping[str, AttributeValueTypeDef]) -> Job:
    def text(name: str) -> str | None:
        return item[name]["S"] if name in item else None

    kind, _, who = item["actor"]["S"].partition(":")
    cause = Cause(Actor(kind, who), item["correlation"]["S"], None, text("traceparent"))  # type: ignore[arg-type]
    numbers = {name: int(item[name]["N"]) for name in ("offset", "line", "placed", "duplicates", "refused")}
    return Job(
        id=item["pk"]["S"],
        format=cast("Format", item["format"]["S"]),
        caller=item["caller"]["S"],
        cause=cause,
        created_at=item["created_at"]["S"],
        fingerprint=item["fingerprint"]["S"],
        state=cast("State", item["state"]["S"]),
        columns=tuple(json.loads(item["columns"]["S"])),
        ended_at=text("ended_at"),
        reason=text("reason"),
        **numbers,
    )
