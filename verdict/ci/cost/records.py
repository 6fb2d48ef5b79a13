"""What runs took: by GitHub's records of their jobs or, without a token, by the record that `verdict repro` keeps."""

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
# What runs that are over took, so that each is asked for once: a workflow's token has 1,000 requests an hour.
LEDGER = Path(".dvc/tmp/verdict-cost.json")
_OF_GITHUB = "GitHub Actions"  # the group of GitHub's own machines; a scale set's lack the label self-hosted
_NO_MACHINE = ("skipped", "action_required")
Entry = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """The time that something (a workflow, or here a stage) had one machine, one's own or rented from GitHub."""

    name: str
    self_hosted: bool
    seconds: float


@dataclass(frozen=True)
class Records:
    """All that is known of some runs, where it is from, and how many runs of each workflow had a machine."""

    source: str
    runs: Counter[str]
    jobs: tuple[Job, ...]


def github_records(github: GitHub, root: Path, now: datetime) -> Records:
    """Ask GitHub for the runs that were created in the last 30 days; what is over is kept in the ledger at `root`.

    Args:
        github: the API, with a token that may read actions.
        root: the checkout.
        now: until when jobs that are running count.

    Raises:
        VerdictError: GitHub does not answer.
    """
    kept = _kept(root)
    over: dict[str, Entry] = {}
    running: list[Entry] = []
    try:
        for run in github.pages("/actions/runs", "workflow_runs"):  # the newest come first
            if _moment(run["created_at"]) < now - timedelta(days=DAYS):
                break
            key = f"{run['id']}.{run['run_attempt']}"
            if run["status"] == "completed":
                over[key] = kept.get(key) or _entry(github, run, now)
            else:
                running.append(_entry(github, run, now))
    except VerdictError:
        _keep(root, {**kept, **over})
        raise
    _keep(root, over)
    return _records(f"{github.repository}, {DAYS} days to {now:%d %B %Y}", [*over.values(), *running])


def local_records(root: Path) -> Records:
    """Read what `verdict repro` recorded here: of each stage the newest time, together one run on one's own machine."""
    newest = {entry["stage"]: entry["seconds"] for entry in repro.read(root).values() if "stage" in entry}
    jobs = [Job(stage, True, seconds) for stage, seconds in newest.items() if seconds is not None]
    return Records("this machine, each stage once", Counter({EXPERIMENT: 1} if jobs else {}), tuple(jobs))


def _entry(github: GitHub, run: dict[str, Any], now: datetime) -> Entry:
    workflow, jobs = PurePosixPath(run["path"].partition("@")[0]).stem, []
    if run["conclusion"] not in _NO_MACHINE:
        listed = github.pages(f"/actions/runs/{run['id']}/jobs", "jobs", filter="all")
        # Of jobs that were not started again, the next attempt of the run has a copy with the same times.
        ran = {
            (job["name"], job["started_at"]): job for job in listed if job["runner_id"] and job["status"] != "queued"
        }
        jobs = [[job["runner_group_name"] != _OF_GITHUB, _seconds(job, now)] for job in ran.values()]
    return {"workflow": workflow, "jobs": jobs}


def _seconds(job: dict[str, Any], now: datetime) -> float:
    end = _moment(job["completed_at"]) if job["completed_at"] else now
    return max((end - _moment(job["started_at"])).total_seconds(), 0.0)


def _records(source: str, entries: Iterable[Entry]) -> Records:
    had_a_machine = [entry for entry in entries if entry["jobs"]]
    jobs = [Job(entry["workflow"], own, seconds) for entry in had_a_machine for own, seconds in entry["jobs"]]
    return Records(source, Counter(entry["workflow"] for entry in had_a_machine), tuple(jobs))


def _kept(root: Path) -> dict[str, Entry]:
    try:
        found = json.loads((root / LEDGER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _keep(root: Path, ledger: dict[str, Entry]) -> None:
    write_text(root / LEDGER, json.dumps(ledger) + "\n")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
