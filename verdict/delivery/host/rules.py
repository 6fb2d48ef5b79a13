"""What a release must hold, as statistics of counts: a verdict needs evidence, and too little of it is no verdict."""

from dataclasses import dataclass
from math import exp, lgamma, log, log1p, sqrt

# Of a one-sided question: at 1 %, a release at the limit itself is stopped once in a hundred looks at most.
ALPHA = 0.01
_Z = 1.959964  # of a two-sided interval of 95 %
_Z_POWER = 0.841621  # of a power of 80 %


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
    low, high = difference(canary.right, canary.labelled, stable.right, stable.labelled)
    return "better" if low > 0 else "worse" if high < 0 else "no measurable difference"


def difference(right: int, of: int, other_right: int, other_of: int) -> tuple[float, float]:
    """The 95 % interval of the difference of two shares, by Newcombe's hybrid of Wilson's (method 10, 1998)."""
    if not of or not other_of:
        return -1.0, 1.0
    (first, low, high), (second, other_low, other_high) = wilson(right, of), wilson(other_right, other_of)
    below = sqrt((first - low) ** 2 + (other_high - second) ** 2)
    above = sqrt((high - first) ** 2 + (second - other_low) ** 2)
    return first - second - below, first - second + above


def wilson(hits: int, trials: int) -> tuple[float, float, float]:
    """A share, and its 95 % interval by Wilson."""
    share, square = hits / trials, _Z**2
    middle, half = share + square / (2 * trials), _Z * sqrt(share * (1 - share) / trials + square / (4 * trials**2))
    return share, (middle - half) / (1 + square / trials), (middle + half) / (1 + square / trials)


def labels_needed(accuracy: float, apart: float) -> int:
    """Labels for each arm by which a difference of `apart` is seen in four trials of five."""
    return round(2 * accuracy * (1 - accuracy) * ((_Z + _Z_POWER) / apart) ** 2)


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
