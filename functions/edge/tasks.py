"""The rim of every function that a saga calls: one command per call, typed in and out, logged once.

A business outcome is a result (`{"outcome": "declined"}`) that the saga chooses by. An exception is either transient,
and the saga retries it by its class name, or a fault, and ends in compensation and the repair queue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict

from edge.aggregates import Command
from edge.logs import logger
from kernel.events import Actor, Cause

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Result = Mapping[str, Any]


class TaskInput(BaseModel):
    """What every task of a saga gets: the order, and what caused the saga."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    saga: str
    order_id: str
    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = None

    def request(self, name: str) -> Command:
        """The command that a saga's step gives. Its guard is the order's own state, so it needs no key."""
        cause = Cause(Actor("saga", self.saga), self.correlation_id, self.causation_id, self.traceparent)
        return Command(name, cause)


T = TypeVar("T", bound=TaskInput)


class TaskFunction:
    """A Lambda behind a saga's steps, which name the command in their payload."""

    def __init__(self) -> None:
        self._commands: dict[str, tuple[type[TaskInput], Callable[[Any], Result]]] = {}

    def command(self, name: str, model: type[T]) -> Callable[[Callable[[T], Result]], Callable[[T], Result]]:
        """Declare what answers a command and what it takes."""

        def declare(answer: Callable[[T], Result]) -> Callable[[T], Result]:
            self._commands[name] = (model, answer)
            return answer

        return declare

    @property
    def names(self) -> frozenset[str]:
        """The commands that this function answers."""
        return frozenset(self._commands)

    def __call__(self, event: dict[str, Any], context: object) -> Result:
        """Answer one step. Raises ValueError for an unknown command, and whatever the command raises."""
        name = str(event.get("command"))
        logger.set_correlation_id(str(event.get("correlation_id")))
        if name not in self._commands:
            raise ValueError(f"no such task: {name}")
        model, answer = self._commands[name]
        try:
            result = answer(model.model_validate(event))
        except Exception as error:
            logger.warning(
                "task failed", command=name, order_id=event.get("order_id"), error=type(error).__name__, reason=str(error)[:300]
            )
            raise
        logger.info("task", command=name, order_id=event.get("order_id"), outcome=result.get("outcome"))
        return result
