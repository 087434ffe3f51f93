from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from tests.infrastructure.calls import NEEDS, path_of, reachable
from tests.infrastructure.rights import RIGHTS

if TYPE_CHECKING:
    from tests.infrastructure.deployment import Deployment

OF_THE_SERVICE = ("logs:", "sqs:", "dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator")
"""Actions that Lambda itself takes in a function's name: for its log, its queue, its stream and its destinations."""


@pytest.mark.parametrize("name", sorted(RIGHTS))
def test_a_function_leads_to_a_handler(prod: Deployment, name: str) -> None:
    module, _, attribute = prod.functions[name].properties["Handler"].rpartition(".")
    path = path_of(module)
    assert path is not None, f"{module} is missing"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assigned = {ast.unparse(target) for node in tree.body if isinstance(node, ast.Assign) for target in node.targets}
    assert attribute in defined | assigned


@pytest.mark.parametrize("name", sorted(RIGHTS))
def test_every_right_of_a_function_is_one_that_its_code_uses(prod: Deployment, name: str) -> None:
    function = prod.functions[name]
    actions = {grant.action for grant in prod.grants(prod.role_of(function)) if not grant.action.startswith(OF_THE_SERVICE)}
    words = reachable(function.properties["Handler"].rpartition(".")[0])
    assert {action for action in actions if not NEEDS[action] & words} == set()
