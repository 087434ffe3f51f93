"""Runs a saga's own file, state by state, in memory: the part of Amazon States Language that our sagas use, in JSONata.

Time does not pass, so a retry comes at once; where it comes is up to the functions, which fail when they are told to. It is
for properties that are searched through thousands of runs; that the files run on Step Functions is held end to end.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from jsonata import jsonata

from local.instance import ROOT

TRIES = 3
"""How often a step that fails is tried in all; the files try longer, since there time passes."""
Function = Callable[[dict[str, Any]], Any]


class SagaFailed(Exception):
    """The saga ended in a Fail state, or by an error that no Catch takes."""


@cache
def definition(name: str) -> dict[str, Any]:
    """The saga's file."""
    found: dict[str, Any] = json.loads((ROOT / "statemachines" / f"{name}.asl.json").read_text())
    return found


@cache
def _parsed(expression: str) -> Any:
    return jsonata.Jsonata(expression)


class Execution:
    """One execution of a saga."""

    def __init__(self, name: str, functions: Mapping[str, Function]) -> None:
        self._definition = definition(name)
        self._functions = functions
        self._variables: dict[str, Any] = {}
        self.path: list[str] = []
        """The states that it went through."""

    def run(self, given: dict[str, Any]) -> None:
        """Run to the end. Raises SagaFailed, and whatever kills the process."""
        self._walk(self._definition, given)

    def _walk(self, machine: Mapping[str, Any], given: Any) -> Any:
        name, output = machine["StartAt"], given
        while True:
            state = machine["States"][name]
            self.path.append(name)
            following, output = self._step(state, output)
            if following is None:
                return output
            name = following

    def _step(self, state: Mapping[str, Any], given: Any) -> tuple[str | None, Any]:
        kind = state["Type"]
        if kind == "Choice":
            chosen = next((c["Next"] for c in state["Choices"] if self._value(c["Condition"], given) is True), state.get("Default"))
            return chosen, given
        if kind == "Fail":
            raise SagaFailed(str(self._value(state.get("Cause", ""), given)))
        if kind not in ("Task", "Pass", "Map", "Wait"):
            raise NotImplementedError(kind)
        try:
            result = self._work(state, given) if kind in ("Task", "Map") else given
        except Exception as error:
            caught = next(iter(state.get("Catch", ())), None)
            if caught is None:
                raise SagaFailed(repr(error)) from error
            problem = {"errorOutput": {"Error": type(error).__name__, "Cause": str(error)}}
            self._assign(caught.get("Assign", {}), given, **problem)
            return caught["Next"], given
        self._assign(state.get("Assign", {}), given, result=result)
        return (None if state.get("End") else state["Next"]), given

    def _work(self, state: Mapping[str, Any], given: Any) -> Any:
        if state["Type"] == "Map":
            return [self._walk(state["ItemProcessor"], item) for item in self._value(state["Items"], given)]
        arguments = {name: self._value(part, given) for name, part in state["Arguments"].items()}
        function = self._functions[arguments["FunctionName"].strip("${}")]
        for left in reversed(range(TRIES)):
            try:
                # What crosses to a function and back is JSON.
                return {"Payload": json.loads(json.dumps(function(json.loads(json.dumps(arguments["Payload"])))))}
            except Exception:
                if left == 0 or not state.get("Retry"):
                    raise
        raise AssertionError("unreachable")

    def _assign(self, wanted: Mapping[str, Any], given: Any, **states: Any) -> None:
        # All see the variables as they were before.
        self._variables = {**self._variables, **{name: self._value(part, given, **states) for name, part in wanted.items()}}

    def _value(self, part: Any, given: Any, **states: Any) -> Any:
        if isinstance(part, Mapping):
            return {name: self._value(inner, given, **states) for name, inner in part.items()}
        if isinstance(part, list):
            return [self._value(inner, given, **states) for inner in part]
        if not (isinstance(part, str) and part.startswith("{%")):
            return part
        expression = _parsed(part.removeprefix("{%").removesuffix("%}").strip())
        frame = expression.create_frame()
        for name, value in {**self._variables, "states": {"input": given, **states}}.items():
            frame.bind(name, value)
        return expression.evaluate({}, frame)
