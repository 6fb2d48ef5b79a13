"""Learn a representation on the training split, and write it with the features of the splits."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from verdict.base.files import read_arrow, read_arrow_parts, write_json
from verdict.classifier.features import hashing_io, tfidf
from verdict.classifier.features.hashing import HashedNgrams, idf_of
from verdict.classifier.features.hashing_batches import frequencies as frequencies_of
from verdict.classifier.features.pretrained import START, copy_pretrained_weights, pretrained_folder
from verdict.classifier.features.shards import read_shard, write_shards
from verdict.classifier.features.sparse_io import write_matrix
from verdict.classifier.features.tfidf_io import save_tfidf, write_tensors
from verdict.classifier.features.tokens import read_tokeniser, save_tokeniser, write_tokens
from verdict.classifier.params import Featurize, Ngrammed
from verdict.classifier.params.kinds import Representation

Tables = Mapping[str, Path]  # prepared, by split; `train` is among them
# Which representation it is, and the names of its shards, if it has any.
CONTENTS, IDF = "features.json", "idf.safetensors"
_REMEDY = "dvc repro prepare"


def write_features(folder: Path, tables: Tables, settings: Featurize, representation: Representation) -> str:
    """Write a representation of some prepared tables, and return a description of it in words.

    Raises:
        VerdictError: a table is missing or damaged, or needs more memory than there is.
    """
    writers: dict[Representation, Callable[[Path, Tables, Featurize], str]] = {
        "tfidf": _write_tfidf,
        "hashing": _write_hashed,
        "tokens": _write_token_ids,
    }
    write_json(folder / CONTENTS, {"representation": representation})
    return writers[representation](folder, tables, settings)


def _write_tfidf(folder: Path, tables: Tables, settings: Featurize) -> str:
    """Word and character TF-IDF, learnt on `train`."""
    parts = read_arrow_parts(tables["train"], _REMEDY, ["text"])
    characters = sum(pc.sum(pc.utf8_length(part["text"])).as_py() or 0 for part in parts)
    tfidf.refuse_if_too_large(characters, settings.max_memory_gib)
    encoder = tfidf.fit(_texts(tables["train"]), settings)
    save_tfidf(folder, encoder)
    for name, table in tables.items():
        write_matrix(folder / f"{name}.safetensors", encoder.transform(_texts(table)))
    return f"{len(encoder.word.terms)} word and {len(encoder.char.terms)} character n-grams"


def _write_hashed(folder: Path, tables: Tables, settings: Featurize) -> str:
    """Marked texts in shards, and how rare each hash is in `train`."""
    ngram_params = Ngrammed.model_validate({name: getattr(settings, name) for name in Ngrammed.model_fields})
    folder.mkdir(parents=True, exist_ok=True)
    shards = {name: write_shards(folder, name, table, ngram_params) for name, table in tables.items()}
    hashed = HashedNgrams(ngram_params, np.ones(settings.hashing.features, np.float32))
    frequencies = np.zeros(hashed.size, np.int64)
    for name in shards["train"]:
        frequencies += frequencies_of(hashed, read_shard(folder / f"{name}.safetensors")[1])
    weighted = HashedNgrams(ngram_params, idf_of(frequencies, sum(shards["train"].values())))
    hashing_io.write_settings(folder / hashing_io.SETTINGS, weighted)
    write_tensors(folder / IDF, {hashing_io.IDF: weighted.idf})
    write_json(folder / CONTENTS, {"representation": "hashing", "shards": shards})
    used = np.count_nonzero(frequencies)
    return f"{sum(map(len, shards.values()))} shards; {used} of {hashed.size} hashed features occur"


def _write_token_ids(folder: Path, tables: Tables, settings: Featurize) -> str:
    """Token ids, and the checkpoint that they belong to; how many, and how many texts are cut, in words."""
    source = pretrained_folder(settings.tokens.checkpoint)
    tokeniser = read_tokeniser(source, settings.tokens.max_tokens)
    copy_pretrained_weights(source, folder / START)
    save_tokeniser(folder, tokeniser)
    cut = total = 0
    for name, table in tables.items():
        tokens = tokeniser.transform(_texts(table))
        write_tokens(folder / f"{name}.safetensors", tokens)
        cut, total = cut + int((tokens.lengths == tokeniser.max_tokens).sum()), total + len(tokens.ids)
    return f"{total} token ids; {cut} texts reach {tokeniser.max_tokens} tokens, where they are cut"


def _texts(table: Path) -> list[str]:
    texts: list[str] = read_arrow(table, _REMEDY, ["text"])["text"].to_pylist()
    return texts
