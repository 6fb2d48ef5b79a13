"""The figures as DVC hands them over."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

from review.bootstrap import METRICS
from review.figures import shown
from review.gate import Review
from review.paths import EVALUATION
from review.report.markup import render
from review.report.sections import figures
from review.revisions import Revision, Store

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
