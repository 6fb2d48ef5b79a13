"""`verdict cost` by the records of GitHub, and a budget that starts no machine."""

import json
import os
from collections.abc import Callable
from contextlib import chdir
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from tests import documents
from tests.conftest import ROOT
from tests.workflows.api.state import Json, instant
from tests.workflows.conftest import Files
from tests.workflows.github import GitHub
from tests.workflows.in_process import InProcessProject
from tests.workflows.origin import Origin
from tests.workflows.pull_requests import other_seed, top_level
from verdict.base.errors import VerdictError
from verdict.ci.cost.records import LEDGER, Job, Records, github_records, local_records
from verdict.ci.github.client import GitHub as Client
from verdict.cli import main

NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)
PRICES = {"price_per_hour": 2.0, "price_per_hosted_minute": 0.0, "price_per_gb_month": None, "currency": "USD"}
OWN = {"runner_id": 7, "runner_name": "gpu-host-1", "runner_group_name": "gpu", "labels": ["self-hosted", "gpu"]}
SCALE_SET = {**OWN, "labels": ["gpu"], "runner_group_name": "Default"}
HOSTED = {"runner_id": 9, "runner_name": "GitHub Actions 9", "runner_group_name": "GitHub Actions"}
NO_MACHINE = {"runner_id": 0, "runner_name": "", "runner_group_name": ""}


def job(name: str, minutes: float, runner: Json, begin: datetime = NOW - timedelta(days=1), **more: Any) -> Json:  # noqa: ANN401
    """A job that had a runner for so long."""
    times = {"started_at": instant(begin), "completed_at": instant(begin + timedelta(minutes=minutes))}
    return {"name": name, "conclusion": "success", **times, **runner, **more}


class MonthOfRuns:
    """A repository whose runs of the last weeks are made here; its records are asked for from one folder."""

    def __init__(self, github: GitHub, folder: Path) -> None:
        self.github, self.folder = github, folder
        self.client = Client(github.name, github.token("looks", {"actions": "read"}), github.url)

    def ran(self, workflow: str, *jobs: Json, days: float = 1, **more: Any) -> Json:  # noqa: ANN401
        """A run of so many days ago."""
        at, head = instant(NOW - timedelta(days=days)), str(self.github.state.find("main"))
        known: Json = {"head_sha": head, "head_branch": "main", "workflow": f"{workflow}.yml", "created_at": at}
        return self.github.run(len(self.github.state.runs) + 1, **known, jobs=jobs, **more)

    def records(self) -> Records:
        """The records of the last month."""
        return github_records(self.client, self.folder, NOW)

    def asked(self) -> list[str]:
        """Whose jobs were asked for so far, by the number of the run."""
        paths = [call.path.split("/") for call in self.github.requests if call.path.endswith("/jobs")]
        return [parts[-2] for parts in paths]


@pytest.fixture
def month(github: GitHub, tmp_path: Path) -> MonthOfRuns:
    """A repository without a run."""
    return MonthOfRuns(github, tmp_path / "checkout")


def test_jobs_are_told_apart_by_whose_machine_they_had(month: MonthOfRuns) -> None:
    """GitHub's own group is GitHub's; any other is one's own, also where a scale set's labels do not say so."""
    month.ran("experiment", job("plan", 1, HOSTED), job("gpu", 30, OWN))
    month.ran("main", job("reproduce", 20, SCALE_SET))
    found = month.records()
    assert set(found.jobs) == {
        Job("experiment", False, 60.0),
        Job("experiment", True, 1800.0),
        Job("main", True, 1200.0),
    }
    assert (found.runs["experiment"], found.runs["main"]) == (1, 1)


def test_what_had_no_machine_costs_nothing(month: MonthOfRuns) -> None:
    """Nor is a run of it counted: jobs that were skipped or cancelled in the queue, and runs that did nothing."""
    month.ran("experiment", job("gpu", 300, NO_MACHINE, conclusion="cancelled"))
    month.ran("experiment", conclusion="skipped")
    assert month.records() == Records("owner/verdict, 30 days to 26 November 2026", month.records().runs, ())
    assert not month.records().runs
    assert month.asked() == ["1"], "once, and not for a run that was skipped"


def test_a_month_ends_thirty_days_ago(month: MonthOfRuns) -> None:
    """An older run is neither counted nor asked for."""
    month.ran("audit", job("reproduce", 10, OWN), days=29.9)
    month.ran("audit", job("reproduce", 20, OWN), days=30.1)
    assert [one.seconds for one in month.records().jobs] == [600.0]
    assert month.asked() == ["1"]


def test_what_runs_now_counts_until_now_and_is_asked_for_again(month: MonthOfRuns) -> None:
    """A job that goes on has no end yet; its run is not kept."""
    running = job("gpu", 0, OWN, begin=NOW - timedelta(minutes=5)) | {"completed_at": None}
    month.ran("experiment", running, conclusion=None)
    for _ in range(2):
        assert [one.seconds for one in month.records().jobs] == [300.0]
    assert month.asked() == ["1", "1"]


def test_what_is_over_is_asked_for_once(month: MonthOfRuns) -> None:
    """The ledger has it; a new attempt is another entry, with all that the attempts took, a copied job once."""
    month.ran("experiment", job("plan", 1, HOSTED), job("gpu", 30, OWN))
    assert month.records() == month.records()
    assert month.asked() == ["1"]
    began = NOW - timedelta(hours=2)
    again = [job("plan", 1, HOSTED), job("gpu", 30, OWN), job("plan", 1, HOSTED), job("gpu", 40, OWN, began)]
    month.github.state.runs.clear()
    month.ran("experiment", *again, attempt=2)
    assert sorted(one.seconds for one in month.records().jobs) == [60.0, 1800.0, 2400.0]
    assert month.asked() == ["1", "1"]
    assert len(json.loads((month.folder / LEDGER).read_text(encoding="utf-8"))) == 1


def test_what_was_learned_before_a_failure_is_kept(month: MonthOfRuns) -> None:
    """If GitHub stops answering, the next call continues from there, and no month is reported."""
    for _ in range(3):
        month.ran("experiment", job("gpu", 30, OWN))
    month.github.fail("GET", "runs/1/jobs", status=403)
    with pytest.raises(VerdictError, match="403"):
        month.records()
    assert len(month.records().jobs) == 3
    assert sorted(month.asked()) == ["1", "1", "2", "3"]


def test_a_run_of_many_points_is_counted_whole(month: MonthOfRuns) -> None:
    """A sweep has more jobs than a page."""
    month.ran("sweep", *(job(f"run {number}", 6, OWN) for number in range(120)))
    assert len(month.records().jobs) == 120


def test_local_records_are_the_newest_of_each_stage(tmp_path: Path) -> None:
    """Records of `verdict repro` here count as one run; a stage that never ran here has no time."""
    record = {
        "a": {"stage": "train", "seconds": 10.0},
        "b": {"stage": "prepare", "seconds": None},
        "c": {"stage": "train", "seconds": 12.5},
    }
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    (tmp_path / ".dvc/tmp/verdict-runs.json").write_text(json.dumps(record), encoding="utf-8")
    assert local_records(tmp_path).jobs == (Job("train", True, 12.5),)
    assert local_records(tmp_path).runs["experiment"] == 1
    assert not local_records(tmp_path / "none").runs


@pytest.fixture
def here(
    origin: Origin, github: GitHub, write: Callable[[Files], Path], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., int]:
    """`verdict cost` in a checkout of main whose report group is given; its working tree has no budget."""
    token = github.token("looks", {"actions": "read"})
    for name, value in (("URL", github.url), ("REPOSITORY", github.name), ("TOKEN", token)):
        monkeypatch.setenv("GITHUB_API_URL" if name == "URL" else f"GITHUB_{name}", value)
    lock = (ROOT / "dvc.lock").read_text(encoding="utf-8")
    place = write({".dvc/.gitignore": "tmp\n", "dvc.lock": lock})
    began = datetime.now(UTC) - timedelta(days=2)
    github.run(
        1,
        head_sha=origin.sha("main"),
        head_branch="main",
        jobs=[job("gpu", 60, OWN, began)],
        created_at=instant(began),
    )

    def cost(*options: str, **report: Any) -> int:  # noqa: ANN401
        write({"params.yaml": json.dumps({"report": {**PRICES, **report}})})
        (place / "params.yaml").write_text(json.dumps({"report": PRICES}), encoding="utf-8")
        with chdir(place), patch.dict(os.environ):
            return main(["cost", *options])

    return cost


@pytest.mark.parametrize(
    ("budget", "code", "said"),
    [
        (None, 0, "no budget"),
        (4.0, 0, "within the budget of 4.00 USD: 2.00 in owner/verdict, 30 days to"),
        (3.99, 1, "over the budget of 3.99 USD: 2.00 in owner/verdict"),
    ],
)
def test_the_check_holds_mains_budget(
    here: Callable[..., int], capsys: pytest.CaptureFixture[str], budget: float | None, code: int, said: str
) -> None:
    """An hour at 2.00 was used, and one more waits; the working tree, which has no budget, is not asked."""
    assert here("--check", "--base", "main", budget_per_month=budget) == code
    assert said in capsys.readouterr().out


@pytest.mark.parametrize("fault", ["no token", "no answer", "a typo in main's params", "no such base"])
def test_a_check_that_cannot_judge_is_no_pass(
    here: Callable[..., int], github: GitHub, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """Without records or a readable budget the code is 2: neither within nor over."""
    report: Json = {"budget_per_month": 100.0}
    if fault == "no token":
        monkeypatch.delenv("GITHUB_TOKEN")
    elif fault == "no answer":
        github.fail("GET", "/actions/runs", status=404)
    elif fault == "a typo in main's params":
        report = {"budget_per_mouth": 100.0}
    assert here("--check", "--base", "none" if fault == "no such base" else "main", **report) == 2


def test_the_command_prints_the_bill(here: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """By the working tree's prices: what, how often, how long, how much, and what is not counted."""
    assert here() == 0
    told = capsys.readouterr().out
    assert "experiment, own machines      1   1.000  hours  2.00" in told
    assert "Not counted: starts and idle time" in told
    assert "Not known" not in told


def test_the_command_forecasts(here: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """By default a run leaves as much as dvc.lock names."""
    stages = documents.load((ROOT / "dvc.lock").read_text(encoding="utf-8"))["stages"].values()
    items = [item for entry in stages for item in (*entry["deps"], *entry["outs"])]
    size = sum({item["md5"]: item["size"] for item in items}.values()) / 1e9
    assert here("--forecast", "--runs-per-day", "2") == 0
    told = capsys.readouterr().out
    assert f"{size:,.3f} GB of main" in told
    assert "runs, own machines     60  60.000  hours        120.00" in told
    assert here("--forecast", "--data-gb", "7", "--retention-days", "10") == 0
    assert "7.000 GB of main, which stay, and as much of each run for 10 days" in capsys.readouterr().out


def test_without_a_token_the_command_tells_what_it_does_not_know(
    here: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads this machine's records, and says how to read GitHub's."""
    monkeypatch.delenv("GITHUB_TOKEN")
    assert here() == 0
    assert "Not known: what GitHub ran; GITHUB_REPOSITORY=owner/name GITHUB_TOKEN=" in capsys.readouterr().out


def test_over_budget_no_machine_is_started(project: InProcessProject) -> None:
    """By act: main has a budget that is used up, a change wants a machine and raises the budget: its plan says no."""
    params = project.clone.path / "params.yaml"

    def budget(amount: float) -> None:
        document = documents.load(params.read_text(encoding="utf-8"))
        document["report"] |= {"price_per_hour": 1.0, "price_per_hosted_minute": 0.0, "budget_per_month": amount}
        documents.save(params, document)

    budget(10.0)
    project.clone.commit("A budget")
    project.origin.push(project.clone.path, "main")
    began, head = datetime.now(UTC) - timedelta(days=3), project.origin.sha("main")
    jobs = [job("gpu", 60 * 11, OWN, began)]
    project.github.run(77, head_sha=head, head_branch="main", jobs=jobs, created_at=instant(began))

    def change(clone: Any) -> None:  # noqa: ANN401
        other_seed(clone)
        budget(1000.0)

    project.propose(change)
    ran = project.act.experiment()
    assert top_level(ran.jobs) == {"plan": "failure", "gpu": "skipped", "fork": "skipped"}, ran.log
    assert "over the budget of 10.00 USD: 11.00 in owner/verdict" in ran.log
    assert "raise report.budget_per_month of main's params.yaml" in ran.log
