"""The rules on the model: not measurably worse, floors, seeds, size, time.

Main's own faults are not a change's: what does not touch the model is not failed by what main itself fails.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from verdict.base.paths import ARTIFACT
from verdict.classifier.params.metric_names import BINARY, OVERALL
from verdict.classifier.scores.predictions import MetricsBySlice
from verdict.review.compare import UNDEFINED, WORSE, Difference
from verdict.review.evidence import Evidence
from verdict.review.metrics_file import SCORES, Seeds
from verdict.review.params import Gate
from verdict.review.words import (
    change,
    counted,
    figure,
    figure_beside,
    first_few,
    interval,
    metric_in,
    short_name,
    title,
)

BY_PERSON = "let a person approve it: --approve {0}, or in a pull request the label `approve: {0}`"
_ON_SHARED = "; on the rows that main has, too: "
_MAINS = "; but every prediction is main's"
_BETTER = "a better model; verdict compare shows where it lost"
_POLICY = "or take it out of gate.{} of params.yaml on main first, in a change of its own (--approve policy)"
Lines = Callable[[str, str], list[Difference]]


@dataclass(frozen=True)
class Rule:
    """One rule's outcome: its name, what it requires, what was found, and what to do where it failed.

    `brief` is the finding for the verdict's first line; empty where the claim about the model says it.
    """

    name: str
    requirement: str
    passed: bool
    finding: str
    remedy: str = ""
    approved: bool = False
    brief: str = ""


def worse(policy: Gate, lines: Lines, headline: str, there_is: Sequence[str], unchanged: bool) -> Iterator[Rule]:
    """Measurably worse on the approved rows, or on those of them that main approves already.

    Args:
        policy: main's.
        lines: the differences of a group's metric: on the approved rows, and on those that main has, too.
        headline: the metric that decides.
        there_is: the groups that there are.
        unchanged: every prediction is main's.
    """
    for group, metric in policy.claims(headline):
        name = f"worse:{group}" if metric == headline else f"worse:{group}:{metric}"
        required = f"{metric_in(metric, group)} is not measurably worse{_by_more_than(policy.tolerance)}"
        found = lines(group, metric)
        if missing := _without_value(found, group, metric, there_is):
            remedy = f"bring its rows back, {_POLICY.format('fail_on_worse')}"
            yield Rule(name, required, unchanged, missing + (_MAINS if unchanged else ""), remedy, brief=missing)
            continue
        lost = [line for line in found if line.lost_more_than(policy.tolerance)]
        text = _ON_SHARED.join(_compared(line, policy.tolerance) for line in found)
        brief = "" if metric == headline or not lost else change(lost[0])
        yield Rule(name, required, not lost, text, _remedy(found, "fail_on_worse"), brief=brief)


def _by_more_than(tolerance: float) -> str:
    return (
        f" by more than {tolerance:g} (gate.tolerance: all of the interval is below −{tolerance:g})"
        if tolerance
        else ""
    )


def _compared(line: Difference, tolerance: float) -> str:
    allowed = ", by no more than may be" if line.verdict == WORSE and not line.lost_more_than(tolerance) else ""
    return f"{change(line)}, {interval(line)}: {line.verdict}{allowed}"


def _without_value(found: list[Difference], group: str, metric: str, there_is: Sequence[str]) -> str:
    """Why a group's metric has none; empty where it has one."""
    if not found:
        return f"no test row of it; there is {first_few([short_name(name) for name in there_is])}"
    if found[0].verdict != UNDEFINED:
        return ""
    why = "none of its rows has that label" if ":" in metric else "the truth is the same for all of its rows"
    return f"{title(metric)} has no value there: {why}"


def floors(
    policy: Gate, figures: MetricsBySlice, lines: Lines, headline: str, excused: Callable[[str, str, float], bool]
) -> Iterator[Rule]:
    """Main's floors: for the approved rows, and for those of them that main approves already; or that there is none.

    Args:
        policy: main's.
        figures: the candidate's, on the approved rows.
        lines: as for `worse`.
        headline: the metric that decides.
        excused: whether a group's metric may be below a floor, since it is so on main, with the same model.
    """
    if not policy.floors:
        yield _proposed(figures[OVERALL], headline)
    for (group, metric), floor in policy.floors_of(headline).items():
        name = f"floor:{group}" if metric == headline else f"floor:{group}:{metric}"
        required = f"{metric_in(metric, group)} is at least {floor:g}"
        own, excuse = figures.get(group, {}), excused(group, metric, floor)
        value = own.get(metric) if own.get(f"support:{metric.partition(':')[2]}", 1) else None
        if value is None:
            found = "no figure for it" + (", nor on main" if excuse else "")
            remedy = f"bring its rows back, {_POLICY.format('floors')}"
            yield Rule(name, required, excuse, found, remedy, brief="no figure for it")
            continue
        measured = lines(group, metric)
        values = [value, *(line.candidate for line in measured[1:])]
        found, lowest = _ON_SHARED.join(figure_beside(value, floor) for value in values), min(values)
        if lowest < floor and excuse:
            found += ", below the floor, but so on main"
        brief = f"{figure_beside(lowest, floor)}, at least {floor:g}"
        yield Rule(name, required, lowest >= floor or excuse, found, _remedy(measured, "floors"), brief=brief)


def _proposed(own: Mapping[str, float], headline: str) -> Rule:
    """What a floor could be: two standard errors of a share below what was measured, rounded down to two digits.

    Without a mistake in n rows the share of mistakes may still be 3/n, so a floor is at least so far below.
    """
    value, rows = own[headline], _rows_behind(own, headline)
    share = min(max(value, 0.0), 1.0)
    margin = max(2 * math.sqrt(share * (1 - share) / rows), 3 / rows)
    floor = max(math.floor(100 * (value - margin)) / 100, 0.0)
    found = f"no floor yet: {title(headline)} {figure(value)} measured; consider gate.floors: {{{OVERALL}: {floor:g}}}"
    return Rule("floors", "gate.floors of params.yaml names the least that a model must reach", True, found)


def _rows_behind(own: Mapping[str, float], metric: str) -> float:
    """The rows that a metric is as uncertain as a share of: those of the rarer class, or each class weighing alike."""
    supports = [count for name, count in own.items() if name.startswith("support:") and count]
    if not supports or metric not in (*BINARY, "macro_f1", "mcc"):
        return own["n"]
    return min(supports) if metric in BINARY else len(supports) ** 2 / sum(1 / count for count in supports)


def _remedy(lines: list[Difference], group: str) -> str:
    """A better model; where a person lets other rows count, another policy may belong to them."""
    return f"{_BETTER}; {_POLICY.format(group)}" if len(lines) > 1 else _BETTER


def seeds(policy: Gate, told: Seeds | None, headline: str, is_mains: bool) -> Iterator[Rule]:
    """Enough seeds, and alike. Nothing is asked of one seed where one is enough."""
    if told is None:
        return
    asked = policy.seeds
    enough, alike = told.count >= asked.at_least, told.std <= asked.max_spread
    required = (
        f"{SCORES} tells at least {asked.at_least} seeds, with a standard deviation of at most {asked.max_spread:g}"
    )
    found = told.text(title(headline)) + (_MAINS if is_mains and not (enough and alike) else "")
    remedy = f"{SCORES} must tell it: more of train.seeds" if not enough else "a model that depends less on its seed"
    brief = f"standard deviation {figure_beside(told.std, asked.max_spread)}, at most {asked.max_spread:g}"
    if not enough:
        brief = f"{counted(told.count, 'seed')}, at least {asked.at_least}"
    yield Rule(
        "seeds", required, (enough and alike) or is_mains, found, "" if enough and alike else remedy, brief=brief
    )


def size(policy: Gate, base: Evidence | None, candidate: Evidence, unchanged: bool) -> Rule:
    """The artifact's size; main's model may have main's."""
    most, own = policy.max_artifact_mb, candidate.artifact_bytes / 1e6
    excuse = _excuse(base, candidate, unchanged) if own > most else ""
    required = f"{ARTIFACT} is at most {most:g} MB"
    remedy, brief = "fewer features, or a smaller model", f"{figure_beside(own, most, 1)} MB, at most {most:g} MB"
    return Rule(
        "size", required, own <= most or bool(excuse), f"{figure_beside(own, most, 1)} MB{excuse}", remedy, brief=brief
    )


def speed(policy: Gate, base: Evidence | None, candidate: Evidence, seconds: float, unchanged: bool) -> Rule:
    """The time to predict, by the least of several looks; main's model may take its time."""
    most = policy.max_seconds_per_1000
    excuse = _excuse(base, candidate, unchanged) if seconds > most else ""
    if seconds > most and not excuse:
        seconds = min(seconds, candidate.remeasured_seconds())
    required = f"1,000 rows are predicted in at most {most:g} s (clock or processor), on the machine that judges"
    brief = f"{figure_beside(seconds, most, 2)} s, at most {most:g} s"
    passed = seconds <= most or bool(excuse)
    return Rule(
        "time", required, passed, f"{figure_beside(seconds, most, 2)} s{excuse}", "a simpler model", brief=brief
    )


def same_artifact(base: Evidence | None, candidate: Evidence) -> bool:
    """Whether the candidate's artifact is main's, by its hash."""
    theirs = base.revision.outputs.get(ARTIFACT) if base else None
    return theirs is not None and theirs == candidate.revision.outputs.get(ARTIFACT)


def _excuse(base: Evidence | None, candidate: Evidence, unchanged: bool) -> str:
    """Why a model may be above a limit: it is main's, which is above it, too."""
    if same_artifact(base, candidate):
        return ", above the limit; but main's very artifact"
    if base and unchanged and candidate.artifact_bytes <= base.artifact_bytes:
        return f", above the limit{_MAINS}"
    return ""
