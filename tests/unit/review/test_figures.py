"""The figures as DVC hands them over."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from verdict.base.errors import VerdictError
from verdict.base.paths import EVALUATION
from verdict.classifier.scores.metric_names import METRICS
from verdict.repo.revisions import Revision, Store
from verdict.review.gate import Review
from verdict.review.metrics_file import parsed
from verdict.review.report.markup import render
from verdict.review.report.sections import figures
from verdict.review.reported_metrics import shown, strange, unlike

REVISION = Revision(Path(), "HEAD", "0" * 40)


def test_the_order_of_dvc_does_not_reach_the_report() -> None:
    """DVC's keys come in another order each time; the table begins with overall and is the same."""
    groups = ("domains.tweets", "overall", "domains.movies")
    entries = {f"{group}.{name}": {"old": 0.5, "new": 0.5} for group in groups for name in METRICS}
    tables = []
    for ordered in (entries, dict(reversed(entries.items()))):
        answer = {"diff": {EVALUATION: ordered}}
        repo = SimpleNamespace(metrics=SimpleNamespace(diff=lambda answer=answer, **_: answer))
        _, new = shown(cast("Store", SimpleNamespace(repo=repo)), REVISION, REVISION)
        tables.append(render(figures(Review(REVISION, REVISION, figures=new))).partition("<p>")[0])
    assert tables[0] == tables[1]
    assert tables[0].index("overall") < tables[0].index("movies") < tables[0].index("tweets")


GROUP = {"weighted_f1": 0.5, "n": 3}
DOCUMENT: dict[str, Any] = {"overall": GROUP, "domains": {"news": GROUP}}
TOLD: dict[str, tuple[dict[str, object], str]] = {
    "another key": ({**DOCUMENT, "better": 1.0}, "better"),
    "a string": ({**DOCUMENT, "note": "the best ever"}, "note"),
    "a list": ({**DOCUMENT, "runs": [0.9, 0.99]}, "runs"),
    "an empty object": ({**DOCUMENT, "more": {}}, "more"),
    "another metric of a group": ({**DOCUMENT, "overall": {**GROUP, "f2": 0.9}}, "overall.f2"),
    "a domain without its place": ({**DOCUMENT, "news": GROUP}, "news.weighted_f1"),
    "an object for a figure": ({**DOCUMENT, "overall": {"weighted_f1": {"x": 1}, "n": 3}}, "overall.weighted_f1.x"),
    "a key with a dot": ({**DOCUMENT, "overall.n": 3}, "overall.n"),
}


@pytest.mark.parametrize("kind", TOLD)
def test_what_nobody_computes_is_named(kind: str) -> None:
    """Keys, strings and lists at any depth that are not among the computed figures."""
    told, name = TOLD[kind]
    assert f"{name}: nobody computes it" in strange(told, DOCUMENT)
    assert strange(DOCUMENT, DOCUMENT) == []


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ({"n": 3}, "weighted_f1: missing"),
        ({"weighted_f1": 0.51, "n": 3}, "weighted_f1: 0.51, by the predictions 0.5"),
        ({"weighted_f1": "0.5", "n": 3}, "weighted_f1: '0.5', by the predictions 0.5"),
        ({"weighted_f1": 0.5, "n": True}, "n: True, by the predictions 3"),
    ],
)
def test_every_figure_of_a_document_is_compared(told: dict[str, object], found: str) -> None:
    """One that is missing, off or no number is named with what it should be; the sixth digit may differ."""
    assert unlike(told, GROUP) == [found]
    assert unlike({"weighted_f1": 0.500004, "n": 3}, GROUP) == []


def test_a_key_that_stands_twice_is_refused() -> None:
    """Of two figures by one name one reader shows the first, another the last."""
    with pytest.raises(VerdictError, match="a key stands twice"):
        parsed('{"overall": {"n": 9, "n": 3}}', "metrics/evaluation.json")
