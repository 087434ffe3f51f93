"""The tools on one machine: what they refuse, and what they say about it."""

from __future__ import annotations

import gzip
import json
import socket
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from local import bootstrap, doctor, hubfile, locks, processes
from local.baskets import read
from local.cli import app
from local.instance import DEFAULT_PORTS, Instance, PortTaken
from local.replay import SAMPLE

HEADER = "household_id,store_id,basket_id,product_id,quantity,sales_value,retail_disc,coupon_disc,coupon_match_disc,week,transaction_timestamp"


def rows(tmp_path: Path, *lines: str) -> Path:
    file = tmp_path / "baskets.csv.gz"
    with gzip.open(file, "wt") as out:
        out.write("\n".join([HEADER, *lines]) + "\n")
    return file


def test_the_help_of_every_command_says_what_it_does() -> None:
    listing = CliRunner().invoke(app, ["--help"]).output
    for command in (
        "up",
        "down",
        "status",
        "doctor",
        "token",
        "demo",
        "trace",
        "replay",
        "logs",
        "deploy",
        "repair",
        "events",
        "dlq",
    ):
        assert f" {command} " in listing
        assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0


def test_a_token_is_for_a_group_or_for_scopes() -> None:
    assert CliRunner().invoke(app, ["--instance", "never-up", "token"]).exit_code == 2
    refused = CliRunner().invoke(app, ["--instance", "never-up", "token", "--group", "operations"])
    assert refused.exit_code == 1
    assert "make up" in refused.output


def test_an_instance_keeps_its_own_ports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.instance.ROOT", tmp_path)
    assert Instance("default").ports == DEFAULT_PORTS
    first = Instance("another").ports
    assert first == Instance("another").ports
    assert not set(first.values()) & set(DEFAULT_PORTS.values())


def test_a_port_that_somebody_else_has_is_named_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "LET_GO_S", 0.0)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        process = processes.Process("the emulator", port, tmp_path / "pid", tmp_path / "log", f"http://127.0.0.1:{port}")
        with pytest.raises(PortTaken, match=f"Port {port} is taken.*--instance"):
            process.start(["true"], {})


def test_a_process_that_does_not_start_says_what_it_printed(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = processes.Process("it", port, tmp_path / "pid", tmp_path / "log", f"http://127.0.0.1:{port}")
    with pytest.raises(processes.DidNotStart, match="out of luck"):
        process.start(["/bin/sh", "-c", "echo out of luck; exit 1"], {"PATH": "/bin:/usr/bin"})
    assert not process.running()
    assert not process.stop()


def test_a_process_of_the_same_id_that_started_later_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "pid").write_text(json.dumps({"pid": 1, "started": "long ago"}))
    process = processes.Process("it", 1, tmp_path / "pid", tmp_path / "log", "http://127.0.0.1:1")
    assert not process.running()
    assert not process.stop()


def test_no_disk_is_said_before_anything_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "FREE_GB", 10**9)
    with pytest.raises(bootstrap.CannotSetUp, match="are needed"):
        bootstrap.check_machine()
    monkeypatch.setattr(bootstrap, "OLDEST", (99, 0))
    with pytest.raises(bootstrap.CannotSetUp, match="too old"):
        bootstrap.check_machine()


def test_the_callers_settings_do_not_lead_the_set_up_astray(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYTHONPATH", "VIRTUAL_ENV", "AWS_PROFILE"):
        monkeypatch.setenv(name, "elsewhere")
    assert not {"PYTHONPATH", "VIRTUAL_ENV", "AWS_PROFILE"} & set(bootstrap.environment())


def test_the_lock_files_fit_what_they_were_compiled_from() -> None:
    assert locks.problems() == []


def test_the_doctor_finds_a_wrong_tool_and_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_version", lambda _: "v12.0.0")
    monkeypatch.setattr(doctor, "CALLERS_AWS", {"AWS_PROFILE": "production"})
    wrong = {finding.what: finding.remedy for finding in doctor.look(Instance("never-up")) if not finding.right}
    assert any("Node v12" in what for what in wrong)
    assert any("CDK command line v12" in what for what in wrong)
    assert any("AWS_PROFILE" in what for what in wrong)
    assert all(wrong.values())


def test_the_hub_file_says_what_outside_clients_rely_on() -> None:
    outputs: dict[str, str] = {
        name: name for name in ("ApiId", "LiveApiId", "OrdersTable", "ViewsTable", "EventBus", "UserPoolId", "CliClientId")
    }
    outputs |= {f"{name.title()}StateMachine": name for name in hubfile.SAGAS}
    told = hubfile.describe(Instance("default"), outputs)
    assert {"api_url", "ws_url", "aws_endpoint_url", "region", "orders_table", "state_machines", "user_pool_id"} <= set(told)
    assert told["ws_url"] == "ws://localhost:4566/_aws/execute-api/LiveApiId/live"
    assert told["clients"] == {"Cli": "CliClientId"}


def test_a_dirty_line_is_refused_with_its_reason_and_its_basket_stays(tmp_path: Path) -> None:
    at = "20,2017-05-08T04:40:55"
    found = list(
        read(
            rows(
                tmp_path,
                f"1,2,100,7,0,3.99,0.0,0.0,0.0,{at}",
                f"1,2,100,8,2,3.00,0.50,0.0,0.0,{at}",
                f"1,2,100,9,1,0.0,0.0,0.0,0.0,{at}",
                f"1,2,100,10,1.5,1.0,0.0,0.0,0.0,{at}",
                f"1,2,100,11,1,1.0,0.0,2.0,0.0,{at}",
            ),
            None,
        )
    )
    assert len(found) == 1
    assert dict(found[0].refused) == {
        "no quantity": 1,
        "no value": 1,
        "quantity is no whole number": 1,
        "discounts beyond the value": 1,
    }
    assert [(line["sku"], line["unit_price"]["amount"], line["discount"]["amount"]) for line in found[0].lines] == [("8", 175, 50)]
    assert found[0].expected == 300


def test_every_line_of_the_sample_costs_what_the_file_says() -> None:
    baskets = list(read(SAMPLE, None))
    assert len(baskets) == 1500
    assert max(len(basket.lines) for basket in baskets) == 146

    def cost(line: dict[str, Any]) -> int:
        return int(line["unit_price"]["amount"] * line["quantity"] - line["discount"]["amount"])

    assert all(sum(map(cost, basket.lines)) == basket.expected for basket in baskets)
    assert [basket.basket_id for basket in read(SAMPLE, 3)] == [basket.basket_id for basket in baskets[:3]]
