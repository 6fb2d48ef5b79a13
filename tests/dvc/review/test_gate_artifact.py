"""Artifacts and figures that are broken or foreign: they cannot be judged, and nothing in them is executed."""

import json
import math
import pickle
import pickletools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.dvc.pipeline.clone import Clone
from tests.dvc.review import edits
from tests.dvc.review.edits import EVALUATION, PREDICTED, ReviewRunner, edit_json, edit_table
from tests.dvc.review.tampering import relock
from verdict.base.files import sha256
from verdict.base.outcome import APPROVABLE

clone, runner = edits.clone, edits.runner
ARTIFACT = "models/classifier"


def resealed(clone: Clone) -> None:
    """Give the artifact's manifest the hashes of the files as they are now."""
    folder = clone.path / ARTIFACT
    files = {path.name: sha256(path) for path in folder.iterdir() if path.name != "manifest.json"}

    def seal(manifest: dict[str, Any]) -> None:
        manifest["files"] = {name: files.get(name, "0" * 64) for name in manifest["files"]}

    edit_json(clone, f"{ARTIFACT}/manifest.json", seal)


class WritesFileWhenUnpickled:
    """An object whose pickle leaves a file behind when it is loaded."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., object], tuple[Path, bytes]]:
        return Path.write_bytes, (self.marker, b"I was here")


def pickled(place: Clone) -> bytes:
    """A pickle that writes the file `marker` beside the clone when it is loaded."""
    return pickle.dumps(WritesFileWhenUnpickled(place.path.with_name("marker")))


def overwrite(name: str, content: Callable[[Clone], bytes]) -> Callable[[Clone], object]:
    """The replacement of a file of the artifact, hashes to match."""

    def change(clone: Clone) -> None:
        (clone.path / ARTIFACT / name).unlink(missing_ok=True)
        (clone.path / ARTIFACT / name).write_bytes(content(clone))
        resealed(clone)

    return change


def poison(clone: Clone) -> None:
    """Weights that are not numbers."""
    path = clone.path / ARTIFACT / "weights.safetensors"
    tensors = {name: np.full_like(values, np.nan) for name, values in load_file(path).items()}
    path.unlink()
    save_file(tensors, path)
    resealed(clone)


def flip(clone: Clone) -> None:
    """Change the last digit of a weight: no prediction changes, but the manifest's hash does."""
    path = clone.path / ARTIFACT / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-4] ^= 1
    path.unlink()
    path.write_bytes(content)


def renamed(*labels: str) -> Callable[[Clone], object]:
    """Other labels in the manifest."""
    return lambda place: edit_json(place, f"{ARTIFACT}/manifest.json", lambda content: content.update(labels=labels))


FOREIGN: dict[str, tuple[Callable[[Clone], object], str]] = {
    "a pickle in place of the weights": (overwrite("weights.safetensors", pickled), "weights.safetensors"),
    "a pickle in place of the vocabulary": (overwrite("vocabulary.json", pickled), "vocabulary.json"),
    "a pickle in place of the manifest": (
        lambda place: (place.path / ARTIFACT / "manifest.json").write_bytes(pickled(place)),
        "manifest.json",
    ),
    "a surplus pickle": (overwrite("model.pkl", pickled), "model.pkl"),
    "a missing file": (lambda place: (place.path / ARTIFACT / "vocabulary.json").unlink(), "vocabulary.json"),
    "one bit of one weight": (flip, "weights.safetensors"),
    "weights that are not finite": (poison, "models/classifier"),
    "labels in another order": (renamed("positive", "neutral", "negative"), "not what the artifact says"),
    "other labels": (renamed("bad", "so-so", "good"), "labels that the artifact does not have: 'negative'"),
    "two labels": (renamed("negative", "positive"), ""),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_artifact_cannot_be_judged_and_is_not_executed(clone: Clone, runner: ReviewRunner, name: str) -> None:
    """An artifact that is not this code's safetensors and JSON is exit code 2, by file or label; nothing is loaded."""
    spoil, named = FOREIGN[name]
    spoil(clone)
    relock(clone)
    outcome = runner.gate(clone)
    assert outcome.code == 2, outcome.text
    assert "defect of the review" not in outcome.text
    assert named in outcome.reason
    assert not clone.path.with_name("marker").exists()


TEXTS: dict[str, dict[str, object]] = {
    "the label": {"columns": ["text", "label"]},
    "the id alone": {"columns": ["id"]},
    "another length": {"max_length": 20},
    "another cleaning": {"cleaning": []},
}


@pytest.mark.parametrize("name", TEXTS)
def test_an_artifact_that_makes_its_text_otherwise_fails(clone: Clone, runner: ReviewRunner, name: str) -> None:
    """Text of other columns, such as one that reveals the label, or cut in another way fails the rule `documents`."""
    edit_json(clone, f"{ARTIFACT}/manifest.json", lambda content: content["text"].update(TEXTS[name]))
    relock(clone)
    outcome = runner.gate(clone, *(f"--approve={rule}" for rule in APPROVABLE))
    assert outcome.code != 0, outcome.text
    assert outcome.code == 2 or "its text is made in another way than data/prepared/dataset.json says" in outcome.text


def test_classes_that_the_data_does_not_have_fail(clone: Clone, runner: ReviewRunner) -> None:
    """An artifact with another class than the data fails, whatever its score, even if it never predicts that class."""

    def more(place: Clone) -> None:
        edit_json(place, f"{ARTIFACT}/manifest.json", lambda content: content["labels"].append("surplus"))

    more(clone)
    relock(clone)
    assert runner.gate(clone).code != 0


def test_the_pickle_of_these_tests_would_leave_its_mark(clone: Clone) -> None:
    """Loading that pickle calls what writes the marker, so its absence means that nothing loaded it."""
    assert "REDUCE" in {code.name for code, _, _ in pickletools.genops(pickled(clone))}
    called, arguments = WritesFileWhenUnpickled(clone.path.with_name("marker")).__reduce__()
    called(*arguments)
    assert clone.path.with_name("marker").exists()


@pytest.mark.parametrize("name", ["a surplus pickle", "a missing file", "weights that are not finite"])
def test_a_refused_artifact_is_named_with_its_revision(clone: Clone, runner: ReviewRunner, name: str) -> None:
    """The reason says models/classifier of which side, and no temporary folder of the review."""
    FOREIGN[name][0](clone)
    relock(clone)
    outcome = runner.gate(clone)
    assert re.match(rf"{ARTIFACT}(/[\w.]+)? of the working tree: ", outcome.reason)
    assert "/verdict-" not in outcome.reason


@pytest.mark.parametrize(("value", "what"), [(math.nan, "not a finite number"), (math.inf, "not a finite number")])
def test_predictions_that_are_not_numbers_cannot_be_judged(
    clone: Clone, runner: ReviewRunner, value: float, what: str
) -> None:
    """NaN or infinity among the predictions is exit code 2, with the row."""
    edit_table(clone, PREDICTED, lambda table: table.assign(neutral=table["neutral"].where(table.index != 7, value)))
    relock(clone)
    outcome = runner.gate(clone)
    assert outcome.code == 2, outcome.text
    assert "data/predictions/test.parquet of the working tree, row 7: a probability that is " + what in outcome.reason


def test_probabilities_that_are_none_cannot_be_judged(clone: Clone, runner: ReviewRunner) -> None:
    """Rows that do not add up to 1 are exit code 2."""
    edit_table(clone, PREDICTED, lambda table: table.assign(positive=table["positive"] + 1))
    relock(clone)
    outcome = runner.gate(clone)
    assert outcome.code == 2, outcome.text
    assert "row 0: probabilities below 0, or not adding up to 1" in outcome.reason


FIGURES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "NaN": (lambda content: content["overall"].update(weighted_f1=math.nan), "overall.weighted_f1"),
    "infinity": (lambda content: content["slices"]["news"].update(ece=math.inf), "slices.news.ece"),
    "a word": (lambda content: content["overall"].update(mcc="good"), "overall.mcc"),
    "a truth": (lambda content: content["overall"].update(accuracy=True), "overall.accuracy"),
    "null": (lambda content: content["overall"].update(weighted_f1=None), "no weighted_f1 of overall"),
    "a missing key": (lambda content: content["overall"].pop("macro_f1"), "no macro_f1 of overall"),
    "a missing count": (lambda content: content["slices"]["tweets"].pop("n"), "no n of slices.tweets"),
    "a missing slice": (lambda content: content["slices"].pop("movies"), "of slices.movies"),
    "nothing": (lambda content: content.clear(), "of overall"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_figures_that_are_none_cannot_be_judged(clone: Clone, runner: ReviewRunner, name: str) -> None:
    """A figure that is no finite number, or not there at all, is exit code 2, with file, revision and key."""
    spoil, key = FIGURES[name]
    edit_json(clone, EVALUATION, spoil)
    relock(clone)
    outcome = runner.gate(clone)
    assert outcome.code == 2, outcome.text
    assert f"{EVALUATION} of the working tree" in outcome.reason
    assert key in outcome.reason


def test_figures_that_are_no_json_cannot_be_judged(clone: Clone, runner: ReviewRunner) -> None:
    """A metrics file that is cut off is exit code 2: what DVC only lists as an error is one."""
    text = json.dumps(json.loads((clone.path / EVALUATION).read_text(encoding="utf-8")))
    (clone.path / EVALUATION).write_text(text[:-9], encoding="utf-8")
    relock(clone)
    outcome = runner.gate(clone)
    assert outcome.code == 2, outcome.text
    assert "DVC cannot read them" in outcome.reason
