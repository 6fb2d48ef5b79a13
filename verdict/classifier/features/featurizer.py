"""The featurizers, which turn text into features, and their files in an artifact and in data/features."""

from pathlib import Path
from typing import TypeAlias

from verdict.classifier.features import hashing_io, tfidf_io, tokens
from verdict.classifier.features.hashing import HashedNgrams
from verdict.classifier.features.tfidf import TfIdf
from verdict.classifier.features.tfidf_io import Tensors
from verdict.classifier.features.tokens import Tokeniser
from verdict.classifier.params.kinds import Representation

Featurizer: TypeAlias = TfIdf | HashedNgrams | Tokeniser
# The files of each, besides its weights, which an artifact keeps with those of the model.
FILES: dict[Representation, tuple[str, ...]] = {
    "tfidf": ("vocabulary.json",),
    "hashing": (hashing_io.SETTINGS,),
    "tokens": (tokens.CONFIG, tokens.TOKENIZER, tokens.LIMIT),
}


def representation_of(featurizer: Featurizer) -> Representation:
    """Return the name of a featurizer's representation."""
    if isinstance(featurizer, TfIdf):
        return "tfidf"
    return "hashing" if isinstance(featurizer, HashedNgrams) else "tokens"


def save_featurizer(folder: Path, featurizer: Featurizer) -> Tensors:
    """Write a featurizer's files, and return its weights, which the caller writes."""
    if isinstance(featurizer, TfIdf):
        tfidf_io.write_vocabulary(folder / "vocabulary.json", featurizer)
        return tfidf_io.idf_tensors(featurizer)
    if isinstance(featurizer, HashedNgrams):
        hashing_io.write_settings(folder / hashing_io.SETTINGS, featurizer)
        return {hashing_io.IDF: featurizer.idf}
    tokens.save_tokeniser(folder, featurizer)
    return {}


def load_featurizer(folder: Path, representation: Representation, tensors: Tensors, remedy: str) -> Featurizer:
    """Read a featurizer; `VerdictError` with `remedy` where a file is missing or does not fit its weights."""
    if representation == "tfidf":
        return tfidf_io.tfidf_from(folder / "vocabulary.json", tensors, remedy)
    if representation == "hashing":
        return hashing_io.hashed_from(folder / hashing_io.SETTINGS, tensors, remedy)
    return tokens.load_tokeniser(folder, remedy)
