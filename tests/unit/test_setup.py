"""The set-up inside the clone: what was begun is finished, what is finished is left alone."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from local import bootstrap, processes


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """A clone in which programs are only written down, and `venv` makes a Python."""
    ran: list[list[str]] = []

    def run(command: list[str], log: Path) -> None:
        ran.append(command)
        if "venv" in command:
            python = Path(command[-1]) / "bin" / "python"
            python.parent.mkdir(parents=True, exist_ok=True)
            python.touch()

    locks = tmp_path / "requirements"
    locks.mkdir()
    (locks / "run.txt").write_text("one==1")
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "LOCKS", locks)
    monkeypatch.setattr(bootstrap, "run", run)
    return ran


def test_what_is_installed_is_left_alone_until_its_lock_changes(tmp_path: Path, commands: list[list[str]]) -> None:
    place, log = tmp_path / ".venv", tmp_path / "log"
    assert bootstrap.install(place, "run", log)
    assert ["venv" in command for command in commands] == [True, False]
    assert not bootstrap.install(place, "run", log)
    assert len(commands) == 2
    (tmp_path / "requirements" / "run.txt").write_text("one==2")
    assert bootstrap.install(place, "run", log)
    assert ["venv" in command for command in commands] == [True, False, False]


def test_an_environment_that_was_half_made_is_made_anew(tmp_path: Path, commands: list[list[str]]) -> None:
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()  # venv was interrupted before it had pip
    assert bootstrap.install(tmp_path / ".venv", "run", tmp_path / "log")
    assert commands[0][1:4] == ["-m", "venv", "--clear"]


def test_an_installation_that_failed_is_not_taken_for_done(
    tmp_path: Path, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = bootstrap.make_venv(tmp_path / ".venv", tmp_path / "log")
    assert made.exists()

    def fails(command: list[str], log: Path) -> None:
        raise bootstrap.CannotSetUp("no network")

    with monkeypatch.context() as patch:
        patch.setattr(bootstrap, "run", fails)
        with pytest.raises(bootstrap.CannotSetUp):
            bootstrap.install(tmp_path / ".venv", "run", tmp_path / "log")
    assert bootstrap.install(tmp_path / ".venv", "run", tmp_path / "log")


def test_an_installation_that_was_killed_is_begun_anew(
    tmp_path: Path, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    places = (tmp_path / ".venv", tmp_path / "emulator")
    monkeypatch.setattr(bootstrap, "VENV", places[0])
    monkeypatch.setattr(bootstrap, "EMULATOR_VENV", places[1])
    monkeypatch.setattr(bootstrap, "install_project", lambda _: False)
    monkeypatch.setattr(bootstrap, "install_cdk", lambda _: False)
    (tmp_path / "requirements" / "emulator.txt").write_text("two==2")
    assert bootstrap.set_up("run")
    assert not bootstrap.set_up("run")
    (places[0] / bootstrap.UNFINISHED).touch()
    assert bootstrap.set_up("run")
    assert not (places[0] / bootstrap.UNFINISHED).exists()
    assert sum("venv" in command for command in commands) == 3


def test_a_clone_that_was_moved_is_set_up_anew(tmp_path: Path, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    bootstrap.install(tmp_path / ".venv", "run", tmp_path / "log")
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path / "elsewhere")
    assert bootstrap.install(tmp_path / ".venv", "run", tmp_path / "log")
    assert "--clear" in commands[2]


def test_two_set_ups_of_one_clone_go_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    said, order = threading.Event(), []
    monkeypatch.setattr(bootstrap, "say", lambda _: said.set())

    def second() -> None:
        with bootstrap.alone():
            order.append("second")

    with bootstrap.alone():
        other = threading.Thread(target=second)
        other.start()
        assert said.wait(5)
        order.append("first")
    other.join(5)
    assert order == ["first", "second"]


def test_a_program_that_fails_says_what_it_printed_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    with pytest.raises(bootstrap.CannotSetUp, match="no route to host"):
        bootstrap.run(["/bin/sh", "-c", "echo no route to host; exit 3"], tmp_path / "logs" / "setup.log")


def test_a_process_that_ended_but_was_not_collected_has_ended() -> None:
    """A container's first process often collects nobody: what was stopped stays a zombie there, and has stopped all the same."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        since = processes.started(child.pid)
        assert since
        assert processes.started(child.pid) == since
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert processes.started(child.pid) == ""
    finally:
        child.kill()
        child.communicate()
    assert processes.started(child.pid) == ""
