"""Tests of stages/evaluate.py."""

from pathlib import Path

import pandas as pd
import pytest

from stages import evaluate
from tests.unit.stages.runs import Change, drop_column, refusal, remove, set_cell, truncate, write
from verdict.base.files import read_json, sha256, write_json
from verdict.classifier.artifact import document_hash
from verdict.classifier.dataset.splits import LABELS

MODEL = Path("models/classifier")
TEST = "data/prepared/test.parquet"
PRODUCTS = (
    "metrics/evaluation.json",
    "plots/confusion.json",
    "plots/reliability.json",
    "plots/precision_recall.json",
    "plots/mistakes.json",
    "plots/domains.png",
    "data/predictions/test.parquet",
)


def _rehashed(name: str) -> None:
    """Put the changed file's hash into the manifest, as somebody who meant it would."""
    manifest = read_json(MODEL / "manifest.json", "")
    manifest["files"][name] = sha256(MODEL / name)
    write_json(MODEL / "manifest.json", manifest)


def _trained_on_the_test_split() -> None:
    documents = pd.read_parquet(TEST)["document"]
    write_json(MODEL / "documents.json", [document_hash(document) for document in documents])
    _rehashed("documents.json")


def _without_news() -> None:
    table = pd.read_parquet(TEST)
    table[table["domain"] != "news"].to_parquet(TEST)


def _reads_the_label() -> None:
    manifest = read_json(MODEL / "manifest.json", "")
    manifest["text"]["columns"] = ["text", "label"]
    write_json(MODEL / "manifest.json", manifest)


def _other_labels() -> None:
    manifest = read_json(MODEL / "manifest.json", "")
    write_json(MODEL / "manifest.json", {**manifest, "labels": ["bad", "even", "good"]})


def test_the_five_stages_leave_scores_of_all_domains(ran: Path) -> None:
    """Five stages on a small corpus end with scores of every domain, which learn what can be learnt."""
    metrics = read_json(Path("metrics/evaluation.json"), "")
    assert set(metrics["domains"]) == {"tweets", "movies", "products", "news"}
    assert sum(figures["n"] for figures in metrics["domains"].values()) == metrics["overall"]["n"]
    assert metrics["overall"]["weighted_f1"] > 0.9


def test_every_test_sentence_is_predicted_once(ran: Path) -> None:
    """The predictions hold the ids of the test split in order, without the text, and probabilities that sum to 1."""
    predictions = pd.read_parquet("data/predictions/test.parquet")
    assert list(predictions["id"]) == list(pd.read_parquet(TEST)["id"])
    assert "text" not in predictions.columns
    assert (predictions[list(LABELS)].sum(axis=1) - 1).abs().max() < 1e-9


def test_the_same_artifact_gives_the_same_files(ran: Path) -> None:
    """Two evaluations leave byte for byte the same metrics, plots and predictions."""
    before = {name: sha256(Path(name)) for name in PRODUCTS}
    for name in PRODUCTS:
        Path(name).unlink()
    evaluate.main()
    assert {name: sha256(Path(name)) for name in PRODUCTS} == before


def test_no_product_but_the_tables_holds_a_sentence(ran: Path) -> None:
    """The files that go into git hold no sentence of the test split."""
    written = "".join(Path(name).read_text(encoding="utf-8") for name in PRODUCTS if name.endswith(".json"))
    assert not [text for text in pd.read_parquet(TEST)["text"] if text in written]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(_trained_on_the_test_split, ["models/classifier", "documents of the test split"], id="leaked"),
        pytest.param(_other_labels, ["models/classifier", "'even'"], id="other-labels"),
        pytest.param(_reads_the_label, ["models/classifier", "there is no label"], id="reads-the-label"),
        pytest.param(_without_news, [TEST, "domain has no sentence"], id="empty-domain"),
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
