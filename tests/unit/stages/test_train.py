"""Tests of stages/train.py."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from safetensors.numpy import save_file

from stages import train
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
from verdict.base.files import read_json, sha256
from verdict.classifier.artifact import load_classifier, load_groups, load_manifest
from verdict.classifier.dataset.groups import group_hash
from verdict.classifier.features.sparse_io import write_matrix
from verdict.classifier.models.encoder.distributed import join_processes
from verdict.classifier.params.metric_names import BINS
from verdict.classifier.scores.predictions import metrics_document_of_predictions

MATRIX = "data/features/train.safetensors"
TABLE = "data/features/train.parquet"
LABELS = ("negative", "neutral", "positive")


def _odd_matrix() -> None:
    write_matrix(Path(MATRIX), sp.csr_matrix(np.ones((2, 3), dtype=np.float32)))


def _bare_array() -> None:
    with Path(MATRIX).open("wb") as file:
        np.save(file, np.ones(3))


def _flipped() -> None:
    content = bytearray(Path(MATRIX).read_bytes())
    content[len(content) // 2] ^= 0xFF
    Path(MATRIX).write_bytes(content)


def _diverging_bag() -> None:
    set_params("train", model="bag")()
    set_params("train.bag", learning_rate=1e30)()


def test_the_artifact_says_what_it_is_and_what_it_came_from(ran: Path) -> None:
    """The manifest names the kind, the params in use and the hashes of the tables; the curve is two points an epoch."""
    manifest = load_manifest(Path("models/classifier"))
    assert manifest.kind == "linear"
    assert "bag" not in manifest.train
    assert manifest.trained_on["train"] == sha256(Path("data/prepared/train.parquet"))
    curve = read_json(Path("plots/training.json"), "")
    assert [point["on"] for point in curve] == ["training", "validation"] * (len(curve) // 2)


def test_the_artifact_knows_the_groups_it_was_trained_on(ran: Path) -> None:
    """documents.json holds the hashes of the groups of training and validation, and no others."""
    seen = pd.concat([pd.read_parquet(f"data/prepared/{name}.parquet") for name in ("train", "validation")])
    assert set(load_groups(Path("models/classifier"))) == set(seen["group"].map(group_hash))


@pytest.mark.parametrize("kind", ["linear", "bag"])
def test_two_runs_leave_the_same_bytes(ran: Path, kind: str) -> None:
    """Training twice with the same seed leaves byte for byte the same artifact."""
    set_params("train", model=kind)()
    train.main()
    first = {path.name: sha256(path) for path in Path("models/classifier").iterdir()}
    train.main()
    assert {path.name: sha256(path) for path in Path("models/classifier").iterdir()} == first
    assert load_classifier(Path("models/classifier")).probabilities(["a lovely lamp"]).shape == (1, 3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(remove(MATRIX), [MATRIX, "no such file"], id="no-matrix"),
        pytest.param(truncate(MATRIX), [MATRIX, "not readable as a sparse matrix"], id="truncated-matrix"),
        pytest.param(write(MATRIX, ""), [MATRIX, "not readable as a sparse matrix"], id="empty-matrix"),
        pytest.param(_flipped, [MATRIX, "not readable as a sparse matrix"], id="flipped-byte"),
        pytest.param(
            lambda: save_file({"a": np.ones(2)}, MATRIX),
            [MATRIX, "not readable as a sparse matrix"],
            id="foreign-tensors",
        ),
        pytest.param(
            _bare_array,
            [MATRIX, "not readable as a sparse matrix"],
            id="bare-array",
        ),
        pytest.param(_odd_matrix, [MATRIX, "has 3 columns, expected"], id="another-shape"),
        pytest.param(truncate(TABLE), [TABLE, "not readable as parquet"], id="truncated-table"),
        pytest.param(
            set_column(TABLE, "label", "positive"),
            [TABLE, "no row is negative or neutral", "data.labels"],
            id="one-class-alone",
        ),
        pytest.param(
            drop_column(TABLE, "label"),
            [TABLE, "missing columns: label"],
            id="missing-column",
        ),
        pytest.param(drop_column(TABLE, "rating"), [TABLE, "missing columns: rating"], id="no-rating"),
        pytest.param(set_cell(TABLE, "rating", None), [TABLE, "without a value in: rating"], id="a-rating-less"),
        pytest.param(remove("data/features/dataset.json"), ["dataset.json", "no such file"], id="no-dataset"),
        pytest.param(
            set_params("train", class_weight={"mild": 2.0}),
            ["train.class_weight", "mild", "negative, neutral, positive"],
            id="class-weight-of-none",
        ),
        pytest.param(
            set_params("evaluate", headline="average_precision"),
            ["evaluate.headline: average_precision is none of weighted_f1, macro_f1, accuracy, mcc", "3 classes"],
            id="headline-of-two-classes",
        ),
        pytest.param(
            set_params("evaluate", headline="recall:neutral"),
            ["evaluate.headline", "none of"],
            id="headline-of-one-class",
        ),
        pytest.param(
            set_cell(TABLE, "label", "mixed"),
            [TABLE, "mixed"],
            id="unknown-label",
        ),
        pytest.param(
            remove("data/features/vocabulary.json"), ["vocabulary.json", "no such file"], id="missing-vocabulary"
        ),
        pytest.param(
            truncate("data/features/idf.safetensors"), ["idf.safetensors", "not readable"], id="truncated-idf"
        ),
        pytest.param(
            write("data/features/vocabulary.json", "[]"), ["vocabulary.json", "not a vocabulary"], id="foreign-json"
        ),
        pytest.param(
            write("data/features/source.json", "[]"),
            ["source.json"],
            id="foreign-source",
        ),
        pytest.param(set_params("train", model="oak"), ["train.model", "'oak'"], id="unknown-model"),
        pytest.param(set_params("train", device="cuda"), ["linear runs on cpu", "cuda"], id="linear-on-cuda"),
        pytest.param(
            set_params("train", model="bag", device="cuda:99"), ["cuda:99 is not there", "remedy"], id="no-such-gpu"
        ),
        pytest.param(
            _diverging_bag,
            ["learning_rate"],
            id="diverging-bag",
        ),
        pytest.param(
            set_params("train.linear", alpha=1e30),
            ["alpha"],
            id="diverging-linear",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")
def test_bad_input_is_refused(ran: Path, capsys: pytest.CaptureFixture[str], change: Change, words: list[str]) -> None:
    """Damaged features, absent classes and impossible settings end with exit code 1 and are named."""
    change()
    message = refusal(train.main, capsys)
    assert all(word in message for word in words), message


def test_further_seeds_are_scored_and_leave_the_artifact_alone(ran: Path) -> None:
    """With train.seeds the metrics have each seed's validation scores, mean and spread; the model is the first's."""
    before = load_classifier(Path("models/classifier")).probabilities(["a lovely lamp"])
    set_params("train", seeds=[1, 2])()
    train.main()
    scores = read_json(Path("metrics/validation.json"), "")
    values = list(scores["seeds"]["values"].values())
    assert list(scores["seeds"]["values"]) == ["1", "2", "2014"]
    assert scores["seeds"]["values"]["2014"] == scores["overall"]["weighted_f1"]
    assert scores["seeds"]["mean"] == pytest.approx(np.mean(values), abs=1e-6)
    assert scores["seeds"]["std"] == pytest.approx(np.std(values, ddof=1), abs=1e-6)
    kept = sorted(path.name for path in train.PREDICTIONS.parent.iterdir())
    assert kept == ["predictions.parquet", "seed-1.parquet", "seed-2.parquet"]
    for seed in (1, 2):
        table = pd.read_parquet(train.PREDICTIONS.with_name(f"seed-{seed}.parquet"))
        found = metrics_document_of_predictions(table, LABELS, BINS, train.PREDICTIONS)["overall"]["weighted_f1"]
        assert found == scores["seeds"]["values"][str(seed)]
    assert (load_classifier(Path("models/classifier")).probabilities(["a lovely lamp"]) == before).all()


def test_validation_is_scored_by_a_model_that_was_not_trained_on_it(ran: Path) -> None:
    """Predictions and scores on validation are the same whether the model of the artifact was refitted or not."""
    names = [Path("data/validation/predictions.parquet"), Path("metrics/validation.json")]
    before = [sha256(name) for name in names]
    artifact = sha256(Path("models/classifier/weights.safetensors"))
    set_params("train", refit=False)()
    train.main()
    assert [sha256(name) for name in names] == before
    assert sha256(Path("models/classifier/weights.safetensors")) != artifact


def test_the_cost_is_noted_in_an_experiment_alone(ran: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """metrics/cost.json is written where DVC names an experiment, with time, device and speed, and nowhere else."""
    monkeypatch.delenv("DVC_EXP_NAME", raising=False)
    train.main()
    assert not Path("metrics/cost.json").exists()
    monkeypatch.setenv("DVC_EXP_NAME", "quick-one")
    train.main()
    cost = read_json(Path("metrics/cost.json"), "")
    assert cost["experiment"] == "quick-one"
    assert cost["seconds"] > 0
    assert cost["rows_per_second"] > 0
    assert cost["device"] == load_manifest(Path("models/classifier")).hardware_class


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param({"RANK": "1"}, id="rank"),
        pytest.param({"WORLD_SIZE": "2"}, id="size-without-rank"),
        pytest.param({"RANK": "abc", "LOCAL_RANK": "", "WORLD_SIZE": "many"}, id="no-numbers"),
        pytest.param({"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}, id="launcher"),
    ],
)
def test_variables_of_another_launcher_do_not_silence_it(
    ran: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variables: dict[str, str]
) -> None:
    """RANK and its like, set by a shell or a scheduler but not by torchrun: it trains, writes, and names them."""
    for path in ("models/classifier/manifest.json", "metrics/validation.json"):
        Path(path).unlink()
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    train.main()
    assert load_manifest(Path("models/classifier")).kind == "linear"
    assert Path("metrics/validation.json").exists()
    told = capsys.readouterr()
    assert "train: linear" in told.out
    assert "not set by torchrun, and not heeded" in told.err
    assert all(name in told.err for name in variables if name != "MASTER_ADDR")
    with join_processes("cpu") as world:
        assert (world.rank, world.size) == (0, 1)


def test_several_processes_of_torchrun_are_refused_for_one(ran: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several processes of torchrun are refused for a kind that trains in one: they would overwrite files."""
    for name, value in {"TORCHELASTIC_RUN_ID": "1", "RANK": "1", "WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(VerdictError, match="torchrun started 2 processes"):
        train.main()


@pytest.mark.parametrize("kind", ["linear", "bag"])
def test_two_classes_without_a_rating_are_learnt(mailed: Path, kind: str) -> None:
    """A table of texts and two labels gives an artifact that separates them, and scores of its headline."""
    set_params("train", model=kind)()
    set_params("train.bag", epochs=20, learning_rate=0.03)()
    train.main()
    scores = read_json(Path("metrics/validation.json"), "")
    assert scores["seeds"]["values"] == {"2014": scores["overall"]["average_precision"]}
    assert scores["overall"]["average_precision"] > 0.9
    assert "slices" not in scores
    manifest = load_manifest(Path("models/classifier"))
    assert manifest.labels == ("ham", "spam")
    assert manifest.text.columns == ("subject", "body")


@pytest.mark.parametrize("table", ["ran", "mailed"], ids=["rated", "unrated"])
def test_the_weights_of_rows_reach_the_training(request: pytest.FixtureRequest, table: str) -> None:
    """A column `weight` beside the features changes the model, and one of equal weights does not."""
    request.getfixturevalue(table)
    artifacts = []
    for weight in (None, 1.0, np.linspace(0.01, 2, len(pd.read_parquet(TABLE)))):
        for name in ("train", "validation"):
            path = f"data/features/{name}.parquet"
            rows = pd.read_parquet(path)
            values = weight[: len(rows)] if isinstance(weight, np.ndarray) else weight
            (rows if values is None else rows.assign(weight=values)).to_parquet(path)
        train.main()
        artifacts.append(sha256(Path("models/classifier/weights.safetensors")))
    assert artifacts[0] == artifacts[1]
    assert artifacts[1] != artifacts[2]
