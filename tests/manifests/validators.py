"""Validators of manifests: Kubernetes' schemas, the types of Argo Rollouts, the client of KServe."""

import ast
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import yaml

from dev.manifests import Json


def validated(folder: Path, version: str, *manifests: Json) -> tuple[int, list[str], list[str]]:
    """Run kubernetes-validate; return exit code, errors, and the kinds without a schema, of which it only warns."""
    file = folder / "manifests.yaml"
    file.write_text(yaml.safe_dump_all(manifests), encoding="utf-8")
    command = ["kubernetes-validate", "--strict", "-k", version, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    foreign = [found[1] for line in lines if (found := re.search(r"Couldn't find schema for kind (\w+)", line))]
    passed = [line for line in lines if line.startswith("INFO") and "passed" in line]
    errors = [line for line in lines if line not in passed and "Couldn't find schema" not in line]
    assert len(passed) + len(foreign) == len(manifests) or errors, lines
    return done.returncode, errors, sorted(foreign)


def compiled(folder: Path, *manifests: Json) -> str:
    """The errors of TypeScript for Argo's documents as literals of Argo's types, which reject unknown keys."""
    (folder / "node_modules").symlink_to(Path(sys.prefix) / "node_modules")
    lines = ['import type * as argo from "@kubernetes-models/argo-rollouts/argoproj.io/v1alpha1";']
    for number, body in enumerate(manifests):
        lines.append(f"export const body{number}: argo.I{body['kind']} = {json.dumps(body)};")
    (folder / "check.mts").write_text("\n".join(lines), encoding="utf-8")
    command = ["tsc", "--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "check.mts"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


def kserve_fields(model: str) -> dict[str, str]:
    """The fields of one of KServe's types, each with its type, read off its Python client without importing that."""
    spec = importlib.util.find_spec("kserve")
    assert spec is not None
    assert spec.origin is not None
    tree = ast.parse((Path(spec.origin).parent / f"models/v1beta1_{model}.py").read_text(encoding="utf-8"))
    maps = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Dict)
    }
    return {field: maps["openapi_types"][name] for name, field in maps["attribute_map"].items()}
