"""TF-IDF as files: the vocabulary as JSON, the inverse document frequencies as safetensors."""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from verdict.base.errors import VerdictError
from verdict.base.files import read_json, replacing, write_json
from verdict.classifier.features.tfidf import Block, TfIdf
from verdict.classifier.params import Ngrammed

Tensors = dict[str, npt.NDArray[np.float32]]


def save_tfidf(folder: Path, tfidf: TfIdf) -> None:
    """Write the vocabulary and the inverse document frequencies, as the stage featurize hands them on."""
    write_vocabulary(folder / "vocabulary.json", tfidf)
    write_tensors(folder / "idf.safetensors", idf_tensors(tfidf))


def load_tfidf(folder: Path) -> TfIdf:
    """Read what `save_tfidf` wrote."""
    remedy = "dvc repro featurize"
    return tfidf_from(folder / "vocabulary.json", read_tensors(folder / "idf.safetensors", remedy), remedy)


def write_vocabulary(path: Path, tfidf: TfIdf) -> None:
    """Write the terms of both blocks in the order of their feature numbers, and the params that they came from."""
    blocks = {name: block.terms for name, block in (("word", tfidf.word), ("char", tfidf.char))}
    write_json(path, {"params": tfidf.params.model_dump(mode="json"), **blocks})


def tfidf_from(path: Path, tensors: Tensors, remedy: str) -> TfIdf:
    """Read the vocabulary at `path` and join it with its weights; `VerdictError` when they do not fit together."""
    vocabulary = read_json(path, remedy)
    if not isinstance(vocabulary, dict) or set(vocabulary) != {"params", "word", "char"}:
        raise VerdictError(str(path), "not a vocabulary: expected the keys params, word, char", remedy)
    try:
        params = Ngrammed.model_validate_json(json.dumps(vocabulary["params"]))
    except ValidationError as error:
        raise VerdictError(str(path), f"params: {error.errors()[0]['msg']}", remedy) from None
    blocks = {}
    for name, settings in (("word", params.word), ("char", params.char)):
        terms, idf = vocabulary[name], tensors.get(f"idf.{name}")
        if not isinstance(terms, list) or not all(isinstance(term, str) for term in terms):
            raise VerdictError(str(path), f"{name} is not a list of terms", remedy)
        if idf is None or idf.shape != (len(terms),) or not np.isfinite(idf).all():
            raise VerdictError(str(path), f"{len(terms)} {name} terms, but not as many finite weights", remedy)
        blocks[name] = Block(terms, idf, settings.ngrams)
    return TfIdf(blocks["word"], blocks["char"], params)


def idf_tensors(tfidf: TfIdf) -> Tensors:
    """The inverse document frequencies of both blocks, by name."""
    return {"idf.word": tfidf.word.idf, "idf.char": tfidf.char.idf}


def write_tensors(path: Path, tensors: Tensors) -> None:
    """Write safetensors in the same bytes every time."""
    with replacing(path) as partial:
        # No metadata: the library writes two keys or more in another order each time.
        partial.write_bytes(save(dict(sorted(tensors.items()))))


def read_tensors(path: Path, remedy: str) -> Tensors:
    """Read safetensors; `VerdictError` with `remedy` when the file is missing, truncated or something else."""
    try:
        return load_file(path)
    except FileNotFoundError:
        raise VerdictError(str(path), "no such file", remedy) from None
    except (SafetensorError, ValueError, KeyError) as error:
        raise VerdictError(str(path), f"not readable as safetensors: {error}", remedy) from None
