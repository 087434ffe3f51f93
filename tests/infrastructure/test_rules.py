"""The rule checks of others: cdk-nag's AwsSolutions and cfn-lint."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_sqs as sqs

from stacks.hub_app import build
from tests.infrastructure.deployment import ROOT, Deployment


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_the_solutions_rules_find_nothing(deployments: dict[str, Deployment], stage: str) -> None:
    report = deployments[stage].directory / "validation-report.json"
    found = json.loads(report.read_text(encoding="utf-8"))["pluginReports"] if report.exists() else []
    assert [violation for plugin in found for violation in plugin["violations"]] == []


def test_the_solutions_rules_stop_a_stack_that_breaks_them(tmp_path: Path) -> None:
    app = cdk.App(outdir=str(tmp_path), context={"stage": "dev", "aws:cdk:disable-asset-staging": True})
    build(app)
    data = app.node.find_child("OrderHub-dev-Data")
    assert isinstance(data, cdk.Stack)
    sqs.Queue(data, "Careless")
    with pytest.raises(RuntimeError, match="AwsSolutions-SQS3"):
        app.synth()


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_the_templates_are_what_cloudformation_takes(deployments: dict[str, Deployment], stage: str) -> None:
    templates = [str(path) for path in sorted(deployments[stage].directory.glob("*.template.json"))]
    assert len(templates) == len(deployments[stage].templates)
    linted = subprocess.run(
        [str(Path(sys.executable).with_name("cfn-lint")), "--config-file", str(ROOT / ".cfnlintrc"), "--", *templates],
        capture_output=True,
        text=True,
        check=False,
    )
    assert linted.returncode == 0, linted.stdout


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_no_template_names_an_account(deployments: dict[str, Deployment], stage: str) -> None:
    for name, template in deployments[stage].templates.items():
        assert "000000000000" not in json.dumps(template), name
