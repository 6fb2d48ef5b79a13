"""The model in production, by GTO's tags: as the base of a comparison, and as a line in the report against main."""

import re

import pytest

from tests.dvc.pipeline.clone import Clone
from tests.dvc.review import edits
from tests.dvc.review.edits import ReviewRunner, retrain
from tests.dvc.review.tampering import delete_output, relock

clone, runner = edits.clone, edits.runner
_INTERVAL = r"−\d\.\d{4} \[−\d\.\d{4},\N{NO-BREAK SPACE}−\d\.\d{4}\]"


def released(clone: Clone, version: str, commit: str = "HEAD") -> None:
    """Register a version, and put it into production."""
    clone.run("gto", "register", "classifier", commit, "--version", version)
    serves(clone, version)


def serves(clone: Clone, version: str) -> None:
    """Put a version into production, again or for the first time."""
    clone.run("gto", "assign", "classifier", "--version", version, "--stage", "production", "--force")


def another(clone: Clone, **settings: object) -> None:
    """Another model in the working tree, all made to match."""
    retrain(clone, **settings)
    relock(clone)


def head(clone: Clone, runner: ReviewRunner, *options: str) -> str:
    """Write a report; its first section."""
    outcome = runner.run(clone, "report", *options)
    assert outcome.code == 0, outcome.text
    return (clone.path / "report" / "report.md").read_text(encoding="utf-8").partition("<h3>")[0]


@pytest.fixture
def rolled_back(clone: Clone) -> Clone:
    """A clone whose main is a worse model, released and rolled back: the first one serves. The tree holds the worse."""
    released(clone, "v1.9.0")
    another(clone, **edits.WORSE)
    clone.commit("Worse")
    released(clone, "v1.10.0")
    serves(clone, "v1.9.0")
    return clone


def test_production_is_a_base_that_is_named_by_its_version(rolled_back: Clone, runner: ReviewRunner) -> None:
    """Gate, compare and report take what serves for the base, and say its version; the report has no second line."""
    gate, compare = (runner.run(rolled_back, command, "--base", "production") for command in ("gate", "compare"))
    assert gate.failed[:1] == ["worse:overall"], gate.text
    assert (gate.code, compare.code) == (1, 0)
    assert all("against production (v1.9.0)\n" in outcome.text for outcome in (gate, compare))
    text = head(rolled_back, runner, "--base", "production")
    assert "against <code>production (v1.9.0)</code> at" in text
    assert "Against production" not in text


def test_after_a_rollback_the_report_says_what_serves(rolled_back: Clone, runner: ReviewRunner) -> None:
    """A change that is main's model is worse than what serves, by compare's own figures; the verdict is about main."""
    text = head(rolled_back, runner)
    found = re.search(
        rf"<p>Against production \(v1\.9\.0\): worse by ({_INTERVAL}), overall weighted F1; (.*)</p>", text
    )
    assert found, text
    assert found[2] == "main is ahead of production: v1.9.0 serves, v1.10.0 is the newest release."
    assert text.startswith("<h2>✅ Pass: unchanged")
    compared = runner.run(rolled_back, "compare", "--base", "production").text
    line = next(line for line in compared.splitlines() if line.startswith("overall   weighted_f1 "))
    assert found[1].replace("\N{NO-BREAK SPACE}", " ") in " ".join(line.split())


def test_where_main_serves_the_line_is_mains(clone: Clone, runner: ReviewRunner) -> None:
    """If main serves, a worse change is worse than both, by the same figures; the model that serves is the same."""
    released(clone, "v1.0.0")
    assert "<p>Against production (v1.0.0): every prediction is the same.</p>" in head(clone, runner)
    another(clone, **edits.WORSE)
    text = head(clone, runner)
    mains = re.findall(_INTERVAL, text)[0]
    assert f"Against production (v1.0.0): worse by {mains}" in text
    assert "ahead" not in text


def test_without_a_tag_nothing_is_said(clone: Clone, runner: ReviewRunner) -> None:
    """A version that is registered, or in staging, does not serve: no line, and no such base."""
    clone.run("gto", "register", "classifier", "HEAD", "--version", "v1.0.0")
    clone.run("gto", "assign", "classifier", "--version", "v1.0.0", "--stage", "staging")
    assert "roduction" not in head(clone, runner)
    assert "production: no such revision here" in runner.gate(clone, "--base", "production").text


def test_what_is_lost_is_said(clone: Clone, runner: ReviewRunner) -> None:
    """If the predictions of production are lost, a sentence says which, and the verdict on main stays."""
    released(clone, "v1.0.0")
    delete_output(clone, "data/predictions")
    another(clone, **edits.WORSE)
    clone.commit("Worse")
    text = head(clone, runner)
    assert text.startswith("<h2>✅ Pass: unchanged")
    assert "Against production (v1.0.0): not compared, data/predictions of production (v1.0.0): " in text
    assert "is not in the cache, and a report asks no remote.</p>" in text


def test_a_line_that_breaks_is_no_error(
    rolled_back: Clone, runner: ReviewRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect of the line is said in its place; the report is written with its verdict."""
    monkeypatch.setattr("verdict.review.report.production.compare", lambda *_: 1 / 0)
    text = head(rolled_back, runner)
    assert text.startswith("<h2>✅ Pass: unchanged")
    assert "not compared, ZeroDivisionError: division by zero; main is ahead" in text


def test_a_tag_outside_of_mains_history_is_no_release(clone: Clone, runner: ReviewRunner) -> None:
    """A tag of production on an unjudged branch is ignored: nothing is compared with it."""
    clone.run("git", "checkout", "--quiet", "-b", "change")
    clone.run("git", "commit", "--quiet", "--allow-empty", "--message", "Mine")
    released(clone, "v9.0.0")
    commit = clone.run("git", "rev-parse", "HEAD")[:10]
    text = f"Against production (v9.0.0): not compared, commit {commit}: is not in the history of main here.</p>"
    assert text in head(clone, runner)
