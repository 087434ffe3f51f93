from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.identity import GROUPS, MACHINES
from stacks.routes import OPEN_ROUTES, ROUTES

if TYPE_CHECKING:
    from tests.infrastructure.deployment import Deployment, Resource

OPEN = {"GET /v1/openapi.json", "GET /v1/docs", "$default"}


def _routes(deployment: Deployment, stack: str = "Api") -> list[Resource]:
    return [route for route in deployment.of_type("AWS::ApiGatewayV2::Route") if route.stack.endswith(f"-{stack}")]


def test_the_live_feed_has_three_routes_and_one_function(deployment: Deployment) -> None:
    found = _routes(deployment, "Subscribers")
    assert {route.properties["RouteKey"] for route in found} == {"$connect", "$disconnect", "$default"}
    for route in found:
        _, (_, reference) = route.properties["Target"]["Fn::Join"]
        uri = deployment.target(route, reference).properties["IntegrationUri"]
        assert "live-socket" in deployment.show(route.stack, uri)


def test_every_route_but_the_document_and_the_answer_for_nothing_asks_for_a_token(deployment: Deployment) -> None:
    routes = {route.properties["RouteKey"]: route for route in _routes(deployment)}
    assert set(routes) == {f"{method} {path}" for method, path, _ in (*ROUTES, *OPEN_ROUTES)} | {"$default"}
    for key, route in routes.items():
        if key in OPEN:
            assert route.properties["AuthorizationType"] == "NONE"
        else:
            assert route.properties["AuthorizationType"] == "JWT"
            assert deployment.target(route, route.properties["AuthorizerId"]).type == "AWS::ApiGatewayV2::Authorizer"


def test_a_route_leads_to_the_function_of_the_table(deployment: Deployment) -> None:
    wanted = {f"{method} {path}": name for method, path, name in (*ROUTES, *OPEN_ROUTES)} | {"$default": "docs-api"}
    found = {}
    for route in _routes(deployment):
        _, (_, reference) = route.properties["Target"]["Fn::Join"]
        integration = deployment.target(route, reference)
        function = deployment.target(integration, integration.properties["IntegrationUri"])
        found[route.properties["RouteKey"]] = deployment.name(function)
    assert found == wanted


def test_the_tokens_of_all_clients_are_taken_and_no_others(deployment: Deployment) -> None:
    (authorizer,) = deployment.of_type("AWS::ApiGatewayV2::Authorizer")
    settings = authorizer.properties["JwtConfiguration"]
    clients = {deployment.target(authorizer, client).logical_id for client in settings["Audience"]}
    assert clients == {client.logical_id for client in deployment.of_type("AWS::Cognito::UserPoolClient")}
    assert "cognito-idp" in deployment.show(authorizer.stack, settings["Issuer"])


def test_a_machine_is_given_its_smallest_set_of_scopes(deployment: Deployment) -> None:
    for client in deployment.of_type("AWS::Cognito::UserPoolClient"):
        name = client.properties["ClientName"]
        if name == "people":
            assert "client_credentials" not in client.properties.get("AllowedOAuthFlows", [])
            continue
        assert client.properties["AllowedOAuthFlows"] == ["client_credentials"]
        assert client.properties["GenerateSecret"] is True
        scopes = {deployment.show(client.stack, scope).replace("Server", "") for scope in client.properties["AllowedOAuthScopes"]}
        assert len(scopes) == len(MACHINES[name])


def test_people_are_in_groups_and_nobody_signs_up_alone(deployment: Deployment) -> None:
    groups = {group.properties["GroupName"] for group in deployment.of_type("AWS::Cognito::UserPoolGroup")}
    assert groups == set(GROUPS)
    (pool,) = deployment.of_type("AWS::Cognito::UserPool")
    assert pool.properties["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is True


def test_requests_are_throttled_and_logged_without_what_is_in_them(deployment: Deployment) -> None:
    (stage,) = [one for one in deployment.of_type("AWS::ApiGatewayV2::Stage") if one.properties["StageName"] == "$default"]
    assert stage.properties["DefaultRouteSettings"]["ThrottlingRateLimit"] > 0
    line = stage.properties["AccessLogSettings"]["Format"]
    assert "routeKey" in line
    for private in ("path", "querystring", "sourceIp", "authorizer.claims", "rawPath"):
        assert private not in line
