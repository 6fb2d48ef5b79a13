"""The sections that come straight from the verdict and the comparison."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from verdict.base.errors import VerdictError
from verdict.base.outcome import CANNOT_JUDGE, FAIL, PASS
from verdict.base.paths import EVALUATION, PREDICTIONS
from verdict.classifier.scores.metric_names import (
    HEADLINE,
    LOWER_IS_BETTER,
    METRICS,
    OVERALL,
)
from verdict.repo.lock.check import Finding
from verdict.repo.revisions import Revision
from verdict.review.compare import (
    BETTER,
    SAME,
    UNDEFINED,
    WORSE,
    Comparison,
    Difference,
    Group,
)
from verdict.review.gate import Review
from verdict.review.metrics_file import SCORES
from verdict.review.policy import Change
from verdict.review.report.markup import (
    Block,
    Section,
    code,
    of_table,
    own,
    paragraph,
)
from verdict.review.rules.model import Rule
from verdict.review.words import (
    NAMES,
    change,
    counted,
    figure,
    interval,
    odds,
)

MARKS = {PASS: "✅ Pass", FAIL: "❌ Fail", CANNOT_JUDGE: "⚠️ Cannot judge"}
_MOST_SENTENCES = 20
WORDS = {BETTER: "▲ better", WORSE: "▼ worse", SAME: SAME, UNDEFINED: UNDEFINED}


def source(review: Review, path: str) -> str:
    """Where figures come from: a file, and the revisions it was read at."""
    sides = [side for side in (review.base, review.candidate) if side]
    return f"<sub>{own(path)}, {' and '.join(map(named, sides))}</sub>"


def named(revision: Revision) -> str:
    """A revision as people call it, with its commit."""
    return f"{code(revision.name, 80)} at {code(revision.short)}"


def verdict(review: Review) -> Section:
    """The heading, the figures, and what failed."""
    blocks = [Block(f"<h2>{MARKS[review.code]}{_heading(review)}</h2>")]
    if review.reason:
        blocks.append(_reason(review.reason))
    else:
        measured = own(review.measured)
        blocks.append(paragraph(f"<b>{measured[0].upper()}{measured[1:]}.</b>"))
    if review.unapproved:
        text = own(review.unapproved)
        blocks.append(paragraph(f"{text[0].upper()}{text[1:]}. The figures of {EVALUATION} are of all test sentences."))
    if review.seeds and review.seeds.count > 1:
        blocks.append(paragraph(f"{own(review.seeds.text)} (mean ± standard deviation; {own(SCORES)})."))
    if review.private:
        blocks.append(paragraph(f"{own(review.private[0].upper() + review.private[1:])}."))
    against = f" against {named(review.base)}" if review.base else ", with nothing to compare it with"
    blocks.append(paragraph(f"{named(review.candidate)}{against}."))
    if review.failed:
        lines = "".join(f"<li><b>{own(rule.name)}</b>: {own(rule.found)}</li>" for rule in review.failed)
        blocks.append(Block(f"<ul>{lines}</ul>"))
    return Section("", blocks, 0)


def _heading(review: Review) -> str:
    """What decided, where the claim about the model does not say it, and the claim."""
    if review.reason:
        return ""
    grounds = f", {review.grounds}" if any(rule.brief for rule in review.failed) else ""
    return own(f"{grounds}: {review.claim}")


def _reason(reason: VerdictError) -> Block:
    return paragraph(f"<b>{own(reason.where)}</b>: {own(reason.what)}<br>Remedy: {own(reason.remedy)}")


def rules(review: Review) -> Section:
    """The gate's rules with their outcomes; main's, and which of them were waved through."""
    failed = [rule for rule in review.rules if not rule.passed or rule.approved]
    passed = [rule for rule in review.rules if rule not in failed]
    blocks = [of_table(("failed", "found"), map(_rule, failed))] if failed else []
    if passed:
        block = of_table(("passed", "found"), map(_rule, passed))
        summary = f"<details>\n<summary>{len(passed)} rules pass</summary>\n"
        blocks.append(
            replace(block, before=summary + block.before, after=block.after + "\n</details>") if failed else block
        )
    if review.base and review.policy:
        blocks.append(paragraph(source_of_policy(review.base)))
    count = sum(rule.passed for rule in review.rules)
    waved = sum(rule.approved for rule in review.rules)
    note = f": {count} of {len(review.rules)} pass" + (f", {waved} of them by approval" if waved else "")
    return Section("Rules of the gate", blocks, 0, not failed, note)


def findings(found: Sequence[Finding]) -> Section:
    """All that is wrong with dvc.lock."""
    lines = [f"<li>{own(f.stage)}: {own(f.where)}: {own(f.what)}; mend: {own(f.mend)}</li>" for f in found]
    return Section("What is wrong with dvc.lock", [Block("<ul>", lines, "</ul>")], 2, len(lines) > 5, f": {len(lines)}")


def _rule(rule: Rule) -> tuple[str, str]:
    mark = "🔓 approved by a person" if rule.approved else "✅" if rule.passed else "❌"
    remedy = "" if rule.passed or not rule.remedy else f"<br><i>{own(rule.remedy)}</i>"
    return f"{mark} <b>{own(rule.name)}</b><br><sub>{own(rule.asks)}</sub>", own(rule.found) + remedy


def source_of_policy(base: Revision) -> str:
    """A line on whose rules these are."""
    return f"<sub>The rules are those of {named(base)} (params.yaml, gate): a change cannot rewrite its own.</sub>"


def metrics(review: Review, comparison: Comparison) -> Section:
    """Every metric overall."""
    rows = [_line(_named_metric(name), comparison.of(OVERALL, name)) for name in METRICS]
    group = comparison.groups[0]
    together = f"hold together with {_percent(comparison.confidence)}"
    claims = review.policy.claims if review.policy else ()
    also = [f"{NAMES[metric]} of {group}" for group, metric in claims if metric != HEADLINE]
    judged = f"{NAMES[HEADLINE]}, here and by domain" + (f", with {own(', '.join(also))}" if also else "")
    note = f"The intervals of {judged}, {together}; so do all others."
    note += f" {_mended(group)}"
    origin = source(review, f"{EVALUATION} and {'/'.join(PREDICTIONS)}")
    return Section("Metrics", [of_table(_HEAD, rows, (2,)), paragraph(f"{note}<br>{origin}")], 1)


def figures(review: Review) -> Section:
    """The candidate's own figures, where there is nothing to compare or no difference."""
    rows = [
        (own(group), *(figure(values[name]) if name in values else "absent" for name in METRICS))
        for group, values in sorted(review.figures.items(), key=lambda item: item[0] != OVERALL)
    ]
    head = ("", *(NAMES[name] for name in METRICS))
    origin = f"<sub>{EVALUATION}, {named(review.candidate)}, as <code>dvc metrics diff</code> shows it</sub>"
    return Section("Metrics", [of_table(head, rows, range(1, len(head))), paragraph(origin)], 1)


def domains(comparison: Comparison) -> Section:
    """The headline metric by domain, and how small a loss each could show; the other metrics folded below."""
    groups = comparison.groups[1:]
    rows = [
        (*_line(own(group.name), comparison.of(group.name)), _test_set(group, comparison.unchanged)) for group in groups
    ]
    note = "Weighted F1. A loss counts as seen where 9 of 10 such test sets would call it worse."
    blocks = [of_table(("domain", *_HEAD[1:], "sentences"), rows, (2,)), paragraph(note)]
    if comparison.test_changed:
        blocks.append(paragraph(_on_other_sentences(comparison)))
    return Section("Domains", blocks, 1)


def _test_set(group: Group, unchanged: bool) -> str:
    """How many sentences there are, what became of them, and what so many can show."""
    left_out = f" ({group.left_out} left out)" if group.left_out else ""
    counts = f"{group.sentences:,}{left_out}<br><sub>{group.fixed} fixed, {group.broken} broken</sub>"
    return counts if unchanged else f"{counts}<br><sub>{_visible(group)}</sub>"


def _visible(group: Group) -> str:
    """How small a loss would have been seen."""
    if group.detectable is not None:
        return f"loss seen from {group.detectable:.3f} on"
    return "of one document, which shows no loss" if group.documents == 1 else "no prediction differs in its class"


def other_metrics(comparison: Comparison) -> Section:
    """Every other metric by domain."""
    rows = [
        (own(group.name), *_line(_named_metric(name), comparison.of(group.name, name)))
        for group in comparison.groups[1:]
        for name in METRICS
        if name != HEADLINE
    ]
    return Section("All metrics by domain", [of_table(("domain", *_HEAD), rows, (3,))], 6, True)


def _named_metric(name: str) -> str:
    return NAMES[name] + (" (less is better)" if name in LOWER_IS_BETTER else "")


_HEAD = ("metric", "main → candidate", "difference")


def _line(name: str, line: Difference) -> tuple[str, str, str]:
    """Three cells: they fit side by side on a telephone."""
    difference, _, bounds = interval(line).partition(" ")
    word = f"<b>{WORDS[line.verdict]}</b>" if line.verdict in (BETTER, WORSE) else f"<sub>{WORDS[line.verdict]}</sub>"
    if line.verdict == UNDEFINED:
        return f"<b>{name}</b><br>{word}", "–", ""
    return f"<b>{name}</b><br>{word}", change(line), f"{difference}<br><sub>{bounds}</sub>"


def _percent(share: float) -> str:
    return f"{share * 100:g} %"


def _mended(group: Group) -> str:
    if not group.fixed + group.broken:
        return "No prediction changed from right to wrong or back."
    counts = f"{counted(group.fixed, 'sentence')} fixed, {group.broken:,} broken"
    return f"{counts} (McNemar, exact, by sentence: {odds(group.p_value)})."


def _on_other_sentences(comparison: Comparison) -> str:
    left = comparison.groups[0].left_out
    return (
        "The test set changed, so main's artifact was run on the candidate's sentences; main's figures here are not"
        f" those of its own metrics file. {left:,} sentences that main had learnt from were left out."
    )


def params(changes: list[Change]) -> Section:
    """The keys of params.yaml that differ."""
    if not changes:
        return Section("Parameters", [paragraph("None changed.")], 3, True, ": none changed")
    rows = [(code(change.key), _value(change.base), _value(change.candidate)) for change in changes]
    block = of_table(("key of params.yaml", "main", "candidate"), rows)
    return Section("Parameters changed", [block], 3, len(rows) > 12, f": {len(rows)}")


def _value(value: Any) -> str:  # noqa: ANN401 - YAML
    return "<i>absent</i>" if value is None else code(value)


def sentences(comparison: Comparison, texts: dict[str, str]) -> Iterator[Section]:
    """Those whose prediction was mended or broken, most confident first."""
    for kind, side in (("fixed", "candidate"), ("broken", "candidate")):
        rows = comparison.rows[comparison.rows[kind]].sort_values([f"{side}_confidence", "id"], ascending=[False, True])
        lines = [
            f"<li>{code(texts.get(str(row.id), '?'))}<br>{own(row.domain)} {code(row.id, 40)}: was {own(row.base)},"
            f" now <b>{own(row.candidate)}</b> ({row.candidate_confidence:.0%} sure), by the raters {own(row.label)}"
            f" ({row.valence:+.2f})</li>"
            for row in rows.itertuples()
        ]
        title = f"Sentences {kind}"
        body = Block("<ul>", lines, "</ul>", most=_MOST_SENTENCES) if lines else paragraph("None.")
        yield Section(title, [body], 8, True, f": {len(lines):,}")
