"""Processes that the hub starts on this machine, and stops again: exactly those, known by id and time of start."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx

from local.instance import PortTaken, listens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PATIENCE_S = 60.0
LET_GO_S = 5.0
"""How long the workers of a process that was killed may hold its port, which they inherited, until they notice."""
PROC: Final = Path("/proc")
"""Where Linux tells about processes; elsewhere `ps` is asked, which small Linux images lack."""


class DidNotStart(Exception):
    """A process ended, or did not answer in time; its log says why."""


@dataclass(frozen=True)
class Process:
    """One process of an instance."""

    name: str
    port: int
    pid_file: Path
    log: Path
    health_url: str

    def running(self) -> bool:
        """Whether the very process that was started is still there."""
        return self._pid() is not None

    def healthy(self) -> bool:
        """Whether it answers."""
        try:
            return httpx.get(self.health_url, timeout=2).is_success
        except httpx.HTTPError:
            return False

    def start(self, command: Sequence[str], environment: Mapping[str, str]) -> bool:
        """Start it and wait until it answers; False where it runs already. Raises PortTaken, DidNotStart."""
        if self.running():
            self._wait_until_healthy(None)
            return False
        until = time.monotonic() + LET_GO_S
        while listens(self.port) and time.monotonic() < until:
            time.sleep(0.1)
        if listens(self.port):
            raise PortTaken(
                f"Port {self.port} is taken by a program that is not {self.name} of this hub. "
                f"Stop it (`ss -ltnp 'sport = :{self.port}'` names it), or use another instance: orderhub --instance NAME up"
            )
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.pid_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as out:
            child = subprocess.Popen(
                list(command), env=dict(environment), stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        part = self.pid_file.with_suffix(".part")
        part.write_text(json.dumps({"pid": child.pid, "started": started(child.pid)}))
        part.replace(self.pid_file)
        self._wait_until_healthy(child)
        return True

    def stop(self) -> bool:
        """Ask it to end, and wait until it has; False where it was not running. Raises DidNotStart where it will not end."""
        pid = self._pid()
        if pid is None:
            self.pid_file.unlink(missing_ok=True)
            return False
        os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + PATIENCE_S
        while _alive(pid):
            if time.monotonic() > until:
                raise DidNotStart(f"{self.name} (process {pid}) does not end; look at {self.log}")
            time.sleep(0.05)
        self.pid_file.unlink(missing_ok=True)
        return True

    def _wait_until_healthy(self, child: subprocess.Popen[bytes] | None) -> None:
        until = time.monotonic() + PATIENCE_S
        while not self.healthy():
            if (child is not None and child.poll() is not None) or time.monotonic() > until:
                tail = "\n    ".join(self.log.read_text(errors="replace").splitlines()[-6:])
                raise DidNotStart(f"{self.name} does not answer on port {self.port}; {self.log} ends with:\n    {tail}")
            time.sleep(0.1)

    def _pid(self) -> int | None:
        """The process's id, if it is still the one that was started: ids are used again, times of start are not."""
        try:
            kept = json.loads(self.pid_file.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        pid = int(kept["pid"])
        return pid if _alive(pid) and started(pid) == kept["started"] else None


def _alive(pid: int) -> bool:
    try:
        done, _ = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        done = 0
    if done == pid:
        return False
    return started(pid) != ""


def started(pid: int) -> str:
    """When a process started, as a text to compare; empty where there is none, or only what its parent did not collect."""
    if not PROC.is_dir():
        found = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
        state, _, since = found.stdout.strip().partition(" ")
        return "" if state.startswith("Z") else since.strip()
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    # The name in parentheses may hold anything; the fields after it are the state, and, nineteen further on, ticks since boot.
    fields = text.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else f"{(PROC / 'sys/kernel/random/boot_id').read_text().strip()} {fields[19]}"
