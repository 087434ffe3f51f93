"""The queue of deliveries: a message says which delivery to look at, and the record says whether there is something to do.

So a message may come twice or be lost: the record's claim lets one through, and the sweep finds what nobody looked at.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edge.logs import logger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

BATCH = 10
LONGEST_DELAY_S = 900
"""For how long SQS can hold a message back."""


class NotQueued(Exception):
    """The queue did not take some messages."""


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery to look at."""

    endpoint_id: str
    delivery_id: str
    delay_s: float = 0.0


class Outbox:
    """Puts messages into the queue, ten at a time."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._url = queue_url

    def put(self, due: Sequence[Due]) -> None:
        """Queue these. Raises NotQueued where some were not taken, which is safe to do again."""
        for start in range(0, len(due), BATCH):
            entries = [_entry(str(place), one) for place, one in enumerate(due[start : start + BATCH])]
            answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
            if answer.get("Failed"):
                logger.warning("not queued", failed=len(answer["Failed"]), code=answer["Failed"][0]["Code"])
                raise NotQueued(f"{len(answer['Failed'])} messages")


def _entry(id_: str, due: Due) -> SendMessageBatchRequestEntryTypeDef:
    return {
        "Id": id_,
        "MessageBody": json.dumps({"endpoint": due.endpoint_id, "delivery": due.delivery_id}),
        "DelaySeconds": min(math.ceil(due.delay_s), LONGEST_DELAY_S),
        # On a standard queue a group makes a fair queue: an endpoint's backlog does not hold up the others.
        "MessageGroupId": due.endpoint_id,
    }


def read(record: Mapping[str, Any]) -> Due:
    """What a queue's record asks for. Raises KeyError or ValueError for a body that is none of ours."""
    body = json.loads(record["body"])
    return Due(body["endpoint"], body["delivery"])
