"""Checks that the lock files fit what they were compiled from: every direct requirement is locked, with hashes, at its pin."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

REQUIREMENTS: Final = Path(__file__).resolve().parent.parent / "requirements"
NAMES: Final = ("layer", "payments", "documents", "run", "test", "emulator")
_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?(?:==([^\s;]+))?")


def wanted(name: str) -> dict[str, str | None]:
    """The direct requirements of an input file, those of files that it includes too, with their pins."""
    found: dict[str, str | None] = {}
    for line in (REQUIREMENTS / f"{name}.in").read_text().splitlines():
        if line.startswith("-r "):
            found |= wanted(line[3:].strip().removesuffix(".in"))
        elif line and not line.startswith(("#", "-")):
            match = _REQUIREMENT.match(line)
            if match:
                pin = match[2]
                found[_canonical(match[1])] = None if pin is None or "*" in pin else pin
    return found


def locked(name: str) -> dict[str, str]:
    """What a lock file pins."""
    text = (REQUIREMENTS / f"{name}.txt").read_text()
    return {_canonical(match[1]): match[2] for match in re.finditer(r"^([A-Za-z0-9._-]+)==([^\s\\]+)", text, re.MULTILINE)}


def problems() -> list[str]:
    """What does not fit, in sentences."""
    found = []
    for name in NAMES:
        pins = locked(name)
        for requirement, pin in wanted(name).items():
            if requirement not in pins:
                found.append(f"{name}.txt does not lock {requirement}")
            elif pin is not None and pins[requirement] != pin:
                found.append(f"{name}.txt locks {requirement} {pins[requirement]}, and {name}.in asks for {pin}")
        text = (REQUIREMENTS / f"{name}.txt").read_text()
        if text.count("--hash=sha256:") < len(pins):
            found.append(f"{name}.txt has packages without a hash")
        if re.search(r"^--(index-url|extra-index-url|find-links)", text, re.MULTILINE):
            found.append(f"{name}.txt names where packages come from")
    layer = locked("layer")
    for name in ("run", "test"):
        differing = [package for package, pin in locked(name).items() if layer.get(package, pin) != pin]
        found += [f"{name}.txt and layer.txt lock different versions of {package}" for package in differing]
    return found


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    lines = problems()
    sys.stdout.writelines(f"{line}. Compile them anew with: make lock\n" for line in lines)
    sys.exit(1 if lines else 0)
