"""Builds the Lambda layers without Docker: for this machine's interpreter, and for Lambda on arm64.

Wheels only, from the lock files with hashes; the AWS SDK keeps just the services that the hub uses. What is built
depends on the lock alone, so the asset that CDK makes of it is the same on every machine of a kind.

The emulator unpacks a function's layers anew for every worker, which on one machine is gigabytes a minute. So the layer
that is deployed there is a single `.pth` file, which puts the libraries that were built here first on the worker's path.
"""

from __future__ import annotations

import compileall
import fcntl
import hashlib
import py_compile
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final, Literal

from local.bootstrap import environment

ROOT: Final = Path(__file__).resolve().parent.parent
BUILD: Final = ROOT / "build"
LIBRARIES: Final = BUILD / "libraries"
Target = Literal["local", "aws"]
LAYERS: Final = {"layer": "layer.txt", "payments": "payments.txt", "documents": "documents.txt"}
SERVICES: Final = frozenset(
    [
        "apigatewaymanagementapi",
        "bedrock-runtime",
        "cognito-idp",
        "dynamodb",
        "events",
        "kinesis",
        "kms",
        "lambda",
        "logs",
        "s3",
        "scheduler",
        "secretsmanager",
        "sqs",
        "stepfunctions",
        "sts",
    ]
)
"""SDK services that functions call; the definitions of the other four hundred stay at home."""
AWS_PLATFORM: Final = [
    *("--platform", "manylinux_2_28_aarch64", "--platform", "manylinux2014_aarch64"),
    *("--implementation", "cp", "--python-version", "3.13"),
]


class CannotBuild(Exception):
    """pip could not fetch a wheel for the target."""


def build(target: Target) -> bool:
    """Build the layers for a target, unless they are there; whether there was anything to do. Raises CannotBuild.

    One build of a clone at a time: who comes second waits, and finds everything done.
    """
    BUILD.mkdir(exist_ok=True)
    with (BUILD / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        changed = [_build(name, source, target) for name, source in LAYERS.items()]
    return any(changed)


def _build(name: str, lock: str, target: Target) -> bool:
    source = ROOT / "requirements" / lock
    made_of = source.read_bytes() + Path(__file__).read_bytes() + (sys.version.encode() if target == "local" else b"3.13")
    wanted = hashlib.sha256(made_of).hexdigest()
    place, stamp = (LIBRARIES if target == "local" else BUILD) / f"{name}-{target}", BUILD / f".{name}-{target}.stamp"
    if target == "local":
        _point_to(place, BUILD / f"{name}-{target}", name)
    if place.is_dir() and stamp.exists() and stamp.read_text() == wanted:
        return False
    unfinished = BUILD / f".{name}-{target}.part"
    shutil.rmtree(unfinished, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "--no-deps"]
    platform = AWS_PLATFORM if target == "aws" else []
    command = [
        *pip,
        "--require-hashes",
        "--only-binary=:all:",
        *platform,
        "--target",
        str(unfinished / "python"),
        "-r",
        str(source),
    ]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotBuild(f"the {name} layer for {target}: {done.stderr.strip()[-600:]}")
    _trim(unfinished / "python")
    if target == "local":
        # Compiled once, for every worker that imports it.
        compileall.compile_dir(unfinished, quiet=2, workers=0, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    unfinished.rename(place)
    stamp.write_text(wanted)
    return True


def _point_to(libraries: Path, layer: Path, name: str) -> None:
    """Make the layer that leads a worker of this machine to the libraries."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    pointer = layer / "python" / "lib" / version / "site-packages" / f"orderhub-{name}.pth"
    line = f"import sys; sys.path.insert(0, {str(libraries / 'python')!r})\n"
    if pointer.exists() and pointer.read_text() == line:
        return
    shutil.rmtree(layer, ignore_errors=True)
    pointer.parent.mkdir(parents=True)
    pointer.write_text(line)


def _trim(place: Path) -> None:
    """Leave out what no function reads: other services' definitions, package records, tests, scripts."""
    data = place / "botocore" / "data"
    if data.is_dir():
        for service in data.iterdir():
            if service.is_dir() and service.name not in SERVICES:
                shutil.rmtree(service)
    for leftover in [*place.glob("*.dist-info"), *place.rglob("__pycache__"), place / "bin", place / "boto3" / "examples"]:
        shutil.rmtree(leftover, ignore_errors=True)
