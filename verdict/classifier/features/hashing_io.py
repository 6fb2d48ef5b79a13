"""Hashed features as files: the settings as JSON, how rare each feature is as a tensor."""

import json
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from verdict.base.errors import VerdictError
from verdict.base.files import read_json, write_json
from verdict.classifier.features.hashing import HashedNgrams
from verdict.classifier.features.tfidf_io import Tensors
from verdict.classifier.params import Ngrammed

SETTINGS = "hashing.json"
IDF = "idf.hashed"


def write_settings(path: Path, hashed: HashedNgrams) -> None:
    """Write the marking, the n-grams and the number of features."""
    write_json(path, {"params": hashed.params.model_dump(mode="json"), "features": hashed.size})


def hashed_from(path: Path, tensors: Tensors, remedy: str) -> HashedNgrams:
    """Read the settings at `path` and join them with the weights; `VerdictError` when they do not fit together."""
    settings = read_json(path, remedy)
    if not isinstance(settings, dict) or set(settings) != {"params", "features"}:
        raise VerdictError(str(path), "not of hashed features: expected the keys params, features", remedy)
    try:
        params = Ngrammed.model_validate_json(json.dumps(settings["params"]))
    except ValidationError as error:
        raise VerdictError(str(path), f"params: {error.errors()[0]['msg']}", remedy) from None
    size, idf = settings["features"], tensors.get(IDF)
    if type(size) is not int or size < 2:
        raise VerdictError(str(path), f"features is {size!r}, not a number from 2", remedy)
    if idf is None or idf.shape != (size,) or idf.dtype != np.float32 or not np.isfinite(idf).all():
        raise VerdictError(str(path), f"{size} features, but not as many finite weights", remedy)
    return HashedNgrams(params, idf)
