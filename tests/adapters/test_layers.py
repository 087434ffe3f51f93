"""Every handler imports in a clean interpreter that has nothing but the layers."""

from __future__ import annotations

import ast
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local import layer
from local.instance import ROOT
from stacks.stage import STAGES

FUNCTIONS = ROOT / "functions"
OF_CONTEXT = {"payments": "payments", "invoicing": "documents"}
"""Contexts whose functions have a layer besides the common one."""


def handlers() -> list[str]:
    """Every module with a `handler` at its top."""
    found = []
    for file in FUNCTIONS.glob("*/*.py"):
        names = set()
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.FunctionDef):
                names.add(node.name)
            elif isinstance(node, ast.Assign):
                names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        if "handler" in names:
            found.append(f"{file.parent.name}.{file.stem}")
    return sorted(found)


def test_every_handler_imports_with_nothing_but_the_layers() -> None:
    layer.build("local")
    libraries = {name: layer.LIBRARIES / f"{name}-local" / "python" for name in layer.LAYERS}
    assert len(handlers()) >= 18

    def imported(module: str) -> str:
        own = OF_CONTEXT.get(module.partition(".")[0])
        paths = [str(path) for path in (FUNCTIONS, libraries["layer"], *([libraries[own]] if own else []))]
        script = f"import sys; sys.path[:0] = {paths!r}; import {module}"
        command = [sys.executable, "-I", "-S", "-c", script]
        done = subprocess.run(command, env={"AWS_REGION": "us-east-1"}, capture_output=True, text=True, check=False)
        return "" if done.returncode == 0 else f"{module}: {done.stderr.strip().splitlines()[-1]}"

    with ThreadPoolExecutor(2) as pool:
        assert [problem for problem in pool.map(imported, handlers()) if problem] == []


def test_the_local_layer_leads_to_the_libraries_and_carries_nothing_else() -> None:
    layer.build("local")
    files = [path for path in (layer.BUILD / "layer-local").rglob("*") if path.is_file()]
    assert [path.suffix for path in files] == [".pth"]
    assert str(layer.LIBRARIES / "layer-local" / "python") in files[0].read_text()
    assert STAGES["local"].layer_path("layer") == str(layer.BUILD / "layer-local")


def test_only_the_services_that_functions_call_are_in_the_sdk() -> None:
    layer.build("local")
    data: Path = layer.LIBRARIES / "layer-local" / "python" / "botocore" / "data"
    assert {path.name for path in data.iterdir() if path.is_dir()} == layer.SERVICES
