"""Dead-letter queues: what is parked, why, and its way back.

What a consumer could not handle goes back into its queue. What a stream's relay could not tell is parked as the place in
the stream, so it is found again among the stored events of that time and told from there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from local import event_replay
from local.aws import client
from local.hubfile import read

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from local.instance import Instance

PEEK_S = 5
"""How long a message that was only looked at stays hidden from others."""


class NoSuchQueue(Exception):
    """There is no dead-letter queue of this name."""


class NoWayBack(Exception):
    """What is parked there cannot be sent on."""


@dataclass(frozen=True, slots=True)
class Parked:
    """A parked message: what it is about, and since when it was tried."""

    message_id: str
    about: str
    sent_at: datetime
    tries: int
    body: str
    receipt: str

    @property
    def window(self) -> event_replay.Window | None:
        """The time of the stream's records that it stands for; None where it is a message itself."""
        batch = json.loads(self.body).get("DDBStreamBatchInfo")
        if batch is None:
            return None
        first, last = (datetime.fromisoformat(batch[f"approximateArrivalOf{which}Record"]) for which in ("First", "Last"))
        # The commit's own time is a moment before its arrival in the stream, which is told to the second.
        return event_replay.Window(first.astimezone(UTC) - timedelta(seconds=5), last.astimezone(UTC) + timedelta(seconds=2))


def depths(instance: Instance) -> dict[str, int]:
    """How many messages are parked, by the name of who could not handle them."""
    queues = client(instance, "sqs")
    found = {}
    for url in read(instance)["dead_letter_queues"].values():
        answer = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        found[_name(url)] = int(answer["Attributes"]["ApproximateNumberOfMessages"])
    return dict(sorted(found.items()))


def parked(instance: Instance, name: str, hidden_s: int = PEEK_S) -> Iterator[Parked]:
    """What is parked, in no order; each is hidden from others for a while. Raises NoSuchQueue."""
    queues, url = client(instance, "sqs"), _url(instance, name)
    seen: set[str] = set()
    while True:
        answer = queues.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=hidden_s, MessageSystemAttributeNames=["All"]
        )
        fresh = [message for message in answer.get("Messages", []) if message["MessageId"] not in seen]
        if not fresh:
            return
        seen |= {message["MessageId"] for message in fresh}
        yield from map(_parked, fresh)


def redrive(instance: Instance, name: str, message_id: str | None = None) -> Iterator[Parked]:
    """Send what is parked on its way again: one message, or all; yields each that is on its way.

    A message is deleted here after it is there, so that a crash between the two sends it twice and never loses it.
    Raises NoSuchQueue, NoWayBack, event_replay.NotTaken.
    """
    queues, url = client(instance, "sqs"), _url(instance, name)
    consumers = {address.rsplit("/", 1)[-1]: address for address in queues.list_queues().get("QueueUrls", [])}
    back = consumers.get(f"orderhub-local-{name}")
    for message in parked(instance, name, hidden_s=60):
        if message_id is not None and message.message_id != message_id:
            continue
        window = message.window
        if window is not None:
            for _ in event_replay.tell(instance, event_replay.found(instance, window), event_replay.BUS):
                pass
        elif back is not None:
            queues.send_message(QueueUrl=back, MessageBody=message.body)
        else:
            raise NoWayBack(f"{name} has no queue to go back to: it runs by the clock, and has run again since.")
        queues.delete_message(QueueUrl=url, ReceiptHandle=message.receipt)
        yield message


def _parked(message: Mapping[str, Any]) -> Parked:
    body, attributes = json.loads(message["Body"]), message.get("Attributes", {})
    detail = body.get("detail", {})
    batch = body.get("DDBStreamBatchInfo", {})
    about = f"{detail['type']} {detail['subject']} {detail['sequence']}" if "subject" in detail else ""
    about = about or (f"{batch['batchSize']} records of the stream" if batch else "not an event")
    return Parked(
        message["MessageId"],
        about,
        datetime.fromtimestamp(int(attributes.get("SentTimestamp", "0")) / 1000, UTC),
        int(attributes.get("ApproximateReceiveCount", "0")),
        message["Body"],
        message["ReceiptHandle"],
    )


def _name(url: str) -> str:
    return url.rsplit("/", 1)[-1].removeprefix("orderhub-local-").removesuffix("-dlq")


def _url(instance: Instance, name: str) -> str:
    urls = {_name(url): str(url) for url in read(instance)["dead_letter_queues"].values()}
    if name not in urls:
        raise NoSuchQueue(f"nothing is parked under {name}; there are {', '.join(sorted(urls))}")
    return urls[name]
