"""Which AWS calls a function's code can reach: its module and all of ours that it imports, read and not run."""

from __future__ import annotations

import ast
from functools import cache
from typing import TYPE_CHECKING

from tests.infrastructure.deployment import ROOT

if TYPE_CHECKING:
    from pathlib import Path

FUNCTIONS = ROOT / "functions"
NEEDS = {
    "bedrock:InvokeModel": {"converse", "invoke_model"},
    "execute-api:ManageConnections": {"post_to_connection"},
    "dynamodb:BatchGetItem": {"batch_get_item"},
    "dynamodb:BatchWriteItem": {"batch_write_item"},
    "dynamodb:ConditionCheckItem": {"ConditionCheck"},
    "dynamodb:DeleteItem": {"delete_item", "Delete"},
    "dynamodb:GetItem": {"get_item"},
    "dynamodb:PutItem": {"put_item"},
    "dynamodb:Query": {"query"},
    "dynamodb:Scan": {"scan"},
    "dynamodb:UpdateItem": {"update_item", "Update"},
    "events:PutEvents": {"put_events"},
    "kms:Decrypt": {"decrypt"},
    "kms:GenerateDataKey": {"generate_data_key"},
    "s3:DeleteObject": {"delete_object"},
    "s3:GetObject": {"head_object", "get_object"},
    "s3:PutObject": {"put_object"},
    "secretsmanager:GetSecretValue": {"get_secret_value"},
    "states:SendTaskFailure": {"send_task_failure"},
    "states:SendTaskSuccess": {"send_task_success"},
    "states:StartExecution": {"start_execution"},
}
"""The calls for which an action is needed, any one of them: methods, paginators, or parts of a transaction."""


def path_of(module: str) -> Path | None:
    """Where a module of ours is; None for anybody else's."""
    base = FUNCTIONS.joinpath(*module.split("."))
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


@cache
def _read(path: Path) -> tuple[frozenset[str], frozenset[str]]:
    """The modules that a file imports, and all names and texts that a call may go by."""
    modules: set[str] = set()
    words: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Attribute):
            words.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            words.add(node.value)
    return frozenset(modules), frozenset(words)


def reachable(module: str) -> set[str]:
    """All words of a module and of what it imports of ours, directly or not. Raises LookupError where there is none."""
    start = path_of(module)
    if start is None:
        raise LookupError(f"there is no module {module}")
    seen: set[Path] = set()
    waiting = [start]
    words: set[str] = set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        imported, found = _read(path)
        words |= found
        waiting += [there for name in imported if (there := path_of(name)) is not None]
    return words
