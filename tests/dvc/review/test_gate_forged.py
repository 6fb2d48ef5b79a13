"""Results without a computation: made-up metrics, hashes, predictions and whole locks."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest

from stages import train
from tests.documents import load, save
from tests.dvc.pipeline.clone import Clone
from tests.dvc.review import edits
from tests.dvc.review.edits import EVALUATION, PREDICTED, ReviewRunner, edit_json, edit_table, retrain, run_stage
from tests.dvc.review.tampering import cache_path, locked_hash, relock
from verdict.repo.revisions import Revision, Store
from verdict.review.reported_metrics import mismatches, reported

clone, runner = edits.clone, edits.runner


def better(content: dict[str, Any]) -> None:
    """A figure as one would like to have it."""
    content["overall"]["weighted_f1"] = 0.991


def edit_lock(clone: Clone, old: str, new: str, times: int = -1) -> None:
    """Replace a hash in dvc.lock."""
    text = clone.lock().decode()
    assert old in text
    (clone.path / "dvc.lock").write_text(text.replace(old, new, times), encoding="utf-8")


def test_a_figure_edited_by_hand_fails(clone: Clone) -> None:
    """On the command line: exit code 1, by the lock, which has another hash, and by the figures, recomputed."""
    edit_json(clone, EVALUATION, better)
    process = clone.try_run("python", "-I", "-m", "verdict", "gate")
    outcome = edits.Outcome(process.returncode, process.stdout)
    assert (outcome.code, outcome.failed) == (1, ["lock", "figures"]), outcome.text
    assert f"evaluate: {EVALUATION}" in outcome.text
    assert "overall.weighted_f1: 0.991, by the predictions 0." in outcome.text


@pytest.mark.parametrize("approvals", [[], ["--approve=policy", "--approve=split", "--approve=data"]])
def test_an_edited_figure_fails_with_its_hash_in_the_lock_too(
    clone: Clone, runner: ReviewRunner, approvals: list[str]
) -> None:
    """With dvc.lock made to match, the lock is consistent and the rule `figures` fails; no approval helps."""
    edit_json(clone, EVALUATION, better)
    relock(clone)
    outcome = runner.gate(clone, *approvals)
    assert (outcome.code, outcome.failed) == (1, ["figures"]), outcome.text
    assert "overall.weighted_f1: 0.991" in outcome.text


def another_metric(content: dict[str, Any]) -> None:
    """Add a metric that no code computes."""
    content["slices"]["news"]["f2"] = 0.99


def a_twin(content: dict[str, Any]) -> None:
    """A true figure once more, at another place."""
    content["news"] = dict(content["slices"]["news"])


def a_run(content: dict[str, Any]) -> None:
    """Add values of runs that never ran."""
    content["overall"]["runs"] = [0.98, 0.99]


@pytest.mark.parametrize("path", [EVALUATION, "metrics/validation.json"])
@pytest.mark.parametrize("change", [another_metric, a_twin, a_run, better])
def test_figures_that_nobody_computes_fail(
    clone: Clone, runner: ReviewRunner, path: str, change: Callable[[dict[str, Any]], None]
) -> None:
    """More figures in either metrics file than the predictions give, or others, with a lock to match, do not pass."""
    edit_json(clone, path, change)
    relock(clone)
    outcome = runner.gate(clone)
    # DVC shows a list as something that is no number, and so there is nothing to judge.
    assert (outcome.code, outcome.failed) == (1, ["figures"]) or "not a finite number" in outcome.reason, outcome.text


def test_a_new_metric_passes_once_a_person_approves_it(clone: Clone, runner: ReviewRunner) -> None:
    """Main's code cannot compute the metric of a change: with the approval `policy` it passes, and is named."""
    for path in (EVALUATION, "metrics/validation.json"):
        edit_json(clone, path, another_metric)
    relock(clone)
    assert runner.gate(clone).failed == ["figures"]
    outcome = runner.gate(clone, "--approve", "policy")
    assert outcome.code == 0, outcome.text
    assert "not checked, since main does not compute it: f2" in outcome.text
    edit_json(clone, "metrics/validation.json", lambda content: content["slices"]["news"].update(f2="0.99"))
    relock(clone)
    assert runner.gate(clone, "--approve", "policy").failed == ["figures"], "a text is no figure"
    edit_json(clone, "metrics/validation.json", another_metric)
    edit_json(clone, EVALUATION, a_twin)
    relock(clone)
    outcome = runner.gate(clone, "--approve", "policy")
    assert outcome.failed == ["figures"], "a known metric at another place is no new one"


@pytest.mark.parametrize("order", [1, -1])
def test_a_figure_under_two_names_is_not_hidden_by_the_true_one(order: int) -> None:
    """`overall` and `slices.overall` are not the same figure: a made-up one of them is found whichever comes last."""
    expected = {"overall": {"accuracy": 1.0}, "slices": {"news": {"accuracy": 1.0}}}
    truth = {"overall.accuracy": {"new": 1.0}, "slices.news.accuracy": {"new": 1.0}}
    twice = {**truth, "slices.overall.accuracy": {"new": 0.2}}
    diff = {"diff": {EVALUATION: dict(list(twice.items())[::order])}}
    store = cast("Store", SimpleNamespace(repo=SimpleNamespace(metrics=SimpleNamespace(diff=lambda **_: diff))))
    revision = Revision(Path(), "HEAD", "0" * 40)
    found = mismatches(reported(store, revision, revision)[1], expected, revision)
    assert found == ["slices.overall.accuracy: nobody computes it"]


def test_a_new_metric_is_computed_before_it_is_written(clone: Clone, runner: ReviewRunner) -> None:
    """A change may add a metric that main lacks or not; once main has it, it must stay."""
    paths = [clone.path / name for name in ("metrics/evaluation.json", "metrics/validation.json")]
    full = [path.read_text(encoding="utf-8") for path in paths]

    def without(document: dict[str, Any]) -> None:
        for group in (document["overall"], *document["slices"].values()):
            del group["mcc"]

    for path in paths:
        edit_json(clone, str(path.relative_to(clone.path)), without)
    relock(clone)
    assert runner.gate(clone).code == 2, "main tells it"
    clone.commit("A main whose review has learnt a metric")
    assert runner.gate(clone).code == 0
    for path, text in zip(paths, full, strict=True):
        path.write_text(text, encoding="utf-8")
    relock(clone)
    assert runner.gate(clone).code == 0


def test_honest_figures_of_a_model_that_always_says_the_same_are_believed(clone: Clone, runner: ReviewRunner) -> None:
    """Probabilities that hardly differ between rows are summed up alike by the stage and by the review."""
    retrain(clone, **edits.WORSE)
    relock(clone)
    outcome = runner.gate(clone)
    assert outcome.code == 1, outcome.text
    assert "figures" not in outcome.failed


def test_an_edited_hash_of_the_artifact_is_caught(clone: Clone, runner: ReviewRunner) -> None:
    """If only the entry of `train` is edited, the lock contradicts itself, and there is no such artifact."""
    edit_lock(clone, locked_hash(clone, "models/classifier"), "0" * 32 + ".dir", 1)
    outcome = runner.gate(clone)
    assert outcome.code == 2, outcome.text
    assert outcome.failed == ["lock"]
    assert "train: models/classifier" in outcome.text
    assert "Cannot judge: models/classifier of the working tree" in outcome.text


@pytest.mark.parametrize("hash_", ["../../../../../tmp/x", "~", "[]"])
def test_a_hash_that_is_none_is_no_path(clone: Clone, runner: ReviewRunner, hash_: str) -> None:
    """A value in place of a hash does not lead out of the cache: it is named, with exit code 2."""
    edit_lock(clone, locked_hash(clone, "models/classifier"), hash_)
    outcome = runner.gate(clone)
    assert outcome.code == 2, outcome.text
    assert "is not a hash" in outcome.text


def test_predictions_of_another_model_cannot_be_judged(clone: Clone, runner: ReviewRunner) -> None:
    """A new artifact beside main's predictions, with a lock to match: exit code 2, and what is wrong with them."""
    run_stage(clone, train, **edits.WORSE)
    relock(clone)
    assert clone.changes() != ""
    outcome = runner.gate(clone)
    assert outcome.code == 2, outcome.text
    assert outcome.failed == []
    assert "data/predictions/test.parquet of the working tree: not what the artifact says: " in outcome.text
    assert " of 102 rows differ" in outcome.text


def test_one_mended_prediction_cannot_be_judged(clone: Clone, runner: ReviewRunner) -> None:
    """A single row set right by hand, figures and lock to match, is found and named."""
    table = pd.read_parquet(clone.path / PREDICTED)
    row = int((~table["id"].isin(edits.correct_ids(clone))).to_numpy().argmax())
    sure = {label: float(label == table["label"][row]) for label in edits.LABELS}
    edit_table(
        clone, PREDICTED, lambda old: old.assign(**{k: old[k].where(old.index != row, v) for k, v in sure.items()})
    )
    edits.rescore(clone)
    relock(clone)
    outcome = runner.gate(clone)
    assert outcome.code == 2, outcome.text
    assert f"1 of 102 rows differ, most in row {row} ({table['id'][row]})" in outcome.text


SHAPES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "fewer rows": lambda table: table.iloc[:-1],
    "another order": lambda table: table.iloc[::-1],
    "other labels": lambda table: table.assign(label="positive"),
    "a row twice": lambda table: pd.concat([table, table.iloc[:1]]),
    "no row": lambda table: table.iloc[:0],
    "no such column": lambda table: table.drop(columns="neutral"),
}


@pytest.mark.parametrize("name", SHAPES)
def test_predictions_for_other_rows_cannot_be_judged(clone: Clone, runner: ReviewRunner, name: str) -> None:
    """Predictions that are not for the test rows, row for row, are exit code 2; file and revision are named."""
    edit_table(clone, PREDICTED, SHAPES[name])
    relock(clone)
    outcome = runner.gate(clone)
    assert outcome.code == 2, outcome.text
    assert "data/predictions/test.parquet of the working tree" in outcome.reason


@pytest.mark.slow
def test_an_invented_lock_is_found_by_its_missing_run_and_by_a_reproduction(clone: Clone, runner: ReviewRunner) -> None:
    """A model trained without DVC, with matching lock and cache, is found only by `--ran` and by a repro."""
    retrain(clone, **{"linear.alpha": 0.001, "seed": 5})
    relock(clone)
    invented = clone.lock()
    consistent, found = runner.run(clone, "lock"), runner.run(clone, "lock", "--ran")
    assert (consistent.code, found.code) == (0, 1)
    assert "is consistent" in consistent.text
    named = [line.partition(":")[0] for line in found.text.splitlines() if "never came out" in line]
    assert named == ["train", "evaluate", "reference"]
    clone.run("dvc", "repro", "--force", "--quiet", "--downstream", "train")
    assert clone.lock() != invented
    assert clone.changes() == ""  # what main's code and params give is main


def test_a_policy_that_asks_for_runs_refuses_an_invented_lock(clone: Clone, runner: ReviewRunner) -> None:
    """With `lock: ran` on main, such a lock fails by the rule `lock`; with runs of main alone, it passes."""
    edits.set_params(clone, "gate", lock="ran")
    clone.commit("A stricter gate")
    assert runner.gate(clone).failed == []
    retrain(clone, **{"linear.alpha": 0.001})
    relock(clone)
    outcome = runner.gate(clone)
    assert outcome.code == 1, outcome.text
    assert "lock" in outcome.failed
    assert "never came out of a run" in outcome.text


def test_foreign_text_makes_no_line_of_its_own_in_the_terminal(clone: Clone, runner: ReviewRunner) -> None:
    """An id that holds a line break and a verdict, quoted in the reason, does not look like the verdict."""
    hostile = "x\nPass: unchanged, every prediction is main's\n::add-mask::x\n\x1b[1A"
    edits.edit_test_and_predictions(clone, lambda table: table.assign(id=[hostile] * 2 + list(table["id"][2:])))
    relock(clone)
    outcome = runner.gate(clone)
    assert outcome.code == 2, outcome.text
    assert "stands twice" in outcome.text
    assert not [line for line in outcome.text.splitlines() if line.startswith(("Pass:", "::", "\x1b"))]


def test_an_object_with_other_bytes_than_its_name_says_is_refused(clone: Clone, runner: ReviewRunner) -> None:
    """An object of the cache exchanged for another is exit code 2, and its hash is named."""
    listing = json.loads(cache_path(clone, locked_hash(clone, "data/predictions")).read_text(encoding="utf-8"))
    target = cache_path(clone, listing[0]["md5"])
    run_stage(clone, train, **edits.WORSE)
    target.chmod(0o644)
    shutil.copyfile(clone.path / "data/prepared/test.parquet", target)
    outcome = runner.gate(clone)
    assert outcome.code == 2, outcome.text
    assert f"the cache's copy of {listing[0]['md5'][:8]} has other bytes" in outcome.text


def test_a_lock_that_cannot_be_read_is_no_pass(clone: Clone, runner: ReviewRunner) -> None:
    """A dvc.lock whose outputs are not a list of outputs is exit code 2, by its name."""
    document = load(clone.lock())
    document["stages"]["train"]["outs"] = {"models/classifier": "yes"}
    save(clone.path / "dvc.lock", document)
    outcome = runner.gate(clone)
    assert outcome.code == 2, outcome.text
    assert "dvc.lock" in outcome.text
