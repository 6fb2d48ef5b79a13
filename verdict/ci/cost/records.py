"""The times of runs: from GitHub's records of jobs or, without a token, from the record that `verdict repro` keeps."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

from verdict.base.errors import VerdictError
from verdict.base.files import write_text
from verdict.ci.github.client import GitHub
from verdict.repo import repro

DAYS = 30
EXPERIMENT = "experiment"
# The times of completed runs, so that each is requested once: a workflow's token has 1,000 requests an hour.
LEDGER = Path(".dvc/tmp/verdict-cost.json")
# The group of GitHub's own machines; machines of a scale set lack the label self-hosted.
_HOSTED_GROUP = "GitHub Actions"
_NO_MACHINE = ("skipped", "action_required")
Entry = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """The time for which a workflow, or a stage, used one machine, self-hosted or GitHub's."""

    name: str
    self_hosted: bool
    seconds: float


@dataclass(frozen=True)
class Records:
    """The jobs of some runs, their source, and how many runs of each workflow used a machine."""

    source: str
    runs: Counter[str]
    jobs: tuple[Job, ...]


def github_records(github: GitHub, root: Path, now: datetime) -> Records:
    """Read the runs of the last 30 days from GitHub; completed ones are kept in the ledger at `root`.

    Args:
        github: the API, with a token that may read actions.
        root: the checkout.
        now: the end of jobs that still run.

    Raises:
        VerdictError: GitHub does not answer.
    """
    ledger = _read_ledger(root)
    completed: dict[str, Entry] = {}
    running: list[Entry] = []
    try:
        for run in github.pages("/actions/runs", "workflow_runs"):  # the newest come first
            if _moment(run["created_at"]) < now - timedelta(days=DAYS):
                break
            key = f"{run['id']}.{run['run_attempt']}"
            if run["status"] == "completed":
                completed[key] = ledger.get(key) or _entry(github, run, now)
            else:
                running.append(_entry(github, run, now))
    except VerdictError:
        _write_ledger(root, {**ledger, **completed})
        raise
    _write_ledger(root, completed)
    return _records(f"{github.repository}, {DAYS} days to {now:%d %B %Y}", [*completed.values(), *running])


def local_records(root: Path) -> Records:
    """Read the record of `verdict repro`: the newest time of each stage, together as one run on this machine."""
    newest = {entry["stage"]: entry["seconds"] for entry in repro.read_records(root).values() if "stage" in entry}
    jobs = [Job(stage, True, seconds) for stage, seconds in newest.items() if seconds is not None]
    return Records("this machine, each stage once", Counter({EXPERIMENT: 1} if jobs else {}), tuple(jobs))


def _entry(github: GitHub, run: dict[str, Any], now: datetime) -> Entry:
    workflow, jobs = PurePosixPath(run["path"].partition("@")[0]).stem, []
    if run["conclusion"] not in _NO_MACHINE:
        listed = github.pages(f"/actions/runs/{run['id']}/jobs", "jobs", filter="all")
        # The next attempt of a run has copies, with the same times, of jobs that were not started again.
        ran = {
            (job["name"], job["started_at"]): job for job in listed if job["runner_id"] and job["status"] != "queued"
        }
        jobs = [[job["runner_group_name"] != _HOSTED_GROUP, _seconds(job, now)] for job in ran.values()]
    return {"workflow": workflow, "jobs": jobs}


def _seconds(job: dict[str, Any], now: datetime) -> float:
    end = _moment(job["completed_at"]) if job["completed_at"] else now
    return max((end - _moment(job["started_at"])).total_seconds(), 0.0)


def _records(source: str, entries: Iterable[Entry]) -> Records:
    used = [entry for entry in entries if entry["jobs"]]
    jobs = [Job(entry["workflow"], self_hosted, seconds) for entry in used for self_hosted, seconds in entry["jobs"]]
    return Records(source, Counter(entry["workflow"] for entry in used), tuple(jobs))


def _read_ledger(root: Path) -> dict[str, Entry]:
    try:
        ledger = json.loads((root / LEDGER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return ledger if isinstance(ledger, dict) else {}


def _write_ledger(root: Path, ledger: dict[str, Entry]) -> None:
    write_text(root / LEDGER, json.dumps(ledger) + "\n")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
