"""Tests of verdict/classifier/scores/published.py."""

from pathlib import Path

import pytest

from verdict.base.errors import VerdictError
from verdict.classifier.scores.published import Published, read_published

HEAD = "name,slice,metric,value\n"


def test_scores_are_read_line_by_line(tmp_path: Path) -> None:
    """Each line is a score; quotes, empty lines and a byte-order mark are as everywhere in CSV."""
    path = tmp_path / "published.csv"
    path.write_text(
        "\ufeff" + HEAD + '"Smith, 2014",tea,weighted_f1,0.84\n\nVADER,"a ""b""",mcc,-1e-1\n', encoding="utf-8"
    )
    assert read_published(path) == [
        Published("Smith, 2014", "tea", "weighted_f1", 0.84),
        Published("VADER", 'a "b"', "mcc", -0.1),
    ]


def test_of_a_head_line_alone_nothing_comes(tmp_path: Path) -> None:
    """Where nobody published anything the file has its head line, and there is nothing to show."""
    (tmp_path / "a.csv").write_text(HEAD, encoding="utf-8")
    assert read_published(tmp_path / "a.csv") == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such file"),
        (b"", "has the columns of no line"),
        (b"name,value\n", "has the columns name, value"),
        (HEAD.encode() + b"a,tea,mcc,0.1\nb,tea,mcc,high\n", "row 2: not name, slice, metric, value"),
        (HEAD.encode() + b"a,tea,mcc\n", "row 1: not name, slice, metric, value"),
        (HEAD.encode() + b"a,tea,mcc,0.1,more\n", "row 1: not name, slice, metric, value"),
        (HEAD.encode() + b"a,tea,mcc,nan\n", "row 1: value is nan, not a finite number"),
        (HEAD.encode() + b"a,tea,mcc,inf\n", "row 1: value is inf, not a finite number"),
        (HEAD.encode() + b"\xff,tea,mcc,0.1\n", "not readable as CSV"),
        (HEAD.encode() + b'"a,tea,mcc,0.1\n', "not readable as CSV"),
    ],
)
def test_what_are_no_scores_is_refused_with_its_row(tmp_path: Path, content: bytes | None, words: str) -> None:
    """The file, the row and what is wrong with it are named, and what the file should be."""
    path = tmp_path / "published.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(VerdictError, match=words) as caught:
        read_published(path)
    assert str(path) in caught.value.where
    assert "name,slice,metric,value" in caught.value.remedy
