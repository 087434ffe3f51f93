"""The rim of HTTP functions: rights first, then the body; and every problem in one form."""

from __future__ import annotations

import base64
import importlib
import json
from typing import Annotated, Any

import pytest
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body
from pydantic import BaseModel, ConfigDict

from edge.auth import Rights
from edge.http import HttpFunction
from hub import docs
from local.contracts import APIS


class Wish(BaseModel):
    model_config = ConfigDict(extra="forbid")
    wish: int


function = HttpFunction()


@function.app.post("/v1/wishes/<name>")
@function.needs(Rights.of("wishes/write", "operations"))
def wish(name: str, wished: Annotated[Wish, Body()]) -> Response[Wish]:
    assert function.request().caller.id == "somebody"
    return Response(200, "application/json", wished)


@function.app.get("/v1/careless")
def careless() -> Response[Wish]:
    function.request()
    return Response(200, "application/json", Wish(wish=1))


def send(
    body: str | None,
    claims: dict[str, Any] | None,
    *,
    key: str = "POST /v1/wishes/{name}",
    path: str = "/v1/wishes/ada",
    headers: dict[str, str] | None = None,
    encoded: bool = False,
) -> tuple[int, dict[str, Any]]:
    context: dict[str, Any] = {"http": {"method": key.split()[0], "path": path}, "stage": "$default"}
    if claims is not None:
        context["authorizer"] = {"jwt": {"claims": claims}}
    event = {
        "version": "2.0",
        "routeKey": key,
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json", **(headers or {})},
        "requestContext": context,
        "body": body,
        "isBase64Encoded": encoded,
    }
    answer = function(event, None)
    assert answer["statusCode"] < 400 or answer["headers"]["Content-Type"] == "application/problem+json"
    return answer["statusCode"], json.loads(answer["body"])


MAY = {"sub": "somebody", "cognito:groups": "[operations]"}
MAY_NOT = {"sub": "somebody", "cognito:groups": "[auditors]"}


@pytest.mark.parametrize("body", [None, "", "{", '{"wish": "no number"}', '{"wish": 1, "extra": 1}', "x" * 2_000_000])
def test_without_the_right_nothing_is_said_about_the_body(body: str | None) -> None:
    assert send(body, MAY_NOT)[0] == 403
    assert send(body, None)[0] == 401
    assert send(body, MAY)[0] in (400, 413, 422)


def test_with_the_right_it_is_done() -> None:
    assert send('{"wish": 1}', MAY) == (200, {"wish": 1})
    assert send(base64.b64encode(b'{"wish": 1}').decode(), MAY, encoded=True) == (200, {"wish": 1})


def test_a_body_that_is_no_json_is_malformed_however_it_fails() -> None:
    for body in ("{", "[" * 100_000, "1" * 5000, '"\ufeff'):
        status, problem = send(body, MAY)
        assert (status, problem["code"]) == (400, "malformed_json")
    status, problem = send(base64.b64encode(b"\xff\xfe").decode(), MAY, encoded=True)
    assert (status, problem["code"]) == (400, "malformed_json")


def test_another_media_type_is_refused_and_another_route_is_not_there() -> None:
    assert send("<wish/>", MAY, headers={"content-type": "application/xml"})[0] == 415
    assert send(None, MAY, key="GET /v1/nothing", path="/v1/nothing")[0] == 404
    assert send(None, MAY, key="$default", path="/v1/wishes/ada")[0] == 404


def test_a_route_that_forgets_its_rights_answers_nobody() -> None:
    assert send(None, MAY, key="GET /v1/careless", path="/v1/careless")[0] == 500


@pytest.mark.parametrize("module", APIS)
def test_every_route_says_what_it_needs(module: str) -> None:
    rights = importlib.import_module(module).handler.rights()
    silent = [key for key, needed in rights.items() if needed is None]
    assert not silent, f"beneath each of these routes goes a @handler.needs(…): {silent}"


def test_a_method_that_a_path_does_not_take_is_told_those_that_it_does() -> None:
    def ask(method: str, path: str) -> dict[str, Any]:
        return docs.handler({"rawPath": path, "requestContext": {"http": {"method": method}}}, None)

    refused = ask("DELETE", "/v1/orders")
    assert (refused["statusCode"], refused["headers"]["Allow"]) == (405, "GET, POST")
    assert ask("PUT", "/v1/openapi.json")["headers"]["Allow"] == "GET"
    for method, path in (("GET", "/v1/nothing"), ("GET", "/v1/orders/"), ("GET", "/")):
        assert ask(method, path)["statusCode"] == 404
