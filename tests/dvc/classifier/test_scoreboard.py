"""Tests of verdict/classifier/scores/scoreboard.py, and of whether its figures are those of the data in params.yaml."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from verdict.base.documents import dump
from verdict.base.errors import VerdictError
from verdict.classifier.params.metric_names import metrics_of
from verdict.classifier.scores.scoreboard import SHOWN, scoreboard
from verdict.repo.lock.current import require_current_metrics

HEAD = "name,slice,metric,value\n"
PATH = "metrics/evaluation.json"
PARAMS = {"data": {"path": "a.csv", "text": "text", "label": "label"}, "split": {"salt": "s"}}


def figures(classes: int, value: float, n: int, rated: bool = False) -> dict[str, float]:
    """All metrics of one group of rows."""
    return {**dict.fromkeys(metrics_of(classes, rated), value), "n": n}


def document(labels: list[str], slices: dict[str, int], rated: bool = False) -> dict[str, Any]:
    """The content of a metrics file."""
    told = {name: {"precision": 0.1, "recall": 0.2, "f1": 0.3, "support": 5} for name in labels}
    whole = {"overall": {**figures(len(labels), 0.75, 90, rated), "classes": told}}
    parts = {name: figures(len(labels), 0.5, n, rated) for name, n in slices.items()}
    return {**whole, "slices": parts} if slices else whole


def shown(folder: Path, content: object, published: str = HEAD) -> list[list[list[str]]]:
    """The words of each line of each table."""
    (folder / "metrics.json").write_text(json.dumps(content), encoding="utf-8")
    (folder / "published.csv").write_text(published, encoding="utf-8")
    text = scoreboard(folder / "metrics.json", folder / "published.csv")
    return [[line.split() for line in table.splitlines()] for table in text.split("\n\n")]


def test_overall_slices_and_classes_stand_in_tables(tmp_path: Path) -> None:
    """Overall comes first, then each slice, then each class; of two classes with their own metrics."""
    scores, classes = shown(tmp_path, document(["ham", "spam"], {"mail": 50, "chat": 40}))
    assert scores[0] == ["test", "n", *metrics_of(2, False)]
    assert [line[:3] for line in scores[1:]] == [
        ["overall", "90", "0.750"],
        ["mail", "50", "0.500"],
        ["chat", "40", "0.500"],
    ]
    assert classes[1:] == [[name, "5", "0.100", "0.200", "0.300"] for name in ("ham", "spam")]


def test_classes_stand_in_the_order_of_the_data(tmp_path: Path) -> None:
    """Classes are in the order of data.labels, not of the file; one that it lacks comes last."""
    (tmp_path / "metrics.json").write_text(json.dumps(document(["a", "b", "c"], {})), encoding="utf-8")
    (tmp_path / "published.csv").write_text(HEAD, encoding="utf-8")
    _, classes = scoreboard(tmp_path / "metrics.json", tmp_path / "published.csv", ("c", "d", "a")).split("\n\n")
    assert [line.split()[0] for line in classes.splitlines()[1:]] == ["c", "a", "b"]


def test_without_slices_and_published_scores_there_is_no_table_of_them(tmp_path: Path) -> None:
    """Data without slices, and a file of published scores with its head line alone, leave two tables."""
    scores, classes = shown(tmp_path, document(["a", "b", "c"], {}))
    assert [len(scores), len(classes)] == [2, 4]


def test_of_many_slices_and_classes_the_largest_are_shown(tmp_path: Path) -> None:
    """Fifty slices and classes: as many as can be read, the largest of them, and how many more there are."""
    made = document([f"class-{n}" for n in range(50)], {f"slice-{n}": n + 1 for n in range(50)})
    scores, classes = shown(tmp_path, made)
    assert [line[0] for line in scores[2:4]] == ["slice-49", "slice-48"]
    assert len(scores) == SHOWN + 3
    assert [table[-1] for table in (scores, classes)] == [["…", "30", "more", what] for what in ("slices", "classes")]


def test_published_scores_stand_beside_ours(tmp_path: Path) -> None:
    """A table for each metric that was published, ours first, a dash where nothing is known."""
    lines = "a model,mail,accuracy,0.6\nanother,chat,accuracy,0.7\na model,overall,mcc,0.4\n"
    accuracy, mcc = shown(tmp_path, document(["a", "b"], {"mail": 50, "chat": 40}), HEAD + lines)[2:]
    assert accuracy == [
        ["accuracy,", "published", "mail", "chat"],
        ["this", "model", "0.50", "0.50"],
        ["a", "model", "0.60", "–"],
        ["another", "–", "0.70"],
    ]
    assert mcc[1:] == [["this", "model", "0.75"], ["a", "model", "0.40"]]


@pytest.mark.parametrize("content", [{}, [], {"overall": {}}, {"overall": {"n": 3, "accuracy": "x", "classes": {}}}])
def test_a_file_without_scores_is_refused(tmp_path: Path, content: object) -> None:
    """JSON that is no evaluation is refused by name."""
    with pytest.raises(VerdictError, match=r"metrics\.json: holds no scores"):
        shown(tmp_path, content)


@pytest.fixture
def reproduced(tmp_path: Path) -> dict[str, Any]:
    """The lock of a run that ended well in the current folder, with its params and metrics."""
    (tmp_path / "metrics").mkdir()
    (tmp_path / PATH).write_text("{}", encoding="utf-8")
    (tmp_path / "params.yaml").write_text(dump(PARAMS), encoding="utf-8")
    (tmp_path / "a.csv.dvc").write_text(dump({"outs": [{"md5": "1", "path": "a.csv"}]}), encoding="utf-8")
    params = {"params.yaml": PARAMS}
    digest = hashlib.md5(b"{}").hexdigest()
    return {
        "prepare": {"deps": [of("a.csv", "1")], "params": params, "outs": [of("test", "2"), of("train", "3")]},
        "train": {"deps": [of("train", "3")], "outs": [of("model", "4")]},
        "evaluate": {"deps": [of("test", "2"), of("model", "4")], "outs": [of(PATH, digest)]},
    }


def of(path: str, digest: str) -> dict[str, str]:
    """A file as dvc.lock has it."""
    return {"path": path, "md5": digest}


def require(folder: Path, stages: dict[str, Any]) -> None:
    """Ask whether the metrics are current, by a lock."""
    (folder / "dvc.lock").write_text(dump({"schema": "2.0", "stages": stages}), encoding="utf-8")
    require_current_metrics(folder, PATH)


def test_the_figures_of_a_whole_run_pass(tmp_path: Path, reproduced: dict[str, Any]) -> None:
    """After a run that ended well nothing is said; nor of another file, nor where there is no lock."""
    require_current_metrics(tmp_path, PATH)
    require(tmp_path, reproduced)
    (tmp_path / PATH).write_text("[]", encoding="utf-8")
    require_current_metrics(tmp_path, "metrics/other.json")


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("data", {"path": "b.csv", "text": "text", "label": "label"}, "data.path is 'b.csv', and was 'a.csv'"),
        ("data", {"path": "a.csv", "text": "text", "label": "label", "id": "x"}, "data.id is 'x', and was None"),
        ("split", {"salt": "t"}, "split.salt is 't', and was 's'"),
    ],
)
def test_figures_of_other_params_of_the_data_are_refused(
    tmp_path: Path, reproduced: dict[str, Any], key: str, value: object, reason: str
) -> None:
    """If params.yaml names other data or another split than the metrics have, the error says which and the remedy."""
    (tmp_path / "params.yaml").write_text(dump({**PARAMS, key: value}), encoding="utf-8")
    with pytest.raises(VerdictError, match=reason) as caught:
        require(tmp_path, reproduced)
    assert caught.value.remedy == "verdict repro"


@pytest.mark.parametrize(
    ("stage", "kind", "reason"),
    [
        ("prepare", "outs", "train has not run since prepare changed train"),
        ("train", "outs", "evaluate has not run since train changed model"),
        ("prepare", "deps", "prepare has not run since a.csv.dvc changed a.csv"),
    ],
)
def test_figures_of_a_run_that_was_stopped_are_refused(
    tmp_path: Path, reproduced: dict[str, Any], stage: str, kind: str, reason: str
) -> None:
    """Metrics are old after a stopped run whose earlier stage ended, or after the table was added again."""
    reproduced[stage][kind][-1]["md5"] = "new"
    with pytest.raises(VerdictError, match=f"of other data: {reason}"):
        require(tmp_path, reproduced)


def test_figures_that_were_edited_are_refused(tmp_path: Path, reproduced: dict[str, Any]) -> None:
    """A metrics file whose bytes differ from its hash in dvc.lock is refused."""
    (tmp_path / PATH).write_text("[]", encoding="utf-8")
    with pytest.raises(VerdictError, match=r"is not the file that dvc\.lock has of evaluate"):
        require(tmp_path, reproduced)
