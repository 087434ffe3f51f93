"""Nothing that is told gets lost: every queue, mapping and schedule ends in a dead-letter queue with an alarm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.starter import FOLLOWS
from stacks.hub import STARTS_SAGAS

if TYPE_CHECKING:
    from tests.infrastructure.deployment import Deployment, Resource


def _mappings(deployment: Deployment) -> list[tuple[Resource, Resource]]:
    found = deployment.of_type("AWS::Lambda::EventSourceMapping")
    return [(mapping, deployment.target(mapping, mapping.properties["EventSourceArn"])) for mapping in found]


def test_a_mapping_answers_for_single_records_and_parks_what_keeps_failing(deployment: Deployment) -> None:
    mappings = _mappings(deployment)
    assert mappings
    for mapping, source in mappings:
        assert mapping.properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        if source.type == "AWS::SQS::Queue":
            dead = deployment.target(source, source.properties["RedrivePolicy"]["deadLetterTargetArn"])
        else:
            dead = deployment.target(mapping, mapping.properties["DestinationConfig"]["OnFailure"]["Destination"])
        assert deployment.name(dead).endswith("-dlq")


def test_a_relay_keeps_the_order_of_every_aggregate_and_does_not_try_for_ever(deployment: Deployment) -> None:
    for mapping, source in _mappings(deployment):
        if source.type == "AWS::SQS::Queue":
            continue
        assert mapping.properties["ParallelizationFactor"] == 1
        assert mapping.properties["BisectBatchOnFunctionError"] is True
        assert 0 < mapping.properties["MaximumRetryAttempts"] < 100
        assert mapping.properties["StartingPosition"] == "TRIM_HORIZON"


def test_every_queue_is_encrypted_and_has_a_dead_letter_queue_or_is_one(deployment: Deployment) -> None:
    queues = deployment.of_type("AWS::SQS::Queue")
    assert queues
    for queue in queues:
        assert queue.properties["SqsManagedSseEnabled"] is True
        if "RedrivePolicy" not in queue.properties:
            assert deployment.name(queue).endswith("-dlq")
            assert queue.properties["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_a_message_is_hidden_for_six_times_the_consumers_time(deployment: Deployment) -> None:
    for mapping, source in _mappings(deployment):
        if source.type == "AWS::SQS::Queue":
            function = deployment.target(mapping, mapping.properties["FunctionName"])
            assert source.properties["VisibilityTimeout"] >= 6 * function.properties["Timeout"]


def test_a_rule_feeds_a_queue_and_parks_what_it_cannot_queue(deployment: Deployment) -> None:
    rules = deployment.of_type("AWS::Events::Rule")
    for rule in rules:
        (target,) = rule.properties["Targets"]
        assert deployment.name(deployment.target(rule, target["Arn"])) == deployment.name(rule)
        assert deployment.name(deployment.target(rule, target["DeadLetterConfig"]["Arn"])) == f"{deployment.name(rule)}-dlq"
        assert deployment.show(rule.stack, rule.properties["EventBusName"]) == "bus"


def test_sagas_are_started_by_the_facts_that_they_follow_from(deployment: Deployment) -> None:
    (rule,) = [rule for rule in deployment.of_type("AWS::Events::Rule") if deployment.name(rule) == "saga-starter"]
    assert set(rule.properties["EventPattern"]["detail-type"]) == set(STARTS_SAGAS) == set(FOLLOWS)


def test_a_minute_that_fails_is_parked(deployment: Deployment) -> None:
    schedules = deployment.of_type("AWS::Scheduler::Schedule")
    for schedule in schedules:
        assert schedule.properties["ScheduleExpression"] == "rate(1 minute)"
        dead = deployment.target(schedule, schedule.properties["Target"]["DeadLetterConfig"]["Arn"])
        assert deployment.name(dead) == f"{deployment.name(schedule)}-dlq"
    asynchronous = deployment.of_type("AWS::Lambda::EventInvokeConfig")
    parked = [deployment.target(one, one.properties["DestinationConfig"]["OnFailure"]["Destination"]) for one in asynchronous]
    assert {deployment.name(queue) for queue in parked} == {f"{deployment.name(schedule)}-dlq" for schedule in schedules}


def test_every_dead_letter_queue_is_among_the_outputs(deployment: Deployment) -> None:
    dead = [queue for queue in deployment.of_type("AWS::SQS::Queue") if deployment.name(queue).endswith("-dlq")]
    named = {f"Dlq{deployment.name(queue).removesuffix('-dlq').title().replace('-', '')}" for queue in dead}
    assert named == {key for key in deployment.outputs if key.startswith("Dlq")}
