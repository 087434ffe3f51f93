"""How often each source was right, counted as reports come in, and the mismatches that still stand.

Keys: `ACCURACY#<day>` with `<source>#<store>` is a counter, `MISMATCH` with `<source>#<view>` a mismatch that nobody has
corrected, `COUNTED#<view>` up to which event a view is counted. All that an event changes is one transaction with that
mark, so an event counts once however often somebody tries.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from accuracy.events import StatusMismatch, StatusReported
from edge.event_store import busy_or
from kernel.errors import Busy

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, QueryInputTypeDef, TransactWriteItemTypeDef

    from kernel.events import Event

TRIES = 5
AT_ONCE = 40
"""Events that one transaction counts at most: each may change a counter of its own."""


@dataclass(frozen=True, slots=True)
class Count:
    """Reports of a source about a store's orders on a day."""

    day: str
    source: str
    store: str
    right: int
    wrong: int


class AccuracyStore:
    """Counters and standing mismatches in DynamoDB."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def count(self, view_id: str, events: Sequence[Event]) -> None:
        """Count those of a view's events that are not counted yet. Raises Busy."""
        for attempt in range(TRIES):
            counted = self._counted(view_id)
            fresh = [event for event in events if event.sequence > counted][:AT_ONCE]
            if not fresh:
                return
            try:
                self._client.transact_write_items(TransactItems=self._writes(view_id, counted, fresh))
            except ClientError as error:
                # Somebody counts the same, or the same counter: look again at what is left.
                if error.response["Error"]["Code"] != "TransactionCanceledException":
                    raise busy_or(error) from error
                time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311  # jitter
        raise Busy("contended", "Others report on the same at this moment; try again in a moment.")

    def _counted(self, view_id: str) -> int:
        item = self._client.get_item(TableName=self._table, Key=_key(f"COUNTED#{view_id}", "COUNTED"), ConsistentRead=True).get(
            "Item"
        )
        return int(item["sequence"]["N"]) if item else 0

    def _writes(self, view_id: str, counted: int, fresh: Sequence[Event]) -> list[TransactWriteItemTypeDef]:
        counts: Counter[tuple[str, str, str]] = Counter()
        newest: StatusReported | StatusMismatch | None = None
        for event in fresh:
            data = event.data
            assert isinstance(data, StatusReported | StatusMismatch)  # all that its stream consists of
            right = isinstance(data, StatusReported)
            counts[f"ACCURACY#{data.as_of[:10]}", f"{data.source}#{data.store}", "right" if right else "wrong"] += 1
            newest = data
        assert newest is not None  # there is at least one
        by_item: dict[tuple[str, str], dict[str, int]] = {}
        for (pk, sk, name), number in counts.items():
            by_item.setdefault((pk, sk), {"right": 0, "wrong": 0})[name] += number
        place = _key("MISMATCH", f"{newest.source}#{view_id}")
        standing: TransactWriteItemTypeDef = (
            {"Put": {"TableName": self._table, "Item": {**place, "mismatch": {"S": newest.model_dump_json()}}}}
            if isinstance(newest, StatusMismatch)
            else {"Delete": {"TableName": self._table, "Key": place}}
        )
        return [self._mark(view_id, counted, fresh[-1].sequence), standing, *(self._add(*key, by_item[key]) for key in by_item)]

    def _mark(self, view_id: str, counted: int, until: int) -> TransactWriteItemTypeDef:
        return {
            "Update": {
                "TableName": self._table,
                "Key": _key(f"COUNTED#{view_id}", "COUNTED"),
                "UpdateExpression": "SET #sequence = :until",
                "ConditionExpression": "attribute_not_exists(#sequence) OR #sequence = :counted",
                "ExpressionAttributeNames": {"#sequence": "sequence"},
                "ExpressionAttributeValues": {":until": {"N": str(until)}, ":counted": {"N": str(counted)}},
            }
        }

    def _add(self, pk: str, sk: str, numbers: dict[str, int]) -> TransactWriteItemTypeDef:
        return {
            "Update": {
                "TableName": self._table,
                "Key": _key(pk, sk),
                "UpdateExpression": "ADD #right :right, #wrong :wrong",
                "ExpressionAttributeNames": {"#right": "right", "#wrong": "wrong"},
                "ExpressionAttributeValues": {f":{name}": {"N": str(number)} for name, number in numbers.items()},
            }
        }

    def counts(self, day: date, source: str | None) -> list[Count]:
        """The counters of a day, of one source or of all."""
        found: list[Count] = []
        request = self._of(f"ACCURACY#{day.isoformat()}", source)
        while True:
            answer = self._client.query(**request)
            for item in answer["Items"]:
                name, _, store = item["sk"]["S"].partition("#")
                found.append(Count(day.isoformat(), name, store, int(item["right"]["N"]), int(item["wrong"]["N"])))
            if "LastEvaluatedKey" not in answer:
                return found
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def standing(self, source: str | None, limit: int, after: str | None) -> tuple[list[StatusMismatch], str | None]:
        """Mismatches that nobody has corrected, and the key to go on after."""
        request = self._of("MISMATCH", source)
        request["Limit"] = limit
        if after:
            request["ExclusiveStartKey"] = _key("MISMATCH", after)
        answer = self._client.query(**request)
        last = answer.get("LastEvaluatedKey")
        found = [StatusMismatch.model_validate(json.loads(item["mismatch"]["S"])) for item in answer["Items"]]
        return found, last["sk"]["S"] if last else None

    def _of(self, pk: str, source: str | None) -> QueryInputTypeDef:
        values: dict[str, AttributeValueTypeDef] = {":pk": {"S": pk}}
        condition = "pk = :pk"
        if source is not None:
            condition += " AND begins_with(sk, :source)"
            values[":source"] = {"S": f"{source}#"}
        return {"TableName": self._table, "KeyConditionExpression": condition, "ExpressionAttributeValues": values}


def _key(pk: str, sk: str) -> dict[str, AttributeValueTypeDef]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}
