"""Jobs that are to take seconds install a few libraries alone: what they run must do with these."""

import json
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions

import pytest
from packaging.requirements import Requirement

from tests.conftest import ROOT
from tests.workflow_files import ACTIONS, jobs

# Imports modules where every library that is not among the given ones is refused, as if it were not installed.
_IMPORT = """
import importlib, json, sys
refused, modules = map(json.loads, sys.argv[1:])
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in refused:
            raise ModuleNotFoundError(f"No module named {name!r}")
sys.meta_path.insert(0, Finder())
for module in modules:
    importlib.import_module(module)
"""
# What the commands of such jobs import, by job.
MODULES = {
    "audit/report": ["verdict.ci.audit"],
    "deploy/record": ["verdict.delivery.record", "verdict.ci.github.client"],
    "experiment/plan": ["verdict.ci.run.precheck"],
    "main/overdue": ["verdict.ci.overdue", "verdict.ci.github.client"],
    "monitor/tell": ["verdict.ci.monitor", "verdict.review.report.markup", "verdict.ci.github.client"],
    "preview/take": ["verdict.ci.judge.previews", "verdict.review.policy"],
    "preview/tell": ["verdict.ci.publish.previews"],
    "release/plan": ["verdict.delivery.plan", "verdict.delivery.publish", "verdict.ci.github.client"],
    "release/register": ["verdict.delivery.publish", "verdict.ci.github.client"],
    "report/judge": ["verdict.ci.judge.triage", "verdict.ci.judge.bounds", "psutil"],
    "report/publish": ["verdict.ci.publish.publish"],
    "report/commit-lock": ["verdict.ci.publish.commit_results"],
    "retrain/plan": ["verdict.ci.retrain.plan", "verdict.ci.github.client"],
    "retrain/propose": ["verdict.ci.retrain.publish", "verdict.ci.github.client"],
    "retrain/tell": ["verdict.ci.retrain.publish", "verdict.ci.github.client"],
    "sweep/plan": ["verdict.ci.sweep.missing"],
    "sweep/propose": [
        "verdict.ci.sweep.pull_request",
        "verdict.ci.sweep.proposal",
        "verdict.ci.github.comments",
        "verdict.ci.github.images",
    ],
}


def _name(text: str) -> str:
    return re.sub(r"[-_.]+", "-", text).lower()


def _installed() -> set[str]:
    """The libraries of the action's extent `look`, with all that they ask for in turn."""
    (step,) = (one for one in ACTIONS["setup"]["runs"]["steps"] if one["name"] == "Libraries for a look")
    left = step["run"].partition("requirements.txt ")[2].split()
    found: set[str] = set()
    while left:
        asked = Requirement(left.pop())
        name = _name(asked.name)
        if name in found:
            continue
        found.add(name)
        try:
            texts = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        left += [text for text in texts if (mark := Requirement(text).marker) is None or mark.evaluate({"extra": ""})]
    return found


@pytest.fixture(scope="module")
def refused() -> list[str]:
    """The modules of this environment that such a job does not have."""
    installed = _installed()
    assert "dvc" in installed
    assert "pandas" not in installed
    owners = packages_distributions()
    return sorted(name for name, found in owners.items() if not {_name(one) for one in found} & installed)


def test_every_job_that_takes_a_look_is_known() -> None:
    """The jobs below are those that install the libraries for a look."""
    looking = {name for name, body in jobs() for step in body.get("steps", []) if _extent(step) == "look"}
    assert looking == set(MODULES)


def _extent(step: dict[str, dict[str, str]]) -> str:
    return step.get("with", {}).get("extent", "")


@pytest.mark.parametrize("job", MODULES)
def test_a_look_needs_no_more_than_is_installed(job: str, refused: list[str]) -> None:
    """The modules of each such job can be imported where nothing but the libraries for a look is installed."""
    command = [sys.executable, "-c", _IMPORT, json.dumps(refused), json.dumps(MODULES[job])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-1500:]
