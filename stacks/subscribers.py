"""How other systems learn of events: one consumer of every event, what sends webhooks, and the live feed's WebSocket API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_apigatewayv2 as apigw
from aws_cdk import aws_events as events
from aws_cdk.aws_apigatewayv2_integrations import WebSocketLambdaIntegration

from stacks.concern import Concern, tell
from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.consumer import Consumer, feed
from stacks.constructs.minutely import Minutely
from stacks.constructs.service_function import service_functions
from stacks.functions.live import STAGE_NAME, Feed, listeners
from stacks.functions.webhooks import senders

if TYPE_CHECKING:
    from constructs import Construct

    from stacks.data import DataStack
    from stacks.identity import IdentityStack
    from stacks.stage import Stage


class SubscribersStack(Concern):
    """Webhooks and the live feed."""

    def __init__(self, scope: Construct, stage: Stage, data: DataStack, identity: IdentityStack) -> None:
        super().__init__(scope, "Subscribers", stage)
        api = apigw.WebSocketApi(
            self, "Live", api_name=f"orderhub-{stage.name}-live", route_selection_expression="$request.body.action"
        )
        self.functions = service_functions(
            self, stage, {**listeners(stage, data, Feed(api, identity.pool)), **senders(stage, data)}
        )
        self._open(api, stage)
        everything = events.EventPattern(source=events.Match.prefix("orderhub."))
        subscribers = Consumer(
            self, "subscribers", stage=stage, bus=data.bus, pattern=everything, function=self.functions["subscribers"]
        )
        feed(self, stage=stage, queue=data.deliveries, function=self.functions["webhook-sender"])
        sweep = Minutely(
            self,
            "subscribers-sweep",
            stage=stage,
            function=self.functions["subscribers-sweep"],
            purpose="Queues webhooks whose time has come, and closes connections whose tokens have expired",
        )
        self.dead = {"subscribers": subscribers.dead, "webhook-deliveries": data.deliveries_dead, "subscribers-sweep": sweep.dead}

    def _open(self, api: apigw.WebSocketApi, stage: Stage) -> None:
        socket = self.functions["live-socket"].function
        for name in ("$connect", "$disconnect", "$default"):
            route = api.add_route(name, integration=WebSocketLambdaIntegration(f"To-{name[1:]}", socket))
            acknowledge(
                route,
                "AwsSolutions-APIG4",
                "The function that answers $connect verifies the token; without one there is no connection.",
            )
        live = apigw.WebSocketStage(
            self,
            "LiveStage",
            web_socket_api=api,
            stage_name=STAGE_NAME,
            auto_deploy=True,
            throttle=apigw.ThrottleSettings(rate_limit=stage.throttle_rate, burst_limit=stage.throttle_rate * 2),
        )
        acknowledge(live, "AwsSolutions-APIG1", "Its access log needs a role of the whole account; the function logs connections.")
        http = api.node.default_child
        assert isinstance(http, apigw.CfnApi)  # what it is made of
        prefix = "arn:<AWS::Partition>:execute-api:<AWS::Region>:<AWS::AccountId>"
        connections = f"{prefix}:<{self.get_logical_id(http)}>/{STAGE_NAME}/*/@connections/*"
        reason = "A connection's id only appears at run time."
        for name in ("subscribers", "subscribers-sweep", "live-socket"):
            acknowledge(self.functions[name].role, f"AwsSolutions-IAM5[Resource::{connections}]", reason)
        tell(self, "LiveApiId", api.api_id)
        tell(self, "LiveUrl", live.url)
