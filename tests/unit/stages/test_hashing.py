"""Tests of all stages with featurize.method: hashing."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from stages import evaluate, featurize, train
from tests.corpus import mails, write_csv
from tests.shared import once
from tests.unit.stages.runs import MAILS, STAGES, copied, mail_params, refusal, run, set_params
from verdict.base import files
from verdict.base.files import read_json, read_table, sha256
from verdict.classifier.artifact import load_classifier
from verdict.classifier.features import hashing, shards

MODEL, TEST = Path("models/classifier"), Path("data/predictions/test.parquet")


def build_hashed(folder: Path) -> Path:
    """Run all stages with hashes in a new folder."""
    document = mail_params()
    document["featurize"].update(method="hashing", hashing={"features": 2**14})
    write_csv(folder / MAILS, mails())
    return run(folder, document, "linear", STAGES)


@pytest.fixture
def hashed(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which all stages have run with hashes, in piles and shards of few rows; it is the current folder."""
    monkeypatch.setattr(shards, "_PILE", 100)
    monkeypatch.setattr(hashing, "ROWS", 30)
    folder = copied(once(tmp_path_factory.getbasetemp(), "hashed", build_hashed), tmp_path / "hashed")
    monkeypatch.chdir(folder)
    return folder


def test_all_stages_run_with_hashes(hashed: Path) -> None:
    """The artifact scores well, and says of the test texts what the predictions hold, given one way or another."""
    assert read_json(Path("metrics/evaluation.json"), "")["overall"]["accuracy"] > 0.8
    prepared, predictions = read_table(Path("data/prepared/test.parquet"), ""), read_table(TEST, "")
    found = load_classifier(MODEL).probabilities(prepared["text"])
    assert np.array_equal(predictions[["ham", "spam"]].to_numpy(), found)
    assert list(predictions["id"]) == list(prepared["id"])


def test_nothing_that_is_written_holds_a_vocabulary(hashed: Path) -> None:
    """Neither features nor artifact name terms, and no pile is left."""
    names = {path.name for folder in (Path("data/features"), MODEL) for path in folder.iterdir()}
    assert "vocabulary.json" not in names
    assert not [name for name in names if "pile" in name or "partial" in name]
    assert len([name for name in names if name.startswith("train-")]) > 3


def test_the_same_params_give_the_same_bytes(hashed: Path) -> None:
    """Features and artifact come out the same a second time."""
    places = [Path("data/features"), MODEL]
    before = {path: sha256(path) for place in places for path in place.iterdir()}
    featurize.main()
    train.main()
    assert {path: sha256(path) for place in places for path in place.iterdir()} == before


def test_a_table_in_many_parts_is_scored_as_one_is(hashed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluate writes the same predictions, in the same order, and the same scores by a few rows at a time."""
    before, scores = read_table(TEST, ""), Path("metrics/evaluation.json").read_bytes()
    monkeypatch.setattr(files.read_arrow_parts, "__defaults__", (None, 7))
    evaluate.main()
    assert read_table(TEST, "").equals(before)
    assert Path("metrics/evaluation.json").read_bytes() == scores


def test_an_artifact_that_learnt_from_a_tested_group_is_refused(
    hashed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """documents.safetensors has the groups of the training, and evaluate finds one of them among the tested."""
    known = read_table(Path("data/prepared/train.parquet"), "")
    table = read_table(Path("data/prepared/test.parquet"), "")
    table.loc[3, "group"] = known["group"][0]
    table.to_parquet("data/prepared/test.parquet")
    message = refusal(evaluate.main, capsys)
    assert f"was trained on 1 groups of the test split, such as {known['group'][0]}" in message


@pytest.mark.parametrize("kind", ["bag", "encoder"])
@pytest.mark.parametrize("stage", [featurize, train])
def test_other_kinds_refuse_hashes(
    stage: ModuleType, kind: str, hashed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bag or an encoder with hashing is refused by params.yaml, in words."""
    set_params("train", model=kind)()
    message = refusal(stage.main, capsys)
    assert f"featurize.method: hashing is for train.model: linear, not for {kind}" in message


def test_features_of_another_kind_are_refused(hashed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Train refuses hashed features for a bag."""
    set_params("train", model="bag")()
    set_params("featurize", method="tfidf")()
    assert "data/features: holds hashing, which a bag model does not read" in refusal(train.main, capsys)


def test_a_missing_shard_is_named(hashed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Train names the shard that is not there."""
    path = next(iter(sorted(Path("data/features").glob("train-*.safetensors"))))
    path.unlink()
    assert f"{path}: no such file" in refusal(train.main, capsys)
