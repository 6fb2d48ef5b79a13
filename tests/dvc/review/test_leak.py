"""A gain on test that validation does not show: measured on predictions, and asked at the gate."""

import numpy as np
import pandas as pd
import pytest

from stages import evaluate
from tests.documents import load, save
from tests.dvc.pipeline.clone import Clone
from tests.dvc.review import edits
from tests.dvc.review.edits import LABELS, PREDICTED, ReviewRunner, TableEdit
from tests.dvc.review.tampering import relock
from tests.unit.review.predictions import LABELS as CLASSES
from tests.unit.review.predictions import predicted, truth
from verdict.classifier.params.metric_names import OVERALL
from verdict.review.rules import leak
from verdict.review.rules.leak import Excess
from verdict.review.settings import ComparisonSettings

clone, runner = edits.clone, edits.runner
PREDICTIONS = "data/validation/predictions.parquet"
SETTINGS = ComparisonSettings(0.95, 1000, 1, 15, "weighted_f1")
SLICES = {"mails": 400, "films": 600, "shops": 50, "news": 90}
Sides = tuple[pd.DataFrame, pd.DataFrame]


def model(table: pd.DataFrame, noise: float, seed: int) -> pd.DataFrame:
    """Predictions of a model."""
    return predicted(table, np.random.default_rng(seed), noise)


@pytest.fixture(scope="module")
def splits() -> Sides:
    """Made-up test and validation rows."""
    test, validation = (truth(np.random.default_rng(seed), SLICES) for seed in (1, 2))
    return test, validation


def known(table: pd.DataFrame, predictions: pd.DataFrame, share: float, name: str | None = None) -> pd.DataFrame:
    """The predictions of a model that knows a share of the labels by heart, of all slices or of one."""
    chosen = np.random.default_rng(7).random(len(table)) < share
    chosen &= (table["slice"] == name).to_numpy() | (name is None)
    sure = np.stack([(table["label"] == label).to_numpy(dtype=float) for label in CLASSES], axis=1)
    values = np.where(chosen[:, None], sure, predictions[list(CLASSES)].to_numpy())
    return predictions.assign(**dict(zip(CLASSES, values.T, strict=True)))


def excesses(test: Sides, validation: Sides) -> list[Excess]:
    """Those of two models of the made-up classes."""
    return leak.excesses(test, validation, CLASSES, SETTINGS)


def failed(test: Sides, validation: Sides) -> set[str]:
    """The groups with a measurable excess."""
    return {one.group for one in excesses(test, validation) if one.measurable}


def test_another_model_is_no_leak(splits: Sides) -> None:
    """Better on both, worse on both, or as good with other mistakes: the gains differ by chance alone."""
    for noise in (0.6, 1.0, 1.6):
        sides = [(model(table, 1.0, 3), model(table, noise, 4)) for table in splits]
        assert failed(sides[0], sides[1]) == set()


def test_a_smaller_gain_on_test_is_called_less() -> None:
    """A negative difference is reported without its sign."""
    text = Excess(OVERALL, 0.01, 0.03, 0.05).text
    assert text == "overall: +0.0100 on test, +0.0300 on validation, 0.0200 less (chance explains 0.0500)"


def test_test_labels_learnt_by_heart_are_one(splits: Sides) -> None:
    """A third of the test labels known, and no better on validation: overall, and in one slice alone."""
    test, validation = ((model(table, 1.0, 3), model(table, 1.0, 4)) for table in splits)
    leaked = known(splits[0], test[1], 0.33)
    assert OVERALL in failed((test[0], leaked), validation)
    leaked = known(splits[0], test[1], 1.0, "news")
    assert "news" in failed((test[0], leaked), validation)


def test_only_rows_that_both_sides_have_alike_count(splits: Sides) -> None:
    """Rows that were added, or have another label, neither hide an excess nor make one."""
    test, validation = ((model(table, 1.0, 3), model(table, 1.0, 4)) for table in splits)
    expected = excesses(test, validation)
    more = known(splits[1], validation[1], 1.0).assign(id=lambda table: table["id"] + "-x")
    assert excesses(test, (validation[0], pd.concat([validation[1], more]))) == expected
    turned = validation[1].assign(label="middle", rating=0.0)
    assert excesses(test, (validation[0], turned)) == []


def half_wrong(table: pd.DataFrame) -> pd.DataFrame:
    """Predictions of which every second is wrong."""
    wrong = table[list(LABELS)].to_numpy().copy()
    wrong[::2] = np.roll((table["label"].to_numpy()[:, None] == np.array(LABELS)).astype(float), 1, axis=1)[::2]
    return table.assign(**dict(zip(LABELS, wrong.T, strict=True)))


def test_without_slices_all_rows_are_asked_alone(splits: Sides) -> None:
    """Without slices the excess is measured overall; so it is if only one side has slices."""
    test, validation = ((model(table, 1.0, 3), model(table, 1.0, 4)) for table in splits)
    leaked = known(splits[0], test[1], 0.33)
    bare = [[side.drop(columns="slice") for side in sides] for sides in ((test[0], leaked), validation)]
    assert failed((bare[0][0], bare[0][1]), (bare[1][0], bare[1][1])) == {OVERALL}
    assert failed((bare[0][0], leaked), (bare[1][0], validation[1])) == {OVERALL}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda table: table.drop(columns="neutral"), "missing columns: neutral"),
        (lambda table: table.iloc[1:], "not predictions for the rows of data/prepared/validation.parquet"),
        (lambda table: table.assign(neutral=np.nan), "a probability that is not a finite number"),
    ],
)
def test_predictions_on_validation_that_are_none_fail(
    clone: Clone, runner: ReviewRunner, change: TableEdit, found: str
) -> None:
    """If main has them and the change's cannot be read, `leak` and `figures` fail and say why."""
    edits.retrain(clone, **{"linear.alpha": 1e-4})
    edits.edit_table(clone, PREDICTIONS, change)
    relock(clone)
    outcome = runner.gate(clone)
    assert {"leak", "figures"} <= set(outcome.failed), outcome.text
    assert found in outcome.text


def test_a_change_without_them_fails_where_main_has_them(clone: Clone, runner: ReviewRunner) -> None:
    """A dvc.yaml that does not keep the predictions on validation any more does not get round the rule."""
    edits.retrain(clone, **{"linear.alpha": 1e-4})
    document = clone.dag()
    document["stages"]["train"]["outs"].remove("data/validation")
    save(clone.path / "dvc.yaml", document)
    lock = load(clone.lock())
    lock["stages"]["train"]["outs"] = [
        out for out in lock["stages"]["train"]["outs"] if "validation" not in out["path"]
    ]
    save(clone.path / "dvc.lock", lock)
    relock(clone)
    outcome = runner.gate(clone)
    assert "leak" in outcome.failed, outcome.text
    assert "dvc.lock has no such output" in outcome.text


def test_the_gate_compares_the_gains(clone: Clone, runner: ReviewRunner) -> None:
    """A main that is poor on test alone: a change that mends it gains there, and not on validation."""
    edits.edit_table(clone, PREDICTED, half_wrong)
    edits.rescore(clone)
    relock(clone)
    clone.commit("Poor on test")
    edits.run_stage(clone, evaluate)
    relock(clone)
    outcome = runner.gate(clone)
    assert outcome.failed == ["leak"], outcome.text
    assert "0.0000 on validation" in outcome.text
