"""What a release must hold, as statistics of counts: a verdict needs evidence, and too little of it is no verdict."""

from dataclasses import dataclass
from math import exp, lgamma, log, log1p

from verdict.base.intervals import share_difference, wilson

# Of a one-sided question: at 1 %, a release at the limit itself is stopped once in a hundred looks at most.
ALPHA = 0.01
_Z, _SURE = 1.959964, 3.290527  # of two-sided intervals of 95 and 99.9 %
_Z_POWER = 0.841621  # of a power of 80 %
LABELS = 100  # fewer say nothing of a release that serves


@dataclass(frozen=True)
class Limits:
    """The thresholds of a roll.

    Args:
        weights: shares of the traffic in percent, one after the other; 0 is shadow: compared, and given to nobody.
        requests: of the canary's own (in shadow: compared texts) that a step needs before it can end.
        failures: the share of failed requests that is still tolerated; aborts need `least` failures at least.
        least: see `failures`.
        slower: p99 may be so many times as long as that of what serves, at the same time, and `slack` seconds more.
        slack: see `slower`.
        disagreement: share of other labels than those of what serves, beyond the share that the review saw.
        smoke: seconds that the slowest of a hundred requests may take before any user asks.
        start: seconds until a server must be ready.
        step: seconds after which a step that has too little evidence is undecided.
        watch: seconds for which a promoted release can still be taken back by itself.
        labels: that must have come back for each arm of an A/B trial; 0: no trial.
    """

    weights: tuple[int, ...] = (5, 25, 50)
    requests: int = 1_000
    failures: float = 0.01
    least: int = 5
    slower: float = 1.5
    slack: float = 0.010
    disagreement: float = 0.05
    smoke: float = 0.25
    start: float = 30.0
    step: float = 4 * 3600.0
    watch: float = 24 * 3600.0
    labels: int = 0


@dataclass(frozen=True)
class Counts:
    """What was counted of one side since a step began.

    Args:
        requests: that ended, or had to be sent again.
        failures: of these: answers of 500 and above, none at all, or too late; the proxy sends them elsewhere.
        p99: seconds of the slowest hundredth; None without requests.
        same: texts that this side and the other gave the same label.
        other: texts that they did not.
        not_finite: answers without finite probabilities.
        labelled: answers of which the true label came back.
        right: of these, those that were right.
    """

    requests: int = 0
    failures: int = 0
    p99: float | None = None
    same: int = 0
    other: int = 0
    not_finite: int = 0
    labelled: int = 0
    right: int = 0


def surely_above(hits: int, trials: int, limit: float) -> bool:
    """Whether so many hits are more than a share of `limit` explains: the exact lower 99 % bound lies above it.

    That bound of Clopper and Pearson is above `limit` just where P(at least `hits` of `trials` at `limit`) < 1 %.
    """
    if hits <= 0 or trials <= 0:
        return False
    if limit <= 0:
        return True
    if hits / trials <= limit:
        return False
    odds = log(limit), log1p(-limit) if limit < 1 else float("-inf")
    fewer = sum(exp(_log_choose(trials, k) + k * odds[0] + (trials - k) * odds[1]) for k in range(min(hits, trials)))
    return 1 - fewer < ALPHA


def failing(side: Counts, limits: Limits) -> str:
    """Why this side must be stopped at once; nothing where it need not."""
    if side.not_finite:
        return f"{side.not_finite} answers without finite probabilities"
    if side.failures >= limits.least and surely_above(side.failures, side.requests, limits.failures):
        return f"{side.failures} of {side.requests} requests failed (limit {limits.failures:.1%})"
    return ""


def slow(canary: Counts, stable: Counts, limits: Limits, least: int = 0, times: float = 1.0) -> str:
    """Why the new release is too slow beside what serves in the same time; nothing where it is not.

    Args:
        canary: the new release.
        stable: what serves.
        limits: the thresholds.
        least: requests that are needed to say so.
        times: so many times the limit; before a step has its requests, p99 is a rough figure.
    """
    if canary.p99 is None or stable.p99 is None or canary.requests < least:
        return ""
    if canary.p99 <= times * (limits.slower * stable.p99 + limits.slack):
        return ""
    return f"p99 {canary.p99 * 1000:.0f} ms, beside {stable.p99 * 1000:.0f} ms of what serves"


def wanting(canary: Counts, stable: Counts, limits: Limits, expected: float) -> str:
    """Why a step that has its requests ends badly; nothing where it holds.

    Args:
        canary: the new release.
        stable: what serves, in the same time.
        limits: the thresholds.
        expected: the share of other labels that the review saw on the test set.
    """
    compared = canary.same + canary.other
    if surely_above(canary.other, compared, min(expected + limits.disagreement, 1.0)):
        return f"another label for {canary.other} of {compared} texts (the review saw {expected:.1%})"
    return slow(canary, stable, limits)


def compared(canary: Counts, stable: Counts) -> str:
    """Whether the labels that came back say *better*, *worse*, or *no measurable difference*."""
    low, high = share_difference(canary.right, canary.labelled, stable.right, stable.labelled)
    return "better" if low > 0 else "worse" if high < 0 else "no measurable difference"


def degraded(live: Counts, before: Counts, floor: float) -> str:
    """Why labels that came back take a release back; nothing where they need not.

    It is looked at after each label, for as long as a release is watched: so the intervals are of 99.9 %.

    Args:
        live: all labels of the release.
        before: those of the release before it; without any, only the floor is asked for.
        floor: the least accuracy that is wanted; a release before that was below it as well is no way out.
    """
    told = f"{live.right} of {live.labelled} right, by labels that came back"
    most = share_difference(live.right, live.labelled, before.right, before.labelled, _SURE)[1]
    if most < 0 and min(live.labelled, before.labelled) >= LABELS:
        return f"{told}, beside {before.right} of {before.labelled} of what served before"
    if _surely_below(live, floor) and not _surely_below(before, floor):
        return f"{told}: surely below the floor of {floor:.1%}"
    return ""


def _surely_below(counts: Counts, floor: float) -> bool:
    return counts.labelled >= LABELS and wilson(counts.right, counts.labelled, _SURE)[2] < floor


def labels_needed(accuracy: float, apart: float) -> int:
    """Labels for each arm by which a difference of `apart` is seen in four trials of five."""
    return round(2 * accuracy * (1 - accuracy) * ((_Z + _Z_POWER) / apart) ** 2)


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
