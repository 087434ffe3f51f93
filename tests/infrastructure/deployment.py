"""A synthesised stage as a reader sees it: resources by type, references by the name of what they refer to."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk

from stacks.hub_app import build

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[2]
_NAMES = ("TableName", "QueueName", "FunctionName", "StateMachineName", "LogGroupName", "TopicName", "Name")
_NAMED_BY_TYPE = {"AWS::Events::EventBus": "bus"}


def synthesise(directory: Path, **context: str) -> Path:
    """Synthesise the app with this context, as `cdk synth` does; answers where the templates are."""
    settings = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    app = cdk.App(outdir=str(directory), context={**settings, "aws:cdk:disable-asset-staging": True, **context})
    build(app)
    app.synth()
    return directory


@dataclass(frozen=True)
class Resource:
    """A resource, the stack it is in, and its logical id."""

    stack: str
    logical_id: str
    body: Mapping[str, Any]

    @property
    def type(self) -> str:
        """The resource's CloudFormation type."""
        return str(self.body["Type"])

    @property
    def properties(self) -> Mapping[str, Any]:
        """Its properties."""
        found: Mapping[str, Any] = self.body.get("Properties", {})
        return found


@dataclass(frozen=True)
class Grant:
    """One action that a role may take on one resource, and under which conditions."""

    action: str
    resource: str
    conditions: str = ""

    def __str__(self) -> str:
        return f"{self.action} {self.resource}"


class Deployment:
    """All stacks of a stage."""

    def __init__(self, stage: str, directory: Path) -> None:
        self.stage = stage
        self.directory = directory
        self.templates: dict[str, dict[str, Any]] = {
            path.name.removesuffix(".template.json"): json.loads(path.read_text(encoding="utf-8"))
            for path in sorted(directory.glob("*.template.json"))
        }

    @cached_property
    def resources(self) -> list[Resource]:
        """Every resource of every stack."""
        return [
            Resource(stack, logical_id, body)
            for stack, template in self.templates.items()
            for logical_id, body in template["Resources"].items()
        ]

    @cached_property
    def outputs(self) -> dict[str, Any]:
        """Every output of every stack that is not an export to another one."""
        return {
            key: output["Value"]
            for template in self.templates.values()
            for key, output in template.get("Outputs", {}).items()
            if not key.startswith("ExportsOutput")
        }

    @cached_property
    def _exports(self) -> dict[str, tuple[str, Any]]:
        return {
            output["Export"]["Name"]: (stack, output["Value"])
            for stack, template in self.templates.items()
            for output in template.get("Outputs", {}).values()
            if "Export" in output
        }

    def of_type(self, *types: str) -> list[Resource]:
        """The resources of these types."""
        return [resource for resource in self.resources if resource.type in types]

    def at(self, stack: str, logical_id: str) -> Resource:
        """A resource by its logical id."""
        return Resource(stack, logical_id, self.templates[stack]["Resources"][logical_id])

    def target(self, resource: Resource, value: Any) -> Resource:
        """The resource that a property of another one refers to."""
        stack = resource.stack
        if "Fn::ImportValue" in value:
            stack, value = self._exports[value["Fn::ImportValue"]]
        return self.at(stack, value["Ref"] if "Ref" in value else value["Fn::GetAtt"][0])

    def name(self, resource: Resource) -> str:
        """What a resource is called: its physical name without the stage's prefix, or its logical id."""
        if resource.type in _NAMED_BY_TYPE:
            return _NAMED_BY_TYPE[resource.type]
        for key in _NAMES:
            value = resource.properties.get(key)
            if isinstance(value, str):
                return value.removeprefix(f"orderhub-{self.stage}-").replace(f"orderhub-{self.stage}-", "")
        # A logical id of CDK's is the path of the construct, and eight digits of its hash.
        return resource.logical_id[:-8]

    def show(self, stack: str, value: Any) -> str:
        """A value as text, with each reference replaced by the name of what it refers to."""
        if isinstance(value, str):
            return value
        ((function, argument),) = value.items()
        if function == "Fn::Join":
            separator, parts = argument
            return str(separator).join(self.show(stack, part) for part in parts)
        if function == "Fn::ImportValue":
            return self.show(*self._exports[argument])
        if function == "Ref":
            return f"<{argument}>" if argument.startswith("AWS::") else self.name(self.at(stack, argument))
        if function == "Fn::GetAtt":
            logical_id, attribute = argument
            suffix = "" if attribute in {"Arn", "Id"} else f".{attribute}"
            return self.name(self.at(stack, logical_id)) + suffix
        raise ValueError(f"{function} is not read here")

    def grants(self, role: Resource) -> set[Grant]:
        """All that a role may do. Raises ValueError for anything but plain permissions on named resources."""
        found: set[Grant] = set()
        for statement in self._statements(role):
            if statement["Effect"] != "Allow" or {"NotAction", "NotResource"} & set(statement):
                raise ValueError(f"{role.logical_id} has a statement that is no plain permission")
            conditions = json.dumps(statement.get("Condition", {}), sort_keys=True) if "Condition" in statement else ""
            for action in _listed(statement["Action"]):
                for resource in _listed(statement["Resource"]):
                    found.add(Grant(action, self.show(role.stack, resource), conditions))
        return found

    def _statements(self, role: Resource) -> Iterator[Mapping[str, Any]]:
        assert "ManagedPolicyArns" not in role.properties, f"{role.logical_id} has rights by a policy of AWS's own"
        for inline in role.properties.get("Policies", []):
            yield from inline["PolicyDocument"]["Statement"]
        for policy in self.of_type("AWS::IAM::Policy"):
            attached = [attachment.get("Ref") for attachment in policy.properties["Roles"]]
            if policy.stack == role.stack and role.logical_id in attached:
                yield from policy.properties["PolicyDocument"]["Statement"]

    @cached_property
    def functions(self) -> dict[str, Resource]:
        """The hub's functions by their names within the stage."""
        return {self.name(resource): resource for resource in self.of_type("AWS::Lambda::Function")}

    def role_of(self, resource: Resource, key: str = "Role") -> Resource:
        """The role that a resource acts as."""
        return self.target(resource, resource.properties[key])


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
