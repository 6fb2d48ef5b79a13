"""The trained classifier as a folder: text in, probabilities out, and nothing in it is executed on load.

manifest.json        format, kind, labels, how its text is made, params, what it was trained on, SHA-256 of the others
vocabulary.json      of TF-IDF: the terms of both blocks, in the order of their feature numbers
hashing.json         of hashed n-grams instead: how they are made, and the number of features
tokenizer.json       of an encoder, with config.json and tokens.json: how it cuts text, what its network is, its limit
weights.safetensors  the model's arrays, and the inverse document frequencies of n-grams
documents.json       the hashes of the groups that it was trained on, so that it is not tested on them; an artifact of
                     hashed n-grams, whose groups may be millions, has documents.safetensors
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from verdict.base.errors import VerdictError
from verdict.base.files import read_json, sha256, write_json
from verdict.base.numerics import hardware_class
from verdict.classifier.dataset.description import Dataset
from verdict.classifier.dataset.groups import Groups, group_hashes
from verdict.classifier.dataset.text import CLEANING, STEPS, Text
from verdict.classifier.features.arrays import read_arrays, write_arrays
from verdict.classifier.features.featurizer import (
    FILES,
    Featurizer,
    load_featurizer,
    representation_of,
    save_featurizer,
)
from verdict.classifier.features.tfidf_io import read_tensors, write_tensors
from verdict.classifier.models import model_from_tensors
from verdict.classifier.params import Train
from verdict.classifier.params.kinds import KINDS, Model, ModelKind, Representation

FORMAT: Literal["verdict-classifier"] = "verdict-classifier"
VERSION: Literal[2] = 2
# Version 1 did not say how its text is made; `predict` cleaned it, and read so much of it.
_TEXT_OF_VERSION_1 = {"columns": ["text"], "separator": " ", "cleaning": [*CLEANING], "max_length": 10_000}
_GROUP_FILES = {"tfidf": "documents.json", "hashing": "documents.safetensors", "tokens": "documents.json"}
_FILES = {name: tuple(sorted([*own, _GROUP_FILES[name], "weights.safetensors"])) for name, own in FILES.items()}
_REMEDY = "make repro, or dvc pull models/classifier where a team has a remote"
_OTHER_CODE = "use the code that the artifact was made with (git log)"
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Manifest(BaseModel):
    """manifest.json: what the artifact is, and how it came about."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format: Literal["verdict-classifier"] = FORMAT
    version: Literal[2] = VERSION
    kind: ModelKind
    representation: Representation = "tfidf"
    labels: Annotated[tuple[str, ...], Field(min_length=2, strict=False)]
    text: Text
    train: dict[str, Any]
    trained_on: dict[Literal["train", "validation"], Hash]
    hardware_class: str
    files: dict[str, Hash]


class Answer(NamedTuple):
    """The answer to one text: the most probable label, and the probability of each with six digits."""

    label: str
    probabilities: dict[str, float]


@dataclass(frozen=True)
class Classifier:
    """A loaded artifact. It cleans and cuts texts itself."""

    labels: tuple[str, ...]
    text: Text
    featurizer: Featurizer
    model: Model

    def probabilities(self, texts: Iterable[str | Mapping[str, str]]) -> npt.NDArray[np.float64]:
        """Class probabilities of shape (texts, labels), each row summing to 1.

        A text is a string; or an object of the columns that the artifact makes its text of (`text.columns`), and
        `ValueError` when it has others.
        """
        if isinstance(texts, str):
            raise TypeError("probabilities takes texts; for one: probabilities([text])")  # else each letter is a text
        return self.model.probabilities(self.featurizer.transform(map(self.text.clean, map(self.text.join, texts))))

    def answers(self, texts: Iterable[str | Mapping[str, str]]) -> list[Answer]:
        """An answer to each text, as `verdict predict` and `verdict serve` give it; `ValueError` as `probabilities`."""
        probabilities = self.probabilities(texts)
        best = [row.index(max(row)) for row in probabilities.tolist()]  # for a few numbers faster than argmax
        rows = probabilities.round(6).tolist()
        return [
            Answer(self.labels[at], dict(zip(self.labels, row, strict=True)))
            for at, row in zip(best, rows, strict=True)
        ]


def used_params(train: Train) -> dict[str, Any]:
    """The group `train:` without the settings of the kinds that were not chosen."""
    return train.model_dump(mode="json", exclude=set(KINDS) - {train.model})


def manifest_of(
    train: Train, featurizer: Featurizer, dataset: Dataset, trained_on: dict[Literal["train", "validation"], str]
) -> Manifest:
    """The manifest of an artifact that is trained here, complete but for `files`.

    Args:
        train: the params of its training.
        featurizer: from text to features.
        dataset: the classes, in the order of its probabilities, and how its text is made.
        trained_on: SHA-256 of the tables, by split.
    """
    representation = representation_of(featurizer)
    return Manifest(
        kind=train.model,
        representation=representation,
        labels=dataset.labels,
        text=dataset.text,
        train=used_params(train),
        trained_on=trained_on,
        hardware_class=hardware_class(train.device, representation == "tokens", train.deterministic),
        files={},
    )


def save_classifier(
    folder: Path, featurizer: Featurizer, model: Model, groups: Iterable[str], manifest: Manifest
) -> None:
    """Write the artifact. The manifest comes last: a folder that was left half-written has none, and is refused.

    Args:
        folder: models/classifier.
        featurizer: from text to features.
        model: from features to probabilities.
        groups: those that the model was trained on or tuned on.
        manifest: complete but for `files`, which is filled in here.
    """
    (folder / "manifest.json").unlink(missing_ok=True)
    tensors = {f"model.{name}": values for name, values in model.tensors().items()}
    tensors |= save_featurizer(folder, featurizer)
    write_groups(folder / _GROUP_FILES[manifest.representation], np.unique(group_hashes(groups)))
    write_tensors(folder / "weights.safetensors", tensors)
    files = {name: sha256(folder / name) for name in _FILES[manifest.representation]}
    write_json(folder / "manifest.json", manifest.model_copy(update={"files": files}).model_dump(mode="json"))


def load_manifest(folder: Path) -> Manifest:
    """Read and check manifest.json.

    Raises:
        VerdictError: it is missing, damaged, or of another format.
    """
    path = folder / "manifest.json"
    document = read_json(path, _REMEDY)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise VerdictError(str(path), f"not a {FORMAT}", "give the folder of an artifact that `dvc repro` wrote")
    version = document.get("version")
    if version == 1 and "text" not in document:
        document |= {"version": VERSION, "text": _TEXT_OF_VERSION_1}
    elif version != VERSION:
        what = f"version {version!r} of the format, this code reads 1 and {VERSION}"
        raise VerdictError(str(path), what, _OTHER_CODE)
    try:
        # From JSON, where tuples are lists and no type is guessed.
        manifest = Manifest.model_validate_json(json.dumps(document))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise VerdictError(str(path), f"damaged: {place}: {first['msg']}", _REMEDY) from None
    if unknown := manifest.text.unknown_steps():
        what = f"cleans its text by {', '.join(unknown)}; this code knows {', '.join(STEPS)}"
        raise VerdictError(str(path), what, _OTHER_CODE)
    return manifest


def load_classifier(folder: Path) -> Classifier:
    """Load an artifact after checking every byte of it.

    Raises:
        VerdictError: a file is missing, surplus, damaged or foreign; it is named.
    """
    manifest = load_manifest(folder)
    if manifest.representation not in KINDS[manifest.kind].representations:
        what = f"a {manifest.kind} model does not read {manifest.representation}"
        raise VerdictError(str(folder / "manifest.json"), what, _REMEDY)
    _check_files(folder, manifest)
    tensors = read_tensors(folder / "weights.safetensors", _REMEDY)
    featurizer = load_featurizer(folder, manifest.representation, tensors, _REMEDY)
    of_model = {name.removeprefix("model."): values for name, values in tensors.items() if name.startswith("model.")}
    try:
        model = model_from_tensors(manifest.kind, of_model, featurizer, len(manifest.labels))
    except ValueError as error:
        raise VerdictError(str(folder / "weights.safetensors"), str(error), _REMEDY) from None
    return Classifier(manifest.labels, manifest.text, featurizer, model)


def load_groups(folder: Path) -> list[str]:
    """The hashes (`group_hash`) of the groups that an artifact was trained on."""
    return [f"{number:016x}" for number in known_groups(folder).tolist()]


def known_groups(folder: Path) -> Groups:
    """The hashes (`group_hashes`) of the groups that an artifact was trained on, in order: few bytes for each."""
    path = folder / _GROUP_FILES["hashing"]
    if path.exists():
        return np.sort(read_arrays(path, _REMEDY, ["groups"], "hashes of groups")["groups"].astype(np.uint64))
    path = folder / _GROUP_FILES["tfidf"]
    groups = read_json(path, _REMEDY)
    if not isinstance(groups, list) or not all(isinstance(g, str) and re.fullmatch("[0-9a-f]{16}", g) for g in groups):
        raise VerdictError(str(path), "not a list of hashes", _REMEDY)
    return np.sort(np.array([int(group, 16) for group in groups], np.uint64))


def write_groups(path: Path, groups: Groups) -> None:
    """Write the hashes of groups: as JSON, or as an array."""
    if path.suffix == ".json":
        write_json(path, [f"{number:016x}" for number in groups.tolist()])
    else:
        write_arrays(path, {"groups": groups})


def _check_files(folder: Path, manifest: Manifest) -> None:
    expected = _FILES[manifest.representation]
    if set(manifest.files) != set(expected):
        what = f"lists {sorted(manifest.files)}, not {list(expected)}"
        raise VerdictError(str(folder / "manifest.json"), what, _REMEDY)
    present = {path.name for path in folder.iterdir()}
    if surplus := sorted(present - {"manifest.json", *expected}):
        raise VerdictError(str(folder / surplus[0]), "does not belong to the artifact", "delete it, or " + _REMEDY)
    for name, hash_ in manifest.files.items():
        if name not in present:
            raise VerdictError(str(folder / name), "missing from the artifact", _REMEDY)
        if sha256(folder / name) != hash_:
            what = "damaged or exchanged (SHA-256 differs from the manifest's)"
            raise VerdictError(str(folder / name), what, _REMEDY)
