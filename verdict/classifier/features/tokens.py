"""Token ids: what an encoder reads instead of TF-IDF. Texts of any length, end to end, without padding."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from verdict.base.errors import VerdictError
from verdict.base.files import read_json, write_json, write_text
from verdict.classifier.features.arrays import read_arrays, write_arrays

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Library

INSTALL = "make encoder (or pip install -r requirements/encoder.txt)"
TOKENIZER, CONFIG, LIMIT = "tokenizer.json", "config.json", "tokens.json"


@dataclass(frozen=True)
class Tokens:
    """n texts: text i is `ids[ends[i]:ends[i + 1]]`; `ids` int32, `ends` int64 of shape (n + 1,)."""

    ids: npt.NDArray[np.int32]
    ends: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ends) - 1

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """The number of tokens of each text, shape (n,)."""
        return np.diff(self.ends)

    def concatenate(self, other: "Tokens") -> "Tokens":
        """These texts, then the other's."""
        return Tokens(
            np.concatenate([self.ids, other.ids]), np.concatenate([self.ends, other.ends[1:] + self.ends[-1]])
        )

    def select(self, rows: npt.NDArray[np.int64]) -> "Tokens":
        """Some of the texts, in the order of `rows`."""
        parts = [self.ids[self.ends[row] : self.ends[row + 1]] for row in rows]
        ends = np.cumsum([0, *map(len, parts)], dtype=np.int64)
        return Tokens(np.concatenate([*parts, np.zeros(0, dtype=np.int32)]), ends)

    def padded(self, rows: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Ids of some texts and where they are, both of shape (rows, longest); ids are 0 elsewhere."""
        lengths = self.lengths[rows]
        mask = np.arange(max(1, int(lengths.max(initial=0)))) < lengths[:, None]
        ids = np.zeros(mask.shape, dtype=np.int64)
        ids[mask] = self.select(rows).ids
        return ids, mask


class Tokeniser:
    """Text in, token ids out, by the tokenizer of a checkpoint.

    Args:
        definition: the checkpoint's tokenizer.json.
        config: its config.json, which describes the network that reads the ids.
        max_tokens: longer texts are cut off.
    """

    def __init__(self, definition: str, config: dict[str, Any], max_tokens: int) -> None:
        self.definition, self.config, self.max_tokens = definition, config, max_tokens
        self._library = _library(definition)
        self._library.no_padding()
        self._library.enable_truncation(max_tokens)

    @property
    def size(self) -> int:
        """The number of different tokens."""
        return int(self._library.get_vocab_size())

    def transform(self, texts: Iterable[str]) -> Tokens:
        """The token ids of some texts."""
        texts_ids = [encoding.ids for encoding in self._library.encode_batch(list(texts))]
        ends = np.cumsum([0, *map(len, texts_ids)], dtype=np.int64)
        return Tokens(np.array([number for ids in texts_ids for number in ids], dtype=np.int32), ends)


def _library(definition: str) -> "Library":
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise missing_library("tokenizers") from None
    try:
        return Tokenizer.from_str(definition)
    except Exception as error:
        raise ValueError(f"not a tokenizer: {error}") from None


def missing_library(name: str) -> VerdictError:
    """The error of a missing library of the encoder, which is installed only where the encoder is chosen."""
    return VerdictError(name, "not installed; train.model: encoder needs it", INSTALL)


def save_tokeniser(folder: Path, tokeniser: Tokeniser) -> None:
    """Write the tokenizer, the network's config, and the limit."""
    write_text(folder / TOKENIZER, tokeniser.definition)
    write_json(folder / CONFIG, tokeniser.config)
    write_json(folder / LIMIT, {"max_tokens": tokeniser.max_tokens})


def load_tokeniser(folder: Path, remedy: str) -> Tokeniser:
    """Read what `save_tokeniser` wrote; `VerdictError` with `remedy` when a file is missing or something else."""
    limit = read_json(folder / LIMIT, remedy)
    if not isinstance(limit, dict) or type(limit.get("max_tokens")) is not int or limit["max_tokens"] < 2:
        raise VerdictError(str(folder / LIMIT), "holds no max_tokens from 2", remedy)
    return read_tokeniser(folder, limit["max_tokens"], remedy)


def read_tokeniser(folder: Path, max_tokens: int, remedy: str = "another checkpoint") -> Tokeniser:
    """The tokenizer and the config of a checkpoint."""
    config = read_json(folder / CONFIG, remedy)
    if not isinstance(config, dict):
        raise VerdictError(str(folder / CONFIG), "not a config", remedy)
    # Read as JSON first, so that the error of a damaged file has its position.
    definition = json.dumps(read_json(folder / TOKENIZER, remedy), ensure_ascii=False)
    try:
        tokeniser = Tokeniser(definition, config, max_tokens)
    except ValueError as error:
        raise VerdictError(str(folder / TOKENIZER), str(error), remedy) from None
    _require_fit(folder, tokeniser, remedy)
    return tokeniser


def _require_fit(folder: Path, tokeniser: Tokeniser, remedy: str) -> None:
    """Refuse ids or places that the network does not have: it would fail on them in the middle of its work."""
    config = tokeniser.config
    pieces, places = config.get("vocab_size"), config.get("max_position_embeddings")
    if type(pieces) is int and tokeniser.size > pieces:
        what = f"has {tokeniser.size:,} tokens, and the network of {CONFIG} knows {pieces:,}"
        raise VerdictError(str(folder / TOKENIZER), what, remedy)
    if type(places) is not int:
        return
    if "roberta" in str(config.get("model_type")):  # its positions begin after the padding's number
        places -= int(config.get("pad_token_id") or 1) + 1
    if tokeniser.max_tokens > places:
        what = f"the network has {places} places, and max_tokens is {tokeniser.max_tokens}"
        raise VerdictError(str(folder / CONFIG), what, f"featurize.tokens.max_tokens: {places}, or {remedy}")


def write_tokens(path: Path, tokens: Tokens) -> None:
    """Write token ids with their checksum."""
    write_arrays(path, {"ends": tokens.ends, "ids": tokens.ids})


def read_tokens(path: Path, remedy: str) -> Tokens:
    """Read what `write_tokens` wrote; `VerdictError` with `remedy` when it is missing, damaged or something else."""
    return Tokens(**read_arrays(path, remedy, ("ends", "ids"), "token ids"))
