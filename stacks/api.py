"""The HTTP API: one route table, one authorizer, a function for every context and side."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aws_cdk import aws_apigatewayv2 as api
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_logs as logs

from stacks.concern import Concern, tell
from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.service_function import service_functions
from stacks.functions import api_functions
from stacks.routes import OPEN_ROUTES, ROUTES

if TYPE_CHECKING:
    from constructs import Construct

    from stacks.data import DataStack
    from stacks.fulfilment import FulfilmentStack
    from stacks.identity import IdentityStack
    from stacks.stage import Stage


class ApiStack(Concern):
    """The front door."""

    def __init__(
        self, scope: Construct, stage: Stage, data: DataStack, identity: IdentityStack, fulfilment: FulfilmentStack
    ) -> None:
        super().__init__(scope, "Api", stage)
        self.functions = service_functions(self, stage, api_functions(stage, data, fulfilment.sagas))
        data.import_files.acknowledge_for(self.functions["imports-api"])
        authorizer = authorizers.HttpJwtAuthorizer(
            "Tokens", identity.issuer, jwt_audience=[client.user_pool_client_id for client in identity.clients.values()]
        )
        self.api = api.HttpApi(self, "Http", api_name=f"orderhub-{stage.name}", create_default_stage=False)
        log_group = logs.LogGroup(
            self,
            "AccessLog",
            log_group_name=f"/aws/apigateway/orderhub-{stage.name}",
            retention=stage.log_retention,
            removal_policy=stage.removal,
        )
        self.default_stage = api.HttpStage(
            self,
            "DefaultStage",
            http_api=self.api,
            stage_name="$default",
            auto_deploy=True,
            detailed_metrics_enabled=stage.alarms,
            throttle=api.ThrottleSettings(rate_limit=stage.throttle_rate, burst_limit=stage.throttle_rate * 2),
        )
        template = self.default_stage.node.default_child
        assert isinstance(template, api.CfnStage)  # what it is made of
        template.access_log_settings = _access_log(log_group)
        targets = {
            name: integrations.HttpLambdaIntegration(f"To-{name}", made.function, scope_permission_to_route=False)
            for name, made in self.functions.items()
        }
        for method, path, name in ROUTES:
            self.api.add_routes(path=path, methods=[api.HttpMethod[method]], integration=targets[name], authorizer=authorizer)
        for method, path, name in OPEN_ROUTES:
            for route in self.api.add_routes(path=path, methods=[api.HttpMethod[method]], integration=targets[name]):
                acknowledge(route, "AwsSolutions-APIG4", "The API's document and its page for people are open by design.")
        nothing = api.HttpRoute(
            self, "Nothing", http_api=self.api, route_key=api.HttpRouteKey.DEFAULT, integration=targets["docs-api"]
        )
        acknowledge(nothing, "AwsSolutions-APIG4", "Says that there is nothing at a path, and tells nothing else.")
        tell(self, "ApiId", self.api.api_id)
        tell(self, "ApiUrl", self.api.api_endpoint)


def _access_log(log_group: logs.LogGroup) -> api.CfnStage.AccessLogSettingsProperty:
    """One line a request: what was asked, how it ended, how long it took; no query, no token, no body."""
    fields = {"id": "requestId", "route": "routeKey", "status": "status", "ms": "responseLatency", "error": "error.message"}
    line = json.dumps({name: f"$context.{value}" for name, value in fields.items()})
    return api.CfnStage.AccessLogSettingsProperty(destination_arn=log_group.log_group_arn, format=line)
