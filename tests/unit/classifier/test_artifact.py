"""Tests of classifier/artifact.py and features/tfidf_io.py: what is damaged or foreign is refused by name."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file, save_file

from tests.conftest import small_params
from tests.corpus import mails
from tests.unit.stages.runs import build, build_mails
from verdict.base.errors import VerdictError
from verdict.base.files import sha256
from verdict.base.paths import ARTIFACT, PREDICTIONS, TEST
from verdict.classifier import artifact
from verdict.classifier.predict import answer_lines
from verdict.repo.revisions import Revision, Store
from verdict.review.evidence import Evidence

TEXTS = ["a wonderful lamp", "this awful boat", ""]
LABELS = ["negative", "neutral", "positive"]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact that the stages made of the small table."""
    return build(tmp_path_factory.mktemp("artifact") / "run") / "models/classifier"


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    """A copy of it to damage."""
    return Path(shutil.copytree(original, tmp_path / "classifier"))


def rehash(folder: Path) -> None:
    """Make the manifest agree with the files again, as a careful forger would."""
    document = json.loads((folder / "manifest.json").read_text())
    document["files"] = {name: sha256(folder / name) for name in document["files"]}
    (folder / "manifest.json").write_text(json.dumps(document))


def set_manifest(**values: object) -> Callable[[Path], None]:
    """A change of keys of the manifest."""

    def change(folder: Path) -> None:
        document = json.loads((folder / "manifest.json").read_text())
        (folder / "manifest.json").write_text(json.dumps({**document, **values}))

    return change


def set_text(**values: object) -> Callable[[Path], None]:
    """A change of how the manifest says that text is made."""

    def change(folder: Path) -> None:
        set_manifest(text={**json.loads((folder / "manifest.json").read_text())["text"], **values})(folder)

    return change


def as_version_1(folder: Path) -> None:
    """Make it the artifact of a main from before manifests said how their text is made."""
    document = json.loads((folder / "manifest.json").read_text())
    del document["text"]
    (folder / "manifest.json").write_text(json.dumps({**document, "version": 1}))


def set_tensor(name: str, value: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Callable[[Path], None]:
    """A change of one array, hashed again."""

    def change(folder: Path) -> None:
        save_file({**load_file(folder / "weights.safetensors"), name: value}, folder / "weights.safetensors")
        rehash(folder)

    return change


def set_vocabulary(key: str, value: object) -> Callable[[Path], None]:
    """A change of one key of the vocabulary, hashed again."""

    def change(folder: Path) -> None:
        document = json.loads((folder / "vocabulary.json").read_text())
        (folder / "vocabulary.json").write_text(json.dumps({**document, key: value}))
        rehash(folder)

    return change


def write(name: str, content: bytes, hashed: bool = False) -> Callable[[Path], None]:
    """The replacement of a file."""

    def change(folder: Path) -> None:
        (folder / name).write_bytes(content)
        if hashed:
            rehash(folder)

    return change


def truncate(name: str) -> Callable[[Path], None]:
    """The loss of a file's second half."""

    def change(folder: Path) -> None:
        (folder / name).write_bytes((folder / name).read_bytes()[:-100])

    return change


def remove(name: str) -> Callable[[Path], None]:
    """The loss of a file."""
    return lambda folder: (folder / name).unlink()


def flip(name: str) -> Callable[[Path], None]:
    """One flipped bit in the middle of a file."""

    def change(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(bytes(content))

    return change


# What pickle.dumps gives for a call of print: loading it would run it.
PICKLE = b"\x80\x04\x95\x1c\x00\x00\x00\x00\x00\x00\x00\x8c\x08builtins\x94\x8c\x05print\x94\x93\x94)R\x94."
ZEROS = np.zeros((2, 2), dtype=np.float32)
_FILES = artifact._FILES["tfidf"]
DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    **{f"no {name}": (remove(name), name) for name in (*_FILES, "manifest.json")},
    **{f"truncated {name}": (truncate(name), name) for name in (*_FILES, "manifest.json")},
    **{f"flipped bit in {name}": (flip(name), name) for name in _FILES},
    "surplus file": (write("more.py", b"print()"), "more.py"),
    "foreign manifest": (write("manifest.json", b'{"model_type": "bert"}'), "not a verdict-classifier"),
    "manifest of a list": (write("manifest.json", b"[]"), "not a verdict-classifier"),
    "other version": (set_manifest(version=3), "version 3"),
    "version 1 with a recipe": (set_manifest(version=1), "version 1"),
    "text of no column": (set_text(columns=[]), "text.columns"),
    "text of no length": (set_text(max_length=0), "text.max_length"),
    "length as a word": (set_text(max_length="2000"), "text.max_length"),
    "unknown key of text": (set_text(run="rm"), "text.run"),
    "unknown step": (set_text(cleaning=["nfc", "stem"]), "cleans its text by stem; this code knows html_entities, nfc"),
    "unknown kind": (set_manifest(kind="oak"), "kind"),
    "unknown key": (set_manifest(run="rm"), "run"),
    "path as a file": (set_manifest(files={"../weights.safetensors": "0" * 64}), "manifest.json"),
    "pickle for weights": (write("weights.safetensors", PICKLE, hashed=True), "not readable as safetensors"),
    "NaN weights": (set_tensor("model.intercepts", np.full(3, np.nan, dtype=np.float32)), "NaN"),
    "weights of another shape": (set_tensor("model.coefficients", ZEROS), "coefficients"),
    "surplus weights": (set_tensor("model.more", ZEROS), "more"),
    "idf of another length": (set_tensor("idf.word", ZEROS[0]), "weights"),
    "fewer labels": (set_manifest(labels=["negative", "positive"]), "coefficients"),
    "no words": (set_vocabulary("word", 3), "word is not a list"),
    "odd params": (set_vocabulary("params", {"a": 1}), "params"),
    "surplus vocabulary": (set_vocabulary("run", "rm"), "not a vocabulary"),
}


def test_an_artifact_gives_the_same_probabilities_after_a_move(original: Path, folder: Path) -> None:
    """A copied artifact needs nothing but its own files."""
    first, second = (artifact.load_classifier(place).probabilities(TEXTS) for place in (original, folder))
    assert (first == second).all()
    assert first.shape == (3, 3)


def test_an_answer_is_the_likeliest_label_and_all_probabilities_in_six_digits(original: Path) -> None:
    """They are those of `probabilities`, rounded; of no texts there are none."""
    classifier = artifact.load_classifier(original)
    exact = classifier.probabilities(TEXTS)
    answers_ = classifier.answers(TEXTS)
    assert [answer.label for answer in answers_] == [LABELS[at] for at in exact.argmax(axis=1)]
    assert [list(answer.probabilities) for answer in answers_] == [LABELS] * 3
    assert [list(answer.probabilities.values()) for answer in answers_] == exact.round(6).tolist()
    assert classifier.answers([]) == []


@pytest.mark.parametrize("kind", ["linear", "bag"])
def test_all_who_ask_the_artifact_get_the_same_answer(tmp_path: Path, kind: str) -> None:
    """The artifact, `predict`, `evaluate` and the review read raw text and clean text alike, to the last bit."""
    root = build(tmp_path / kind, kind)
    classifier = artifact.load_classifier(root / ARTIFACT)
    test = pd.read_parquet(root / TEST)
    raw = [f"  {text.replace('a', '&amp;#97;')}\t" for text in test["text"]]
    asked = classifier.probabilities(raw)
    assert (asked == classifier.probabilities(test["text"])).all()
    evidence = Evidence(cast(Store, OneFolder(root)), Revision(root, "this", None))
    for text in (raw, test["text"]):
        assert (evidence.predict(test.assign(text=text))[LABELS].to_numpy() == asked).all()
    assert (pd.read_parquet(root / "/".join(PREDICTIONS))[LABELS].to_numpy() == asked).all()
    answered = answer_lines(classifier, [line.encode() for line in raw])
    told = [list(json.loads(line)["probabilities"].values()) for line in answered.text.splitlines()]
    assert (np.array(told) == asked.round(6)).all()
    assert (answered.lines, answered.cut) == (len(raw), 0)


class OneFolder:
    """A store that has everything in one working tree."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, _: Revision, path: str) -> Path:
        """Where an output lies."""
        return self.root / path


def test_one_text_is_not_taken_for_many(original: Path) -> None:
    """A text where a list of texts belongs is refused: each of its letters would be a text."""
    with pytest.raises(TypeError, match="probabilities\\(\\[text\\]\\)"):
        artifact.load_classifier(original).probabilities("abc")


def test_the_manifest_says_how_the_text_is_made(original: Path) -> None:
    """Columns, separator, steps and the limit that prepare cut at, in the order in which they are applied."""
    assert json.loads((original / "manifest.json").read_text())["text"] == {
        "columns": ["text"],
        "separator": "\n",
        "cleaning": ["html_entities", "nfc", "whitespace"],
        "max_length": small_params()["data"]["max_text_length"],
    }


def test_only_what_the_manifest_names_is_done_to_a_text(original: Path, folder: Path) -> None:
    """Another limit and no cleaning are other features: the manifest is obeyed, whatever the code does by default."""
    texts = ["a wonderful lamp, but awful", "wonderful&#39;s lamp"]
    expected = artifact.load_classifier(original).probabilities(["a wonderful lamp", "wonderful&#39;s"])
    set_text(cleaning=[], max_length=16)(folder)
    assert (artifact.load_classifier(folder).probabilities(texts)[0] == expected[0]).all()
    assert (artifact.load_classifier(folder).probabilities(texts)[1] != expected[1]).any()


def test_an_artifact_of_version_1_is_read_as_predict_read_it(original: Path, folder: Path) -> None:
    """Main's artifact from before the recipe can be asked: its text is cleaned, and cut at 10,000 characters."""
    as_version_1(folder)
    old, new = artifact.load_classifier(folder), artifact.load_classifier(original)
    assert (old.probabilities(["it&#39;s  awful", *TEXTS]) == new.probabilities(["it's awful", *TEXTS])).all()
    assert old.text.max_length == 10_000


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_or_foreign_artifact_is_refused_by_name(folder: Path, name: str) -> None:
    """Whatever is missing, damaged or foreign, loading ends in an error that names it and the remedy."""
    damage, expected = DAMAGES[name]
    damage(folder)
    with pytest.raises(VerdictError, match="remedy") as caught:
        artifact.load_classifier(folder)
    assert expected in str(caught.value)
    assert str(folder) in str(caught.value)


def test_weights_carry_no_metadata_and_nothing_but_arrays(folder: Path) -> None:
    """The header of the weights lists arrays alone, so that its bytes are stable."""
    content = (folder / "weights.safetensors").read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert set(header) == {"idf.word", "idf.char", "model.coefficients", "model.intercepts"}


def test_groups_are_listed_by_hash_and_once(folder: Path) -> None:
    """documents.json is sorted, without repetition, and shows no group's name."""
    groups = artifact.load_groups(folder)
    assert groups == sorted(set(groups))
    assert all(len(entry) == 16 for entry in groups)


@pytest.mark.parametrize("kind", ["linear", "bag"])
def test_an_artifact_of_two_columns_reads_objects_as_it_was_trained(tmp_path: Path, kind: str) -> None:
    """Objects of its columns, in any order, and texts that are joined already give what `evaluate` gave of them."""
    root = build_mails(tmp_path / kind, kind)
    classifier = artifact.load_classifier(root / ARTIFACT)
    test = pd.read_parquet(root / TEST)
    known = {f"{row['subject']} {row['body']}": row for row in mails()}
    objects = [{name: str(known[text][name]) for name in ("body", "subject")} for text in test["text"]]
    asked = classifier.probabilities(objects)
    assert (asked == classifier.probabilities(test["text"])).all()
    assert (pd.read_parquet(root / "/".join(PREDICTIONS))[["ham", "spam"]].to_numpy() == asked).all()
    assert classifier.labels == ("ham", "spam")
    for wrong in ({"subject": "a"}, {"subject": "a", "body": "b", "label": "ham"}, {"subject": "a", "body": 3}, 7):
        with pytest.raises(ValueError, match="expected a text"):
            classifier.probabilities([wrong])  # type: ignore[list-item]
