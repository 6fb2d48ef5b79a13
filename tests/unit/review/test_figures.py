"""Reported figures, as DVC reads them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from dvc.utils.diff import diff

from tests.unit.review.predictions import of_classes
from verdict.base.errors import VerdictError
from verdict.base.flatten import leaves
from verdict.base.paths import EVALUATION
from verdict.classifier.scores.predictions import metrics_by_slice, metrics_document
from verdict.repo.revisions import Revision, Store
from verdict.review.gate import Review
from verdict.review.metrics_file import parse_metrics
from verdict.review.report.markup import render
from verdict.review.report.sections import figures
from verdict.review.reported_metrics import document_mismatches, mismatches, reported, unknown_entries

REVISION = Revision(Path(), "HEAD", "0" * 40)


def by_dvc(document: dict[str, Any]) -> dict[str, float]:
    """The figures that the review reads from DVC's output for a document."""
    answer = {"diff": {EVALUATION: diff({EVALUATION: {"data": document}}, {}, with_unchanged=True)[EVALUATION]}}
    repo = SimpleNamespace(metrics=SimpleNamespace(diff=lambda **_: answer))
    return reported(cast("Store", SimpleNamespace(repo=repo)), REVISION, REVISION)[0]


NAMES = (
    "a.b",
    "overall",
    "n",
    "weighted_f1",
    "slices.a",
    "a",
    "a b: c",
    "日本",
    "recall",
    "classes.x.f1",
    "x.n",
    "x",
    "'",
    "",
)


def test_slices_and_labels_may_have_any_name() -> None:
    """With any names, each figure is found again in DVC's output, and none is taken for another."""
    labels = tuple(NAMES)
    table = of_classes(np.random.default_rng(1), 200, labels)
    table.insert(2, "slice", [NAMES[number % len(NAMES)].replace("overall", "all") for number in range(200)])
    expected = metrics_document(metrics_by_slice(table, labels, 10), labels)
    document = by_dvc(expected)
    assert mismatches(document, expected, REVISION) == []
    assert len(document) == len(list(leaves(expected)))
    for key in document:
        wrong = mismatches({**document, key: document[key] + 1}, expected, REVISION)
        assert len(wrong) == 1
        assert wrong[0].startswith(f"{key}: ")


def test_a_figure_that_is_missing_or_surplus_is_told() -> None:
    """One that DVC does not show is named with its group, unless it may be missing; one too many is not passed over."""
    assert mismatches({"overall.n": 3.0, "slices.news.n": 3.0}, SMALL, REVISION) == []
    with pytest.raises(VerdictError, match=r"has no n of slices\.news"):
        mismatches({"overall.n": 3.0}, SMALL, REVISION)
    assert mismatches({"overall.n": 3.0}, SMALL, REVISION, ["n"]) == []
    more = {"overall.n": 3.0, "slices.news.n": 3.0, "slices.films.n": 3.0}
    assert mismatches(more, SMALL, REVISION) == ["slices.films.n: nobody computes it"]


SMALL: dict[str, Any] = {"overall": {"n": 3}, "slices": {"news": {"n": 3}}}


def test_the_figures_of_a_candidate_begin_with_all_rows() -> None:
    """The table has overall first, then the slices, by the names of the metrics that the data has."""
    table = of_classes(np.random.default_rng(1), 90, ("ham", "spam")).assign(slice=list("bca") * 30)
    by_slice = metrics_by_slice(table, ("ham", "spam"), 10)
    text = render(figures(Review(REVISION, REVISION, figures=by_slice)))
    assert '<th align="right">ROC AUC</th>' in text
    assert "rating" not in text
    places = [text.index(f">{name}<") for name in ("overall", "b", "c", "a")]
    assert places == sorted(places)


GROUP = {"weighted_f1": 0.5, "n": 3}
DOCUMENT: dict[str, Any] = {"overall": GROUP, "slices": {"news": GROUP}}
TOLD: dict[str, tuple[dict[str, object], str]] = {
    "another key": ({**DOCUMENT, "better": 1.0}, "better"),
    "a string": ({**DOCUMENT, "note": "the best ever"}, "note"),
    "a list": ({**DOCUMENT, "runs": [0.9, 0.99]}, "runs"),
    "an empty object": ({**DOCUMENT, "more": {}}, "more"),
    "another metric of a group": ({**DOCUMENT, "overall": {**GROUP, "f2": 0.9}}, "overall.f2"),
    "a slice without its place": ({**DOCUMENT, "news": GROUP}, "news.weighted_f1"),
    "an object for a figure": ({**DOCUMENT, "overall": {"weighted_f1": {"x": 1}, "n": 3}}, "overall.weighted_f1.x"),
    "a key with a dot": ({**DOCUMENT, "overall.n": 3}, "overall.n"),
}


@pytest.mark.parametrize("kind", TOLD)
def test_what_nobody_computes_is_named(kind: str) -> None:
    """Keys, strings and lists at any depth that are not among the computed figures."""
    document, name = TOLD[kind]
    assert f"{name}: nobody computes it" in unknown_entries(document, DOCUMENT)
    assert unknown_entries(DOCUMENT, DOCUMENT) == []


@pytest.mark.parametrize(
    ("document", "line"),
    [
        ({"n": 3}, "weighted_f1: missing"),
        ({"weighted_f1": 0.51, "n": 3}, "weighted_f1: 0.51, by the predictions 0.5"),
        ({"weighted_f1": "0.5", "n": 3}, "weighted_f1: '0.5', by the predictions 0.5"),
        ({"weighted_f1": 0.5, "n": True}, "n: True, by the predictions 3"),
    ],
)
def test_every_figure_of_a_document_is_compared(document: dict[str, object], line: str) -> None:
    """One that is missing, off or no number is named with what it should be; the sixth digit may differ."""
    assert document_mismatches(document, GROUP) == [line]
    assert document_mismatches({"weighted_f1": 0.500004, "n": 3}, GROUP) == []


def test_a_key_that_stands_twice_is_refused() -> None:
    """Of two figures by one name one reader shows the first, another the last."""
    with pytest.raises(VerdictError, match="a key stands twice"):
        parse_metrics('{"overall": {"n": 9, "n": 3}}', "metrics/evaluation.json")
