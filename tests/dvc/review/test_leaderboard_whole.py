"""The leaderboard on experiments that DVC really ran."""

import csv
from pathlib import Path

import pytest

from tests.dvc.pipeline.clone import finished_clone

pytestmark = pytest.mark.slow


def test_real_experiments_are_ranked_with_their_cost(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Two models are ranked with interval and time; another split, and a failure of DVC's queue, are unranked."""
    clone = finished_clone(tmp_path_factory.getbasetemp()).copy(tmp_path / "verdict")
    for name, changes in {
        "weak": ["train.linear.alpha=100"],
        "seeds": ["train.linear.alpha=0.0001", "train.seeds=[1,2]"],
        "elsewhere": ["split.salt=another", "validate.min_class_rows=1"],
    }.items():
        clone.run("dvc", "exp", "run", "--quiet", "--name", name, *(f"-S{change}" for change in changes))
        clone.run("git", "checkout", "--quiet", "--force", "HEAD")
    clone.run("dvc", "exp", "run", "--queue", "--quiet", "--name", "failing", "-S", "featurize.max_memory_gib=0.000001")
    clone.try_run("dvc", "exp", "run", "--run-all", "--quiet")
    printed = clone.run("python", "-I", "-m", "verdict", "leaderboard", "--chosen", "seeds")
    folder = clone.path / "report/leaderboard"
    with (folder / "leaderboard.csv").open(encoding="utf-8") as file:
        lines = {line["experiment"]: line for line in csv.DictReader(file)}
    ranked = {name: line for name, line in lines.items() if line["rank"]}
    assert list(ranked) == ["seeds", "weak"], printed
    assert all(float(line["low"]) <= float(line["score"]) <= float(line["high"]) for line in ranked.values())
    assert all(float(line["seconds"]) > 0 and line["device"] for line in ranked.values())
    assert [line["seeds"] for line in ranked.values()] == ["3", "1"]
    assert lines["elsewhere"]["status"] == "elsewhere"
    assert (lines["failing"]["status"], "queue logs" in lines["failing"]["reason"]) == ("broken", True)
    assert "weighted F1 on test" in (folder / "leaderboard.md").read_text(encoding="utf-8")
