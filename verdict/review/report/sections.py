"""The template of the report's sections, and what it takes to fill in those of the comparison."""

from pathlib import Path

from verdict.base.outcome import CANNOT_JUDGE, FAIL, PASS
from verdict.base.paths import EVALUATION, PREDICTIONS
from verdict.classifier.scores.metric_names import HEADLINE, LOWER_IS_BETTER, METRICS, OVERALL
from verdict.repo.repro import RECORD
from verdict.review.compare import BETTER, UNDEFINED, WORSE, Comparison
from verdict.review.gate import Review
from verdict.review.metrics_file import SCORES
from verdict.review.report.markup import Section, Template
from verdict.review.words import NAMES, change, counted, figure, odds, signed

SECTIONS = Template(
    Path(__file__).parent / "templates" / "report.md.j2",
    MARKS={PASS: "✅ Pass", FAIL: "❌ Fail", CANNOT_JUDGE: "⚠️ Cannot judge"},
    WIDTH=560,  # CSS pixels of a plot at most: large enough to read, and two fit on a screen
    BETTER=BETTER,
    WORSE=WORSE,
    UNDEFINED=UNDEFINED,
    METRICS=METRICS,
    HEADLINE=HEADLINE,
    LOWER_IS_BETTER=LOWER_IS_BETTER,
    OVERALL=OVERALL,
    NAMES=NAMES,
    EVALUATION=EVALUATION,
    PREDICTIONS=PREDICTIONS,
    RECORD=RECORD,
    SCORES=SCORES,
    change=change,
    counted=counted,
    odds=odds,
    signed=signed,
)


def figures(review: Review) -> Section:
    """Write the candidate's own figures, where there is nothing to compare or no difference."""
    rows = [
        (group, *(figure(values[name]) if name in values else "absent" for name in METRICS))
        for group, values in sorted(review.figures.items(), key=lambda item: item[0] != OVERALL)
    ]
    return SECTIONS("figures", review, rows)


def sentences(comparison: Comparison, texts: dict[str, str], kind: str) -> Section:
    """Write those whose prediction was `fixed` or `broken`, most confident first."""
    rows = comparison.rows[comparison.rows[kind]].sort_values(["candidate_confidence", "id"], ascending=[False, True])
    return SECTIONS("sentences", kind, list(rows.itertuples()), texts)
