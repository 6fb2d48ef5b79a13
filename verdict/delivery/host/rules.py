"""The rules of a roll, as statistics of counts: a verdict needs evidence; too little of it is none."""

from dataclasses import dataclass
from math import exp, lgamma, log, log1p

from verdict.base.intervals import share_difference, wilson

# One-sided: a release at the limit itself is stopped in one look of a hundred at most.
ALPHA = 0.01
_SURE = 3.290527  # of two-sided intervals of 99.9 %
LABELS = 100  # with fewer the stable release is not judged


@dataclass(frozen=True)
class Limits:
    """The thresholds of a roll.

    Args:
        weights: shares of the traffic in percent, one after the other; 0 is shadow: compared, without users.
        requests: of the canary alone (in shadow: compared texts) that a step needs before it can end.
        failures: the tolerated share of failed requests; a roll is not stopped by fewer than `least` failures.
        least: see `failures`.
        slower: p99 may be so many times that of the stable release in the same time, and `slack` seconds more.
        slack: see `slower`.
        disagreement: the tolerated share of other labels than the stable release's, beyond what the review saw.
        smoke: seconds that the slowest of a hundred requests of the smoke test may take.
        start: seconds until a server must be ready.
        step: seconds after which a step that has too little evidence is undecided.
        watch: seconds for which a promoted release can still be rolled back by itself.
        labels: that must have come back for each side of an A/B trial; 0: no trial.
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
    """The counts of one side since a step began.

    Args:
        requests: that ended, or had to be repeated.
        failures: of these: answers of 500 and above, no answer, or a late one; the proxy repeats them elsewhere.
        p99: seconds of the slowest hundredth; None without requests.
        same: texts with the same label from both sides.
        other: texts with different labels.
        not_finite: answers without finite probabilities.
        labelled: answers whose true label came back.
        right: of these, the right ones.
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
    """Return whether a share of hits is surely above a limit: its exact lower 99 % bound is.

    The bound of Clopper and Pearson is above `limit` exactly where P(at least `hits` of `trials` at `limit`) < 1 %.
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
    """Return why this side must be stopped at once; empty where it need not."""
    if side.not_finite:
        return f"{side.not_finite} answers without finite probabilities"
    if side.failures >= limits.least and surely_above(side.failures, side.requests, limits.failures):
        return f"{side.failures} of {side.requests} requests failed (limit {limits.failures:.1%})"
    return ""


def slow(canary: Counts, stable: Counts, limits: Limits, least: int = 0, times: float = 1.0) -> str:
    """Return how the candidate is too slow beside the stable release in the same time; empty where it is not.

    Args:
        canary: counts of the candidate.
        stable: counts of the stable release.
        limits: the thresholds.
        least: requests that are needed for an answer.
        times: multiplies the limit: before a step has its requests, p99 is rough.
    """
    if canary.p99 is None or stable.p99 is None or canary.requests < least:
        return ""
    if canary.p99 <= times * (limits.slower * stable.p99 + limits.slack):
        return ""
    return f"p99 {canary.p99 * 1000:.0f} ms, beside {stable.p99 * 1000:.0f} ms of what serves"


def failing_at_end(canary: Counts, stable: Counts, limits: Limits, expected: float) -> str:
    """Return why a step that has its requests fails; empty where it passes.

    Args:
        canary: counts of the candidate.
        stable: counts of the stable release in the same time.
        limits: the thresholds.
        expected: the share of other labels that the review saw on the test set.
    """
    compared = canary.same + canary.other
    if surely_above(canary.other, compared, min(expected + limits.disagreement, 1.0)):
        return f"another label for {canary.other} of {compared} texts (the review saw {expected:.1%})"
    return slow(canary, stable, limits)


def compare_labels(canary: Counts, stable: Counts) -> str:
    """Return *better*, *worse*, or *no measurable difference*, by the labels that came back."""
    low, high = share_difference(canary.right, canary.labelled, stable.right, stable.labelled)
    return "better" if low > 0 else "worse" if high < 0 else "no measurable difference"


def degraded(live: Counts, before: Counts, floor: float) -> str:
    """Return why the labels that came back roll a release back; empty where they do not.

    This is asked after each label while a release is watched: so the intervals are of 99.9 %.

    Args:
        live: all labels of the release.
        before: those of the release before it; without any, only the floor counts.
        floor: the least accuracy that is required; nothing is rolled back to a release that was below it, too.
    """
    counts = f"{live.right} of {live.labelled} right, by labels that came back"
    most = share_difference(live.right, live.labelled, before.right, before.labelled, _SURE)[1]
    if most < 0 and min(live.labelled, before.labelled) >= LABELS:
        return f"{counts}, beside {before.right} of {before.labelled} of what served before"
    if _surely_below(live, floor) and not _surely_below(before, floor):
        return f"{counts}: surely below the floor of {floor:.1%}"
    return ""


def _surely_below(counts: Counts, floor: float) -> bool:
    return counts.labelled >= LABELS and wilson(counts.right, counts.labelled, _SURE)[2] < floor


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
