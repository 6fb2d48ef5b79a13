"""The rules on the model: not measurably worse, floors, seeds, size, time.

A change that leaves the model as it is does not fail a rule that main's model fails, too.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from verdict.base.paths import ARTIFACT, VALIDATION_METRICS
from verdict.classifier.params.metric_names import BINARY, OVERALL
from verdict.classifier.scores.predictions import MetricsBySlice
from verdict.review.compare import UNDEFINED, WORSE, Difference
from verdict.review.evidence import Evidence
from verdict.review.metrics_file import Seeds
from verdict.review.params import Gate
from verdict.review.rules.rule import Rule
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

_ON_SHARED = "; on the rows that main has, too: "
_MAINS = "; but every prediction is main's"
_BETTER = "a better model; verdict compare shows where it lost"
_POLICY = "or take it out of gate.{} of params.yaml on main first, in a change of its own (--approve policy)"
# The differences of a group's metric: on the judged rows, and, where a change brings others, on those of main.
Differences = Callable[[str, str], list[Difference]]


def worse(
    policy: Gate, differences: Differences, headline: str, groups: Sequence[str], unchanged: bool
) -> Iterator[Rule]:
    """Not measurably worse on the judged rows, nor on those of them that main approves already."""
    for group, metric in policy.claims(headline):
        name = f"worse:{group}" if metric == headline else f"worse:{group}:{metric}"
        required = f"{metric_in(metric, group)} is not measurably worse{_by_more_than(policy.tolerance)}"
        compared = differences(group, metric)
        if missing := _missing_value(compared, metric, groups):
            remedy = f"bring its rows back, {_POLICY.format('fail_on_worse')}"
            yield Rule(name, required, unchanged, missing + (_MAINS if unchanged else ""), remedy, brief=missing)
            continue
        lost = [line for line in compared if line.lost_more_than(policy.tolerance)]
        text = _ON_SHARED.join(_compared(line, policy.tolerance) for line in compared)
        brief = "" if metric == headline or not lost else change(lost[0])
        yield Rule(name, required, not lost, text, _remedy(compared, "fail_on_worse"), brief=brief)


def _by_more_than(tolerance: float) -> str:
    return (
        f" by more than {tolerance:g} (gate.tolerance: all of the interval is below −{tolerance:g})"
        if tolerance
        else ""
    )


def _compared(line: Difference, tolerance: float) -> str:
    allowed = ", by no more than may be" if line.verdict == WORSE and not line.lost_more_than(tolerance) else ""
    return f"{change(line)}, {interval(line)}: {line.verdict}{allowed}"


def _missing_value(compared: list[Difference], metric: str, groups: Sequence[str]) -> str:
    """The reason why a group's metric has no value; empty where it has one."""
    if not compared:
        return f"no test row of it; there is {first_few([short_name(name) for name in groups])}"
    if compared[0].verdict != UNDEFINED:
        return ""
    why = "none of its rows has that label" if ":" in metric else "the truth is the same for all of its rows"
    return f"{title(metric)} has no value there: {why}"


def floors(
    policy: Gate,
    figures: MetricsBySlice,
    differences: Differences,
    headline: str,
    excused: Callable[[str, str, float], bool],
) -> Iterator[Rule]:
    """Main's floors, on the judged rows and on those of them that main approves already; or a proposal for a floor.

    `excused` tells whether a metric of a group may be below its floor, as it is on main with the same model.
    """
    if not policy.floors:
        yield _proposed(figures[OVERALL], headline)
    for (group, metric), floor in policy.floors_of(headline).items():
        name = f"floor:{group}" if metric == headline else f"floor:{group}:{metric}"
        required = f"{metric_in(metric, group)} is at least {floor:g}"
        values, excuse = figures.get(group, {}), excused(group, metric, floor)
        value = values.get(metric) if values.get(f"support:{metric.partition(':')[2]}", 1) else None
        if value is None:
            finding = "no figure for it" + (", nor on main" if excuse else "")
            remedy = f"bring its rows back, {_POLICY.format('floors')}"
            yield Rule(name, required, excuse, finding, remedy, brief="no figure for it")
            continue
        compared = differences(group, metric)
        measured = [value, *(on_shared.candidate for on_shared in compared[1:])]
        finding, lowest = _ON_SHARED.join(figure_beside(value, floor) for value in measured), min(measured)
        if lowest < floor and excuse:
            finding += ", below the floor, but so on main"
        brief = f"{figure_beside(lowest, floor)}, at least {floor:g}"
        yield Rule(name, required, lowest >= floor or excuse, finding, _remedy(compared, "floors"), brief=brief)


def _proposed(figures: Mapping[str, float], headline: str) -> Rule:
    """Propose a floor: two standard errors of a share below the measured value, rounded down to two digits.

    Without a mistake in n rows the share of mistakes may still be 3/n, so a floor is at least so far below.
    """
    value, rows = figures[headline], _effective_rows(figures, headline)
    share = min(max(value, 0.0), 1.0)
    margin = max(2 * math.sqrt(share * (1 - share) / rows), 3 / rows)
    floor = max(math.floor(100 * (value - margin)) / 100, 0.0)
    finding = (
        f"no floor yet: {title(headline)} {figure(value)} measured; consider gate.floors: {{{OVERALL}: {floor:g}}}"
    )
    return Rule("floors", "gate.floors of params.yaml names the least that a model must reach", True, finding)


def _effective_rows(figures: Mapping[str, float], metric: str) -> float:
    """The rows of a share as uncertain as a metric: those of the rarer class, or with each class weighing the same."""
    supports = [count for name, count in figures.items() if name.startswith("support:") and count]
    if not supports or metric not in (*BINARY, "macro_f1", "mcc"):
        return figures["n"]
    return min(supports) if metric in BINARY else len(supports) ** 2 / sum(1 / count for count in supports)


def _remedy(compared: list[Difference], group: str) -> str:
    """A better model; or another policy, where a person lets other rows count."""
    return f"{_BETTER}; {_POLICY.format(group)}" if len(compared) > 1 else _BETTER


def seeds(policy: Gate, reported: Seeds | None, headline: str, is_mains: bool) -> Iterator[Rule]:
    """Enough seeds, with similar scores. There is no rule where one seed is enough and one is reported."""
    if reported is None:
        return
    least, spread = policy.seeds.at_least, policy.seeds.max_spread
    enough = reported.count >= least
    sound = enough and reported.std <= spread
    required = f"{VALIDATION_METRICS} tells at least {least} seeds, with a standard deviation of at most {spread:g}"
    finding = reported.text(title(headline)) + (_MAINS if is_mains and not sound else "")
    remedy = (
        "a model that depends less on its seed" if enough else f"{VALIDATION_METRICS} must tell it: more of train.seeds"
    )
    brief = f"standard deviation {figure_beside(reported.std, spread)}, at most {spread:g}"
    if not enough:
        brief = f"{counted(reported.count, 'seed')}, at least {least}"
    yield Rule("seeds", required, sound or is_mains, finding, "" if sound else remedy, brief=brief)


def size(policy: Gate, base: Evidence | None, candidate: Evidence, unchanged: bool) -> Rule:
    """The artifact's size is below its limit; main's model may be as large as it is."""
    most, megabytes = policy.max_artifact_mb, candidate.artifact_bytes / 1e6
    excuse = _excuse(base, candidate, unchanged) if megabytes > most else ""
    required, finding = f"{ARTIFACT} is at most {most:g} MB", f"{figure_beside(megabytes, most, 1)} MB"
    remedy, passed = "fewer features, or a smaller model", megabytes <= most or bool(excuse)
    return Rule("size", required, passed, f"{finding}{excuse}", remedy, brief=f"{finding}, at most {most:g} MB")


def speed(policy: Gate, base: Evidence | None, candidate: Evidence, seconds: float, unchanged: bool) -> Rule:
    """The time to predict is below its limit, by the least of several measurements; main's model may take longer."""
    most = policy.max_seconds_per_1000
    excuse = _excuse(base, candidate, unchanged) if seconds > most else ""
    if seconds > most and not excuse:
        seconds = min(seconds, candidate.remeasured_seconds())
    required = f"1,000 rows are predicted in at most {most:g} s (clock or processor), on the machine that judges"
    finding, passed = f"{figure_beside(seconds, most, 2)} s", seconds <= most or bool(excuse)
    brief = f"{finding}, at most {most:g} s"
    return Rule("time", required, passed, f"{finding}{excuse}", "a simpler model", brief=brief)


def same_artifact(base: Evidence | None, candidate: Evidence) -> bool:
    """True if the candidate's artifact is the base's, by its hash."""
    digest = base.revision.outputs.get(ARTIFACT) if base else None
    return digest is not None and digest == candidate.revision.outputs.get(ARTIFACT)


def _excuse(base: Evidence | None, candidate: Evidence, unchanged: bool) -> str:
    """The reason why a model may be above a limit: main's model is above it, too."""
    if same_artifact(base, candidate):
        return ", above the limit; but main's very artifact"
    if base and unchanged and candidate.artifact_bytes <= base.artifact_bytes:
        return f", above the limit{_MAINS}"
    return ""
