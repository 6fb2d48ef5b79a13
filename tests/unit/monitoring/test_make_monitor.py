"""Tests of dev/monitor.py, as far as it needs no other program: a table of one's own, and labels with commas."""

from pathlib import Path

import pytest

from dev.monitor import PORTS, _commands, texts
from tests.corpus import write_csv
from verdict.base.files import write_json
from verdict.cli.feedback import _labels


@pytest.mark.parametrize(
    ("columns", "asked"),
    [("text", {"text": "good"}), ("[title, text]", {"title": "lamp", "text": "good"})],
    ids=["one", "two"],
)
def test_what_is_asked_is_the_table_s(tmp_path: Path, columns: str, asked: object) -> None:
    """In one column or in several, as the service takes them, with any format that the pipeline reads."""
    (tmp_path / "params.yaml").write_text(f"data: {{path: own.tsv, text: {columns}}}\n", encoding="utf-8")
    assert "a good lamp" in texts(tmp_path)
    write_csv(tmp_path / "own.tsv", [{"title": "lamp", "text": "good", "label": "a"}], "\t")
    assert texts(tmp_path) == [asked]


def test_a_label_with_a_comma_stays_one(tmp_path: Path) -> None:
    """The process that counts labels knows those of the model, whatever stands in them."""
    labels = ["plant, flower", 'said "so"', "plain"]
    write_json(tmp_path / "manifest.json", {"labels": labels})
    command = _commands(tmp_path, PORTS, tmp_path, ("http://127.0.0.1:1", "owner/name", tmp_path))["feedback"]
    (line,) = (word.removeprefix("--labels=") for word in command if word.startswith("--labels="))
    assert list(_labels(line)) == labels
