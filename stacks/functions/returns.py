"""Functions of returns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.functions.spec import Spec, store_env
from stacks.grants import event_store

if TYPE_CHECKING:
    from stacks.data import DataStack
    from stacks.functions.spec import Sagas
    from stacks.stage import Stage


def tasks(stage: Stage, data: DataStack) -> dict[str, Spec]:
    """What the saga calls."""
    return {
        "returns-tasks": Spec("returns.tasks.handler", store_env(stage, data), event_store(data)),
    }


def api(stage: Stage, data: DataStack, sagas: Sagas) -> dict[str, Spec]:
    """What answers HTTP: the order sets units aside, the return does the rest."""
    return {
        "returns-api": Spec("hub.returns_api.handler", store_env(stage, data), event_store(data)),
    }
