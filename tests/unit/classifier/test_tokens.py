"""Tests of verdict/classifier/features/tokens.py."""

import builtins
from pathlib import Path

import numpy as np
import pytest

from tests.checkpoints import CONFIG, tokenizer
from verdict.base.errors import VerdictError
from verdict.classifier.features.tokens import (
    Tokeniser,
    Tokens,
    load_tokeniser,
    read_tokens,
    save_tokeniser,
    write_tokens,
)


def some() -> Tokens:
    """Four texts of 2, 0, 3 and 1 tokens."""
    return Tokens(np.array([5, 6, 7, 8, 9, 4], dtype=np.int32), np.array([0, 2, 2, 5, 6]))


def tokeniser(max_tokens: int = 8) -> Tokeniser:
    """One that cuts words into letters."""
    return Tokeniser(tokenizer().to_str(), CONFIG, max_tokens)


def test_texts_are_told_apart_and_cut() -> None:
    """Each text gets its own ids between the marks of beginning and end, and never more than the limit."""
    tokens = tokeniser().transform(["ab", "", "abcdefghijkl"])
    assert tokens.lengths.tolist() == [4, 2, 8]
    assert tokens.ids[:4].tolist() == [2, 4, 47, 3]


def test_padding_stands_behind_each_text() -> None:
    """Chosen rows come in the order asked for, filled up to the longest, with a mask of what is theirs."""
    ids, mask = some().padded(np.array([2, 3, 1]))
    assert ids.tolist() == [[7, 8, 9], [4, 0, 0], [0, 0, 0]]
    assert mask.sum(axis=1).tolist() == [3, 1, 0]


def test_no_rows_at_all_are_padded_too() -> None:
    """A share of a batch without a text is an empty array, not an error."""
    ids, mask = some().padded(np.array([], dtype=np.int64))
    assert ids.shape == mask.shape == (0, 1)


def test_joined_texts_keep_their_tokens() -> None:
    """The second's texts stand behind the first's."""
    both = some().concatenate(some())
    assert len(both) == 8
    assert both.padded(np.array([6]))[0].tolist() == [[7, 8, 9]]


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """Ids and ends come back as they were, in the same bytes each time."""
    write_tokens(tmp_path / "a", some())
    write_tokens(tmp_path / "b", some())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    found = read_tokens(tmp_path / "a", "")
    assert (found.ids == some().ids).all()
    assert (found.ends == some().ends).all()


def test_damaged_tokens_are_refused_by_name(tmp_path: Path) -> None:
    """A flipped byte, half a file, and no file are told with the file's name and the remedy."""
    path = tmp_path / "tokens.safetensors"
    write_tokens(path, some())
    content = bytearray(path.read_bytes())
    content[-1] ^= 0xFF
    for damaged in (bytes(content), bytes(content[:40]), b""):
        path.write_bytes(damaged)
        with pytest.raises(VerdictError, match=r"tokens\.safetensors: not readable as token ids") as caught:
            read_tokens(path, "run it again")
        assert caught.value.remedy == "run it again"
    path.unlink()
    with pytest.raises(VerdictError, match="no such file"):
        read_tokens(path, "")


@pytest.mark.parametrize("name", ["tokenizer.json", "config.json", "tokens.json"])
@pytest.mark.parametrize("content", ["", "[]", '{"max_tokens": "many"}'])
def test_a_damaged_tokeniser_is_refused_by_name(tmp_path: Path, name: str, content: str) -> None:
    """Each of its files is named when it is not what it should be."""
    save_tokeniser(tmp_path, tokeniser())
    assert load_tokeniser(tmp_path, "").transform(["ab"]).ids.tolist() == [2, 4, 47, 3]
    (tmp_path / name).write_text(content, encoding="utf-8")
    if (name, content[:1]) == ("config.json", "{"):
        return  # any object is a config to this module; the network looks at what is in it
    with pytest.raises(VerdictError, match=name):
        load_tokeniser(tmp_path, "")


def test_a_missing_library_is_told_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the encoder's libraries are not installed, the error says how to get them."""
    definition, imported = tokenizer().to_str(), builtins.__import__

    def without(name: str, *others: object) -> object:
        if name == "tokenizers":
            raise ImportError(name)
        return imported(name, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(VerdictError, match="tokenizers: not installed") as caught:
        Tokeniser(definition, CONFIG, 8)
    assert "make encoder" in caught.value.remedy


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"max_position_embeddings": 7}, "the network has 7 places, and max_tokens is 8"),
        ({"model_type": "roberta", "max_position_embeddings": 9, "pad_token_id": 1}, "the network has 7 places"),
        ({"vocab_size": 87}, "has 88 tokens, and the network of config.json knows 87"),
    ],
)
def test_tokens_that_the_network_does_not_have_are_refused(
    tmp_path: Path, config: dict[str, object], words: str
) -> None:
    """A limit above the network's places, or more tokens than it knows, is told when they are read, not on a GPU."""
    save_tokeniser(tmp_path, Tokeniser(tokenizer().to_str(), {"model_type": "bert", **config}, 8))
    with pytest.raises(VerdictError, match=words):
        load_tokeniser(tmp_path, "another checkpoint")
