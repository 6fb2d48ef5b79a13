"""Tests of verdict/classifier/params/__init__.py."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, small_params
from tests.documents import save
from verdict.base.errors import VerdictError
from verdict.classifier import params
from verdict.classifier.params.data import Data


def test_the_committed_params_are_valid_and_frozen() -> None:
    """params.yaml loads, and what was loaded cannot be changed."""
    loaded = params.load(ROOT / "params.yaml")
    with pytest.raises(ValueError, match="frozen"):
        loaded.train.seed = 1


def set_key(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    """A change of one key of a document."""

    def change(document: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        for name in parents:
            document = document[name]
        document[last] = value

    return change


def _drop(group: str, key: str) -> Callable[[dict[str, Any]], None]:
    return lambda document: document[group].pop(key)


BAD = {
    "unknown key": (set_key("train.sead", 1), "train.sead: unknown key"),
    "unknown group": (set_key("trian", {}), "trian: unknown key"),
    "missing key": (_drop("train", "seed"), "train.seed: missing"),
    "text for a number": (set_key("train.seed", "seven"), "train.seed"),
    "number for a text": (set_key("split.salt", 7), "split.salt"),
    "flag for a number": (set_key("train.bag.epochs", True), "train.bag.epochs"),
    "fraction for a count": (set_key("train.bag.epochs", 1.5), "train.bag.epochs"),
    "NaN": (set_key("train.bag.learning_rate", float("nan")), "train.bag.learning_rate"),
    "infinity": (set_key("train.linear.alpha", float("inf")), "train.linear.alpha"),
    "share above one": (set_key("split.test", 1.5), "split.test"),
    "share of zero": (set_key("split.test", 0.0), "split.test"),
    "shares without a rest": (set_key("split.test", 0.95), "nothing is left to train on"),
    "empty salt": (set_key("split.salt", ""), "split.salt"),
    "split by a column that is not named": (set_key("split.by", "column"), "column: the name of a column"),
    "split by no date": (set_key("split.by", "date"), "split.by: date needs data.date"),
    "negative band": (set_key("data.rating.neutral_band", -0.1), "data.rating.neutral_band"),
    "band as wide as the limits": (set_key("data.rating.neutral_band", 4.0), "neutral_band must be below half"),
    "reversed limits": (set_key("data.rating.limits", [4, -4]), "limits must be [lowest, highest]"),
    "label beside rating": (set_key("data.label", "label"), "name one of label and rating"),
    "no label": (set_key("data.rating", None), "name one of label and rating"),
    "two labels of a rating with a band": (set_key("data.labels", ["a", "b"]), "name the 3 classes of the rating"),
    "positive of a rating": (set_key("data.positive", "positive"), "have their order from it"),
    "a label twice": (set_key("data.labels", ["a", "b", "a"]), "holds a label twice"),
    "unknown step": (set_key("data.clean", ["stem"]), "data.clean"),
    "no text column": (set_key("data.text", []), "data.text"),
    "reversed n-grams": (set_key("featurize.word.ngrams", [3, 1]), "ngrams must be [shortest, longest]"),
    "three n-gram sizes": (set_key("featurize.char.ngrams", [1, 2, 3]), "featurize.char.ngrams"),
    "unknown model": (set_key("train.model", "oak"), "train.model"),
    "unknown device": (set_key("train.device", "tpu"), "train.device"),
    "dropout of one": (set_key("train.bag.dropout", 1.0), "train.bag.dropout"),
    "unknown split": (set_key("validate.min_rows", {"train": 1, "exam": 1}), "validate.min_rows"),
    "a list for a group": (set_key("evaluate", [1]), "evaluate"),
}


@pytest.mark.parametrize("name", BAD)
def test_an_unusable_param_stops_the_run_and_is_named(tmp_path: Path, name: str) -> None:
    """Each unusable value is refused with its key, before any work."""
    change, expected = BAD[name]
    document = small_params()
    change(document)
    path = tmp_path / "params.yaml"
    save(path, document)
    with pytest.raises(VerdictError) as caught:
        params.load(path)
    assert expected in str(caught.value)
    assert str(path) in str(caught.value)


def test_the_groups_of_the_judge_are_known_by_name_alone(tmp_path: Path) -> None:
    """A stage runs whatever stands in gate and report, or without them: their schemas are not the library's."""
    document = small_params()
    path = tmp_path / "params.yaml"
    save(path, {**document, "gate": {"anything": 1}, "report": None})
    del document["gate"], document["report"]
    assert params.load(path).train.seed == params.Params.model_validate(document).train.seed


@pytest.mark.parametrize("written", ["1e-05", "1e-5", "1.0e-05", "0.00001"])
def test_a_number_is_read_however_dvc_writes_it(tmp_path: Path, written: str) -> None:
    """`dvc exp run -S train.linear.alpha=0.00001` writes 1e-05, which is a number and not a text."""
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    path = tmp_path / "params.yaml"
    path.write_text(re.sub(r"\balpha: \S+", f"alpha: {written}", text), encoding="utf-8")
    assert params.load(path).train.linear.alpha == 1e-5


def test_a_key_given_twice_is_refused(tmp_path: Path) -> None:
    """Of two values for a key none is taken in silence."""
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    path = tmp_path / "params.yaml"
    path.write_text(text.replace("  seed: 2014\n", "  seed: 2014\n  seed: 7\n"), encoding="utf-8")
    with pytest.raises(VerdictError, match="seed"):
        params.load(path)


def test_all_faults_are_listed_at_once(tmp_path: Path) -> None:
    """Two faults give one message with both."""
    document = small_params()
    set_key("train.sead", 1)(document)
    _drop("evaluate", "mistakes")(document)
    path = tmp_path / "params.yaml"
    save(path, document)
    with pytest.raises(VerdictError, match=r"train\.sead") as caught:
        params.load(path)
    assert "evaluate.mistakes: missing" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "no such file"),
        (b"train: [", "not readable as YAML"),
        (b"- 1\n", "expected groups"),
        (b"\xff\xfe\x00a", "YAML"),
    ],
    ids=["missing", "not-yaml", "a-list", "not-utf8"],
)
def test_an_unreadable_file_is_refused_with_a_remedy(tmp_path: Path, content: bytes | None, expected: str) -> None:
    """A params file that is missing or is not a mapping in YAML is refused by name."""
    path = tmp_path / "params.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(VerdictError, match="remedy") as caught:
        params.load(path)
    assert expected in str(caught.value)


def test_a_limit_that_is_left_out_has_a_default(tmp_path: Path) -> None:
    """`validate.min_rows` with some splits leaves the others their least numbers, which small data can meet."""
    document = small_params()
    document["validate"]["min_rows"] = {"train": 1}
    path = tmp_path / "params.yaml"
    save(path, document)
    limits = params.load(path).validation.min_rows
    assert (limits.train, limits.validation, limits.test) == (1, 10, 20)


@pytest.mark.parametrize("value", ["2020-13-45", "1" * 5000], ids=["no-such-date", "endless-number"])
def test_yaml_that_cannot_be_a_value_is_refused(tmp_path: Path, value: str) -> None:
    """What looks like a date or a number to YAML and is none is an unreadable file, not a traceback."""
    path = tmp_path / "params.yaml"
    path.write_text(f"split:\n  salt: {value}\n", encoding="utf-8")
    with pytest.raises(VerdictError, match=r"params\.yaml"):
        params.load(path)


def test_three_lines_of_data_are_enough(tmp_path: Path) -> None:
    """path, text and label make a valid group `data`, and `split` and `validate` may be left out."""
    document = small_params()
    document["data"] = {"path": "my.csv", "text": "body", "label": "kind"}
    del document["split"], document["validate"]
    path = tmp_path / "params.yaml"
    save(path, document)
    loaded = params.load(path)
    assert loaded.data.text == ("body",)
    assert (loaded.split.by, loaded.split.test, loaded.data.duplicates) == ("group", 0.2, "drop")


def test_labels_that_yaml_reads_as_numbers_are_labels() -> None:
    """[0, 1.0, true] are the cells 0, 1 and true of a table; a positive one must be among them."""
    group = {"path": "my.csv", "text": "body", "label": "kind"}
    assert Data.model_validate({**group, "labels": [0, 1.0, 2.5, True]}).labels == ("0", "1", "2.5", "true")
    assert Data.model_validate({**group, "labels": None, "positive": 1}).positive == "1"
    with pytest.raises(ValueError, match="positive must be one of labels"):
        Data.model_validate({**group, "labels": [0, 1], "positive": 2})
