"""Deliveries against a receiver over real HTTP, with the tables in moto and time in the test's hands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

from edge.aggregates import Command
from kernel.errors import Conflict, Invalid
from tests.adapters.post_office import CAUSE, PostOffice, told
from tests.aws import aws
from tests.receiver import Receiver, receiving
from webhooks.circuit import OPENS_AFTER
from webhooks.events import EndpointRegistered
from webhooks.guard import Guard


@pytest.fixture
def database() -> Iterator[Any]:
    with aws() as found:
        yield found


@pytest.fixture
def office(database: Any) -> PostOffice:
    return PostOffice(database)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def test_an_event_is_delivered_signed_and_recorded(office: PostOffice, receiver: Receiver) -> None:
    endpoint_id, secret = office.register(receiver.url, "order.*")
    message = told(office.clock)
    assert office.tell(message, told(office.clock, "payment.captured.v1", 2)) == 1
    office.work()
    (got,) = receiver.got
    assert got.headers["webhook-id"] == message.id
    assert got.headers["host"] == receiver.url.removeprefix("http://")
    # The test's clock is not the library's, so that the signature is made again rather than verified.
    assert got.headers["webhook-signature"] == Webhook(secret).sign(message.id, office.clock.time, got.body.decode())
    assert "lane" not in got.event
    (delivery,) = office.listed(endpoint_id)
    assert (delivery.status, delivery.attempts, delivery.log[0].status_code) == ("delivered", 1, 204)
    assert json.loads(office.deliveries.body(message.id, message.type) or "") == got.event


def test_an_event_that_the_bus_tells_twice_is_delivered_once(office: PostOffice, receiver: Receiver) -> None:
    office.register(receiver.url)
    message = told(office.clock)
    office.tell(message)
    office.tell(message)
    office.work()
    office.tell(message)
    office.work()
    assert len(receiver.got) == 1


def test_a_delivery_whose_message_was_never_queued_is_queued_when_the_event_comes_again(
    office: PostOffice, receiver: Receiver
) -> None:
    office.register(receiver.url)
    message = told(office.clock)
    office.tell(message)
    office.queue.waiting.clear()
    office.tell(message)
    office.work()
    assert len(receiver.got) == 1


def test_nothing_is_asked_of_the_table_for_an_event_that_nobody_asked_for(office: PostOffice, receiver: Receiver) -> None:
    office.register(receiver.url, "return.*")
    assert office.tell(told(office.clock)) == 0
    assert office.queue.waiting == []


def test_failures_are_tried_again_for_24_hours_and_then_given_up(office: PostOffice, receiver: Receiver) -> None:
    endpoint_id, _ = office.register(receiver.url)
    receiver.answers = lambda _: 503
    office.tell(told(office.clock))
    began = office.clock.time
    office.pass_time(timedelta(hours=26))
    (delivery,) = office.listed(endpoint_id)
    assert delivery.status == "failed"
    assert 8 <= delivery.attempts <= 30
    assert delivery.log[-1].error == "answered 503"
    assert timedelta(hours=24) <= delivery.give_up_at - began + timedelta(minutes=10)
    assert office.queue.waiting == []
    assert office.deliveries.due(endpoint_id, office.clock.time, 10) == []


def test_a_lost_message_is_found_by_the_sweep(office: PostOffice, receiver: Receiver) -> None:
    endpoint_id, _ = office.register(receiver.url)
    receiver.answers = lambda _: 500
    office.tell(told(office.clock))
    office.work()
    office.queue.waiting.clear()
    receiver.answers = lambda _: 200
    office.pass_time(timedelta(minutes=20))
    assert office.listed(endpoint_id)[0].status == "delivered"


def test_a_receiver_that_comes_back_gets_everything(office: PostOffice, receiver: Receiver) -> None:
    endpoint_id, _ = office.register(receiver.url)
    receiver.answers = lambda _: 500
    messages = [told(office.clock, sequence=n) for n in range(1, 31)]
    for start in range(0, 30, 10):
        office.tell(*messages[start : start + 10])
    office.work()
    assert office.endpoint(endpoint_id).health.tripped
    attempts = len(receiver.got)
    assert attempts < 30
    receiver.answers = lambda _: 204
    office.pass_time(timedelta(minutes=30))
    assert {got.headers["webhook-id"] for got in receiver.got[attempts:]} == {message.id for message in messages}
    assert {delivery.status for delivery in office.listed(endpoint_id)} == {"delivered"}
    health = office.endpoint(endpoint_id).health
    assert (health.failures, health.failing_since, health.open_until) == (0, None, None)


def test_while_a_circuit_is_open_nothing_is_sent_and_one_request_tries_it_out(office: PostOffice, receiver: Receiver) -> None:
    office.register(receiver.url)
    receiver.answers = lambda _: 500
    for n in range(1, 31):
        office.tell(told(office.clock, sequence=n))
    office.work()
    # Requests that were under way together may be a few more than it takes.
    sent = len(receiver.got)
    assert OPENS_AFTER <= sent < OPENS_AFTER + 10
    office.pass_time(timedelta(seconds=20))
    assert len(receiver.got) == sent
    office.pass_time(timedelta(seconds=12))
    assert len(receiver.got) <= sent + 1


def test_other_endpoints_do_not_notice_one_that_fails(office: PostOffice, receiver: Receiver) -> None:
    with receiving() as other:
        receiver.answers = lambda _: 500
        office.register(receiver.url, key="bad")
        good, _ = office.register(other.url, key="good")
        for n in range(1, 21):
            office.tell(told(office.clock, sequence=n))
        office.work()
        assert len({got.headers["webhook-id"] for got in other.got}) == 20
        assert {delivery.attempts for delivery in office.listed(good)} == {1}


def test_an_endpoint_that_fails_for_days_is_disabled_with_a_notice_and_told_again_once_enabled(
    office: PostOffice, receiver: Receiver, database: Any
) -> None:
    endpoint_id, _ = office.register(receiver.url)
    receiver.answers = lambda _: 500
    for day in range(4):
        office.tell(told(office.clock, sequence=day + 1))
        office.pass_time(timedelta(hours=25))
    registered = office.endpoint(endpoint_id)
    assert (registered.endpoint.status, registered.endpoint.disabled_because) == ("disabled", "failing")
    commits = database.query(
        TableName="orders", KeyConditionExpression="pk = :id", ExpressionAttributeValues={":id": {"S": endpoint_id}}
    )["Items"]
    assert json.loads(commits[-1]["events"]["S"])[0]["type"] == "webhook.endpoint_disabled"
    sent = len(receiver.got)
    office.tell(told(office.clock, sequence=9))
    office.pass_time(timedelta(hours=1))
    assert len(receiver.got) == sent
    receiver.answers = lambda _: 200
    office.endpoints.change(
        endpoint_id, Command("change-webhook", CAUSE), url=None, event_types=None, description=None, enabled=True
    )
    office.clock.time += timedelta(seconds=3)
    office.tell(told(office.clock, sequence=10))
    office.work()
    assert receiver.got[-1].event["sequence"] == 10


def test_an_endpoint_that_says_it_is_gone_is_disabled_at_once(office: PostOffice, receiver: Receiver) -> None:
    endpoint_id, _ = office.register(receiver.url)
    receiver.answers = lambda _: 410
    office.tell(told(office.clock))
    office.work()
    assert office.endpoint(endpoint_id).endpoint.disabled_because == "gone"


def test_a_redirect_is_not_followed(office: PostOffice, receiver: Receiver) -> None:
    endpoint_id, _ = office.register(receiver.url)
    with receiving() as inside:
        receiver.answers = lambda _: (302, {"location": inside.url})
        office.tell(told(office.clock))
        office.work()
        assert inside.got == []
    assert office.listed(endpoint_id)[0].log[0].error == "redirects are not followed"


@pytest.mark.parametrize("url", ["http://localhost:{port}/", "http://127.0.0.1:{port}/", "http://2130706433:{port}/"])
def test_where_the_stage_allows_no_loopback_not_even_a_name_leads_there(database: Any, receiver: Receiver, url: str) -> None:
    office = PostOffice(database)
    port = receiver.url.rpartition(":")[2]
    endpoint_id, _ = office.register(url.format(port=port))
    strict = PostOffice(database, Guard(("http",)))
    strict.cipher, strict.sender._opener = office.cipher, office.cipher  # the other office's key opens the secret
    strict.clock.time = office.clock.time
    strict.tell(told(office.clock))
    strict.work()
    assert receiver.got == []
    assert strict.listed(endpoint_id)[0].log[0].error == "not sent: the address is not public"


def test_a_name_is_resolved_once_and_the_address_that_was_checked_is_connected_to(
    office: PostOffice, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    looked_up: list[str] = []
    real = socket.getaddrinfo

    def rebinding(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host == "shop.example":
            looked_up.append(host)
            # A second look-up would lead elsewhere.
            return real("127.0.0.1" if len(looked_up) == 1 else "10.0.0.1", port, *args, **kwargs)
        return real(host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    port = receiver.url.rpartition(":")[2]
    office.register(f"http://shop.example:{port}/hook")
    office.tell(told(office.clock))
    office.work()
    assert looked_up == ["shop.example"]
    assert receiver.got[0].headers["host"] == f"shop.example:{port}"


def test_a_key_registers_one_endpoint_and_shows_the_same_secret(office: PostOffice, receiver: Receiver) -> None:
    first = office.register(receiver.url, key="once")
    assert office.register(receiver.url, key="once") == first
    assert office.register(receiver.url, key="twice")[0] != first[0]
    wanted = EndpointRegistered(url=receiver.url, event_types=("*",), description="")
    with pytest.raises(Invalid):
        office.endpoints.register(wanted, Command("register-webhook", CAUSE, "once", "another print"), "shop")


def test_a_registration_that_crashed_before_the_registry_is_completed_by_the_same_request(
    office: PostOffice, receiver: Receiver, database: Any
) -> None:
    endpoint_id, _ = office.register(receiver.url)
    database.delete_item(TableName="webhooks", Key={"pk": {"S": "ENDPOINTS"}, "sk": {"S": endpoint_id}})
    again, secret = office.register(receiver.url)
    assert again == endpoint_id
    assert secret.startswith("whsec_")


def test_what_was_removed_does_not_come_back_with_its_key(office: PostOffice, receiver: Receiver) -> None:
    endpoint_id, _ = office.register(receiver.url)
    office.endpoints.remove(endpoint_id, Command("remove-webhook", CAUSE))
    with pytest.raises(Conflict):
        office.register(receiver.url)


def test_during_a_rotation_both_secrets_sign_and_afterwards_one(office: PostOffice, receiver: Receiver) -> None:
    endpoint_id, old = office.register(receiver.url)
    _, new = office.endpoints.rotate(endpoint_id, Command("rotate", CAUSE, "key-2", "print"))
    assert office.endpoints.rotate(endpoint_id, Command("rotate", CAUSE, "key-2", "print"))[1] == new
    office.clock.time += timedelta(seconds=3)
    office.tell(told(office.clock))
    office.work()
    office.clock.time += timedelta(hours=25)
    office.tell(told(office.clock, sequence=2))
    office.work()
    during, after = (got.headers["webhook-signature"].split(" ") for got in receiver.got)

    def signature(secret: str, place: int) -> str:
        got = receiver.got[place]
        at = office.clock.time - timedelta(hours=25 * (1 - place))
        return Webhook(secret).sign(got.headers["webhook-id"], at, got.body.decode())

    assert during == [signature(new, 0), signature(old, 0)]
    assert after == [signature(new, 1)]


def test_secrets_are_kept_as_ciphertext_only(office: PostOffice, receiver: Receiver, database: Any) -> None:
    _, secret = office.register(receiver.url)
    kept = json.dumps([database.scan(TableName=table)["Items"] for table in ("webhooks", "orders")])
    assert secret.removeprefix("whsec_") not in kept


def test_what_was_delivered_or_given_up_is_delivered_again_on_request(office: PostOffice, receiver: Receiver) -> None:
    endpoint_id, _ = office.register(receiver.url)
    office.tell(told(office.clock))
    office.work()
    (delivery,) = office.listed(endpoint_id)
    office.deliveries.again(endpoint_id, delivery.id, office.clock.time, office.clock.time + timedelta(hours=24))
    office.pass_time(timedelta(minutes=6))
    assert [got.headers["webhook-id"] for got in receiver.got] == [delivery.event_id] * 2
    assert office.listed(endpoint_id)[0].status == "delivered"


def test_deliveries_are_found_by_the_time_of_their_events(office: PostOffice, receiver: Receiver) -> None:
    endpoint_id, _ = office.register(receiver.url)
    start = office.clock.time
    for n in range(1, 6):
        office.tell(told(office.clock, sequence=n))
        office.clock.time += timedelta(hours=1)
    span = office.deliveries.between(endpoint_id, start + timedelta(hours=1), start + timedelta(hours=4), None)
    found = list(span)
    assert [delivery.sequence for delivery in found] == [2, 3, 4]
    rest = office.deliveries.between(endpoint_id, start, start + timedelta(hours=9), found[0].id)
    assert [delivery.sequence for delivery in rest] == [3, 4, 5]
    first, after = office.deliveries.page(endpoint_id, 2, None, None)
    assert [delivery.sequence for delivery in first] == [5, 4]
    assert [delivery.sequence for delivery in office.deliveries.page(endpoint_id, 2, after, None)[0]] == [3, 2]
