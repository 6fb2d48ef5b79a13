"""Tests of stages/featurize.py."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages import featurize
from tests.unit.stages.runs import Change, drop_column, refusal, remove, set_cell, set_params, truncate, write
from verdict.base.files import read_json, read_table, sha256
from verdict.classifier.features.sparse_io import read_matrix, to_scipy
from verdict.classifier.features.tfidf_io import load_tfidf

TRAIN = "data/prepared/train.parquet"


def test_the_matrices_fit_the_tables_and_the_vocabulary(ran: Path) -> None:
    """Each matrix has a row for each text, a column for each term, and is what the stored encoder gives."""
    encoder = load_tfidf(Path("data/features"))
    for name in ("train", "validation"):
        matrix = read_matrix(Path(f"data/features/{name}.safetensors"), "")
        table = read_table(Path(f"data/prepared/{name}.parquet"), "")
        assert matrix.shape == (len(table), encoder.size)
        assert np.array_equal(matrix.toarray(), to_scipy(encoder.transform(table["text"])).toarray())


def test_the_test_split_leaves_no_trace(ran: Path) -> None:
    """The features come out the same, byte for byte, when the test split is not there."""
    before = {path.name: sha256(path) for path in Path("data/features").iterdir()}
    Path("data/prepared/test.parquet").unlink()
    featurize.main()
    assert {path.name: sha256(path) for path in Path("data/features").iterdir()} == before


def test_the_source_is_named_by_hash(ran: Path) -> None:
    """source.json holds the SHA-256 of both tables that were read."""
    expected = {name: sha256(Path(f"data/prepared/{name}.parquet")) for name in ("train", "validation")}
    assert read_json(Path("data/features/source.json"), "") == expected


def test_the_truth_stands_beside_the_features_without_the_text(ran: Path) -> None:
    """The features have all columns but the text, in order, and the classes."""
    for name in ("train", "validation"):
        prepared, kept = (pd.read_parquet(f"data/{folder}/{name}.parquet") for folder in ("prepared", "features"))
        assert kept.equals(prepared.drop(columns="text"))
    assert read_json(Path("data/features/dataset.json"), "") == read_json(Path("data/prepared/dataset.json"), "")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(remove("metrics/data.json"), ["metrics/data.json", "no such file"], id="not-validated"),
        pytest.param(
            write("metrics/data.json", '{"violations": 3}'), ["metrics/data.json", "not found valid"], id="violations"
        ),
        pytest.param(write("metrics/data.json", "[]"), ["metrics/data.json", "not found valid"], id="foreign-report"),
        pytest.param(write("metrics/data.json", "{"), ["metrics/data.json", "not readable as JSON"], id="no-json"),
        pytest.param(truncate(TRAIN), [TRAIN, "not readable as parquet"], id="truncated-table"),
        pytest.param(
            set_params("featurize", **{name: {"ngrams": [1, 1], "min_df": 10_000} for name in ("word", "char")}),
            ["no n-gram of words or characters is frequent enough", "featurize.word.min_df"],
            id="no-term-left",
        ),
        pytest.param(
            set_params("featurize", max_memory_gib=0.0001),
            ["need about", "GiB, there are 0.0", "featurize.method: hashing", "featurize.max_memory_gib"],
            id="memory-limit",
        ),
        pytest.param(
            drop_column(TRAIN, "text"),
            [TRAIN, "missing columns: text"],
            id="missing-column",
        ),
        pytest.param(set_cell(TRAIN, "text", None), [TRAIN, "without a value in: text"], id="no-text"),
        pytest.param(
            write("data/prepared/dataset.json", '{"labels": ["a"]}'), ["dataset.json", "labels"], id="one-class"
        ),
    ],
)
def test_bad_input_is_refused(ran: Path, capsys: pytest.CaptureFixture[str], change: Change, words: list[str]) -> None:
    """Tables that were not found valid, or settings that leave nothing, end with exit code 1 and are named."""
    change()
    message = refusal(featurize.main, capsys)
    assert all(word in message for word in words), message
