"""Tests of stages/evaluate.py."""

from pathlib import Path

import pandas as pd
import pytest

from stages import evaluate
from tests.unit.stages.runs import (
    Change,
    drop_column,
    refusal,
    remove,
    set_cell,
    set_column,
    set_params,
    truncate,
    write,
)
from verdict.base.errors import VerdictError
from verdict.base.files import read_json, sha256, write_json
from verdict.classifier.dataset.groups import group_hash
from verdict.classifier.params.metric_names import metrics_of

MODEL = Path("models/classifier")
TEST = "data/prepared/test.parquet"
PRODUCTS = (
    "metrics/evaluation.json",
    "plots/confusion.json",
    "plots/reliability.json",
    "plots/precision_recall.json",
    "plots/mistakes.json",
    "plots/scores.png",
    "data/predictions/test.parquet",
)


def _rehashed(name: str) -> None:
    """Put the changed file's hash into the manifest, as an attacker would."""
    manifest = read_json(MODEL / "manifest.json", "")
    manifest["files"][name] = sha256(MODEL / name)
    write_json(MODEL / "manifest.json", manifest)


def _trained_on_the_test_split() -> None:
    groups = pd.read_parquet(TEST)["group"]
    write_json(MODEL / "documents.json", [group_hash(group) for group in groups])
    _rehashed("documents.json")


def _other_labels() -> None:
    manifest = read_json(MODEL / "manifest.json", "")
    write_json(MODEL / "manifest.json", {**manifest, "labels": ["bad", "even", "good"]})


def test_the_five_stages_leave_scores_of_all_slices_and_classes(ran: Path) -> None:
    """Five stages on a small table end with scores of every slice and class, which learn what can be learnt."""
    metrics = read_json(Path("metrics/evaluation.json"), "")
    overall = metrics["overall"]
    assert set(metrics) == {"overall", "slices"}
    assert set(metrics["slices"]) == {"tweets", "movies", "products", "news"}
    assert sum(figures["n"] for figures in metrics["slices"].values()) == overall["n"]
    assert set(overall) == {*metrics_of(3, rated=True), "n", "classes"}
    assert all(set(figures) == {*metrics_of(3, rated=True), "n"} for figures in metrics["slices"].values())
    assert set(overall["classes"]) == {"negative", "neutral", "positive"}
    assert sum(figures["support"] for figures in overall["classes"].values()) == overall["n"]
    assert overall["weighted_f1"] > 0.9


def test_a_table_of_texts_and_two_labels_suffices(mailed: Path) -> None:
    """Without rating, slice, group and weight the stages leave scores of the whole and of both classes, no more."""
    metrics = read_json(Path("metrics/evaluation.json"), "")
    assert set(metrics) == {"overall"}
    assert set(metrics["overall"]) == {*metrics_of(2, rated=False), "n", "classes"}
    assert list(metrics["overall"]["classes"]) == ["ham", "spam"]
    assert metrics["overall"]["average_precision"] > 0.95
    predictions = pd.read_parquet("data/predictions/test.parquet")
    assert list(predictions) == ["id", "group", "label", "ham", "spam"]
    assert {row["slice"] for row in read_json(Path("plots/confusion.json"), "")} == {"overall"}
    assert all(Path(name).exists() for name in PRODUCTS)


def test_every_test_row_is_predicted_once(ran: Path) -> None:
    """The predictions hold the truth of the test split in order, without the text, and probabilities that sum to 1."""
    predictions, test = pd.read_parquet("data/predictions/test.parquet"), pd.read_parquet(TEST)
    labels = ["negative", "neutral", "positive"]
    truth = ["id", "group", "slice", "label", "rating"]
    assert list(predictions) == [*truth, *labels]
    assert predictions[truth].equals(test[truth])
    assert (predictions[labels].sum(axis=1) - 1).abs().max() < 1e-9


def test_the_same_artifact_gives_the_same_files(ran: Path) -> None:
    """Two evaluations leave byte for byte the same metrics, plots and predictions."""
    before = {name: sha256(Path(name)) for name in PRODUCTS}
    for name in PRODUCTS:
        Path(name).unlink()
    evaluate.main()
    assert {name: sha256(Path(name)) for name in PRODUCTS} == before


def test_no_product_but_the_tables_holds_a_text(ran: Path) -> None:
    """The files that go into git hold no text of the test split."""
    written = "".join(Path(name).read_text(encoding="utf-8") for name in PRODUCTS if name.endswith(".json"))
    assert not [text for text in pd.read_parquet(TEST)["text"] if text in written]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(_trained_on_the_test_split, ["models/classifier", "groups of the test split"], id="leaked"),
        pytest.param(_other_labels, [TEST, "there is bad, even, good"], id="other-labels"),
        pytest.param(drop_column(TEST, "label"), [TEST, "missing columns: label"], id="missing-label"),
        pytest.param(drop_column(TEST, "group"), [TEST, "missing columns: group"], id="missing-group"),
        pytest.param(set_column(TEST, "rating", None), [TEST, "without a value in: rating"], id="no-ratings"),
        pytest.param(
            set_params("evaluate", headline="roc_auc"), ["evaluate.headline: roc_auc is none of"], id="headline"
        ),
        pytest.param(
            set_params("evaluate", headline="log_loss"), ["evaluate.headline: log_loss is none of"], id="a-loss"
        ),
        pytest.param(
            write("data/published.csv", "a,b"), ["data/published.csv", "has the columns a, b"], id="published"
        ),
        pytest.param(drop_column(TEST, "text"), [TEST, "missing columns: text"], id="missing-column"),
        pytest.param(truncate(TEST), [TEST, "not readable as parquet"], id="truncated-table"),
        pytest.param(remove(TEST), [TEST, "no such file"], id="missing-table"),
        pytest.param(
            remove("models/classifier/weights.safetensors"),
            ["weights.safetensors", "missing from the artifact"],
            id="missing-weights",
        ),
        pytest.param(
            write("models/classifier/documents.json", "[]"), ["documents.json", "damaged or exchanged"], id="exchanged"
        ),
        pytest.param(
            set_cell(TEST, "label", "mixed"),
            [TEST, "mixed"],
            id="unknown-label",
        ),
        pytest.param(
            set_cell(TEST, "text", None),
            [TEST, "text"],
            id="null-text",
        ),
    ],
)
def test_bad_input_is_refused(ran: Path, capsys: pytest.CaptureFixture[str], change: Change, words: list[str]) -> None:
    """A damaged or leaking artifact, or a damaged table, ends with exit code 1 and is named."""
    change()
    message = refusal(evaluate.main, capsys)
    assert all(word in message for word in words), message


def test_nothing_is_written_of_an_artifact_that_lacks_a_class(ran: Path) -> None:
    """An artifact that cannot be scored leaves no predictions that look like those of a finished run."""
    Path("data/predictions/test.parquet").unlink()
    _other_labels()
    with pytest.raises(VerdictError, match="unknown label"):
        evaluate.main()
    assert not Path("data/predictions/test.parquet").exists()
