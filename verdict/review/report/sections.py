"""The template of the report's sections, and the functions that fill in those of the comparison."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from markupsafe import Markup

from verdict.base.outcome import CANNOT_JUDGE, FAIL, PASS
from verdict.base.paths import EVALUATION, PREDICTIONS, VALIDATION_METRICS
from verdict.classifier.params.metric_names import BY_CLASS, LOWER_IS_BETTER, OVERALL
from verdict.repo.repro import RECORD_FILE
from verdict.repo.revisions import Revision
from verdict.review.compare import BETTER, UNDEFINED, WORSE, Comparison
from verdict.review.gate import Review
from verdict.review.report.markup import Section, Template, code
from verdict.review.words import (
    LONGEST,
    NAMES,
    change,
    counted,
    figure,
    metric_in,
    p_value_text,
    short_name,
    signed,
    title,
)

_MOST_PAIRS = 100  # pairs of classes between which predictions moved
SECTIONS = Template(
    Path(__file__).parent / "templates" / "report.md.j2",
    MARKS={PASS: "✅ Pass", FAIL: "❌ Fail", CANNOT_JUDGE: "⚠️ Cannot judge"},
    WIDTH=560,  # CSS pixels of a plot at most: large enough to read, and two fit on a screen
    BETTER=BETTER,
    WORSE=WORSE,
    UNDEFINED=UNDEFINED,
    LOWER_IS_BETTER=LOWER_IS_BETTER,
    OVERALL=OVERALL,
    LONGEST=LONGEST,
    MOST=12,  # rows of a table that are seen at once
    EVALUATION=EVALUATION,
    PREDICTIONS=PREDICTIONS,
    RECORD=RECORD_FILE,
    VALIDATION_METRICS=VALIDATION_METRICS,
    metric_in=metric_in,
    change=change,
    counted=counted,
    short_name=short_name,
    p_value_text=p_value_text,
    signed=signed,
    title=title,
)


def slice_title(revision: Revision) -> str:
    """The title of a revision's slices: the names of their columns in params.yaml."""
    group = revision.params.get("data")
    columns = group.get("slice") if isinstance(group, dict) else None
    names = columns if isinstance(columns, list) else [columns]
    return ", ".join(map(str, names)) if columns else "slice"


def figures(review: Review) -> Section:
    """Write the candidate's figures, where there is no comparison or no difference."""
    metrics = [name for name in review.figures[OVERALL] if name in NAMES]
    rows = [
        (OVERALL if group == OVERALL else code(group, LONGEST), *(figure(values[name]) for name in metrics))
        for group, values in review.figures.items()
    ]
    return SECTIONS("figures", review, [title(name) for name in metrics], rows)


def slices(review: Review, comparison: Comparison) -> Iterator[Section]:
    """Write the headline metric of each slice, and all others; nothing where there are no slices."""
    if comparison.slices:
        name = slice_title(review.candidate)
        yield SECTIONS("slices", comparison, name)
        yield SECTIONS("other_metrics", comparison, name)


def classes(comparison: Comparison) -> Section:
    """Write each class's figures, the most changed first, and between which classes predictions moved."""
    rows = comparison.rows
    sides = [_by_class(rows["label"], rows[name], list(comparison.labels)) for name in ("base", "candidate")]
    by_label = zip(comparison.labels, *sides, strict=True)
    order = sorted(by_label, key=lambda entry: -abs(entry[2]["f1"] - entry[1]["f1"]))
    cells = [
        (code(label, LONGEST), *(_change(old[name], new[name]) for name in BY_CLASS), f"{new['support']:,.0f}")
        for label, old, new in order
    ]
    moved = rows[rows["base"] != rows["candidate"]].groupby(["base", "candidate"])[["fixed", "broken"]].sum()
    moved["all"] = moved.sum(axis=1)
    moved = moved[moved["all"] > 0].sort_values("all", ascending=False, kind="stable")
    pairs = [  # the commonest only: many classes have thousands
        (Markup("{} → {}").format(code(old, LONGEST), code(new, LONGEST)), f"{row.fixed:,}", f"{row.broken:,}")
        for (old, new), row in zip(moved.index[:_MOST_PAIRS], moved.head(_MOST_PAIRS).itertuples(), strict=True)
    ]
    return SECTIONS("classes", cells, pairs)


def _by_class(actual: pd.Series, predicted: pd.Series, labels: list[str]) -> list[dict[str, float]]:
    """Precision, recall, F1 and support of each class; 0 where the divisor is 0."""
    hits, support, predictions = (
        column.value_counts().reindex(labels, fill_value=0)
        for column in (actual[actual == predicted], actual, predicted)
    )
    parts = {"precision": hits / predictions, "recall": hits / support, "f1": 2 * hits / (support + predictions)}
    table = pd.DataFrame({**parts, "support": support}).fillna(0.0)
    return [dict(row) for _, row in table.iterrows()]


def _change(old: float, new: float) -> str:
    return f"{old:.3f} → {new:.3f}"


def texts(comparison: Comparison, texts_by_id: dict[str, str], kind: str) -> Section:
    """Write the texts whose prediction was `fixed` or `broken`, most confident first."""
    rows = comparison.rows[comparison.rows[kind]].sort_values(["candidate_confidence", "id"], ascending=[False, True])
    return SECTIONS("texts", kind, list(rows.itertuples()), texts_by_id)
