"""The rules on the model: not measurably worse, floors, seeds, size, time.

Main's own faults are not a change's: what does not touch the model is not failed by what main itself fails.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from verdict.base.paths import ARTIFACT
from verdict.classifier.scores.metric_names import HEADLINE
from verdict.review.compare import UNDEFINED, WORSE, Difference
from verdict.review.evidence import Evidence
from verdict.review.metrics_file import SCORES, Seeds
from verdict.review.params import Gate
from verdict.review.reported_metrics import Figures
from verdict.review.words import NAMES, beside, change, counted, interval

BY_PERSON = "let a person approve it: --approve {0}, or in a pull request the label `approve: {0}`"
_ON_SHARED = "; on the sentences that main has, too: "
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
    found: str
    remedy: str = ""
    approved: bool = False
    brief: str = ""


def worse(policy: Gate, lines: Lines, unchanged: bool) -> Iterator[Rule]:
    """Measurably worse on the approved sentences, or on those of them that main approves already.

    Args:
        policy: main's.
        lines: the differences of a group's metric: on the approved sentences, and on those that main has, too.
        unchanged: every prediction is main's.
    """
    for group, metric in policy.claims:
        is_headline = metric == HEADLINE
        name = f"worse:{group}" if is_headline else f"worse:{group}:{metric}"
        required = f"{group} is not measurably worse" + ("" if is_headline else f" in {NAMES[metric]}")
        found = lines(group, metric)
        missing = "no test sentence of it" if not found else ""
        if found and found[0].verdict == UNDEFINED:
            missing = f"{NAMES[metric]} has no value there: the truth is the same for all of its sentences"
        if missing:
            remedy = f"bring its sentences back, {_POLICY.format('fail_on_worse')}"
            yield Rule(name, required, unchanged, missing + (_MAINS if unchanged else ""), remedy, brief=missing)
            continue
        text = _ON_SHARED.join(f"{change(line)}, {interval(line)}: {line.verdict}" for line in found)
        lost = [line for line in found if line.verdict == WORSE]
        brief = "" if is_headline or not lost else change(lost[0])
        yield Rule(name, required, not lost, text, _remedy(found, "fail_on_worse"), brief=brief)


def floors(policy: Gate, figures: Figures, lines: Lines, excused: Callable[[str, float], bool]) -> Iterator[Rule]:
    """Main's floors: for the approved sentences, and for those of them that main approves already.

    Args:
        policy: main's.
        figures: the candidate's, on the approved sentences.
        lines: as for `worse`.
        excused: whether a group may be below a floor, since it is so on main, with the same model.
    """
    for group, floor in policy.floors.items():
        name, required = f"floor:{group}", f"weighted F1 of {group} is at least {floor:g}"
        value, excuse = figures.get(group, {}).get(HEADLINE), excused(group, floor)
        if value is None:
            found = "no figure for it" + (", nor on main" if excuse else "")
            remedy = f"bring its sentences back, {_POLICY.format('floors')}"
            yield Rule(name, required, excuse, found, remedy, brief="no figure for it")
            continue
        measured = lines(group, HEADLINE)
        values = [value, *(line.candidate for line in measured[1:])]
        found, lowest = _ON_SHARED.join(beside(value, floor) for value in values), min(values)
        if lowest < floor and excuse:
            found += ", below the floor, but so on main"
        brief = f"{beside(lowest, floor)}, at least {floor:g}"
        yield Rule(name, required, lowest >= floor or excuse, found, _remedy(measured, "floors"), brief=brief)


def _remedy(lines: list[Difference], group: str) -> str:
    """A better model; where a person lets other rows count, another policy may belong to them."""
    return f"{_BETTER}; {_POLICY.format(group)}" if len(lines) > 1 else _BETTER


def seeds(policy: Gate, told: Seeds | None, is_mains: bool) -> Iterator[Rule]:
    """Enough seeds, and alike. Nothing is asked of one seed where one is enough."""
    if told is None:
        return
    asked = policy.seeds
    enough, alike = told.count >= asked.at_least, told.std <= asked.max_spread
    required = (
        f"{SCORES} tells at least {asked.at_least} seeds, with a standard deviation of at most {asked.max_spread:g}"
    )
    found = told.text + (_MAINS if is_mains and not (enough and alike) else "")
    remedy = f"{SCORES} must tell it: more of train.seeds" if not enough else "a model that depends less on its seed"
    brief = f"standard deviation {beside(told.std, asked.max_spread)}, at most {asked.max_spread:g}"
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
    remedy, brief = "fewer features, or a smaller model", f"{beside(own, most, 1)} MB, at most {most:g} MB"
    return Rule(
        "size", required, own <= most or bool(excuse), f"{beside(own, most, 1)} MB{excuse}", remedy, brief=brief
    )


def speed(policy: Gate, base: Evidence | None, candidate: Evidence, seconds: float, unchanged: bool) -> Rule:
    """The time to predict, by the least of several looks; main's model may take its time."""
    most = policy.max_seconds_per_1000
    excuse = _excuse(base, candidate, unchanged) if seconds > most else ""
    if seconds > most and not excuse:
        seconds = min(seconds, candidate.measured_again())
    required = f"1,000 sentences are predicted in at most {most:g} s (clock or processor), on the machine that judges"
    brief = f"{beside(seconds, most, 2)} s, at most {most:g} s"
    passed = seconds <= most or bool(excuse)
    return Rule("time", required, passed, f"{beside(seconds, most, 2)} s{excuse}", "a simpler model", brief=brief)


def very_same(base: Evidence | None, candidate: Evidence) -> bool:
    """Whether the candidate's artifact is main's, by its hash."""
    theirs = base.revision.outputs.get(ARTIFACT) if base else None
    return theirs is not None and theirs == candidate.revision.outputs.get(ARTIFACT)


def _excuse(base: Evidence | None, candidate: Evidence, unchanged: bool) -> str:
    """Why a model may be above a limit: it is main's, which is above it, too."""
    if very_same(base, candidate):
        return ", above the limit; but main's very artifact"
    if base and unchanged and candidate.artifact_bytes <= base.artifact_bytes:
        return f", above the limit{_MAINS}"
    return ""
