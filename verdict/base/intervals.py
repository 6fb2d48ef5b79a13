"""Confidence intervals of shares and of their differences."""

from math import sqrt

_Z = 1.959964  # of a two-sided interval of 95 %


def share_difference(hits: int, trials: int, other_hits: int, other_trials: int, z: float = _Z) -> tuple[float, float]:
    """Return the interval (95%) of the difference of two shares, by Newcombe's hybrid of Wilson's (method 10, 1998)."""
    if not trials or not other_trials:
        return -1.0, 1.0
    (first, low, high), (second, other_low, other_high) = wilson(hits, trials, z), wilson(other_hits, other_trials, z)
    below = sqrt((first - low) ** 2 + (other_high - second) ** 2)
    above = sqrt((high - first) ** 2 + (second - other_low) ** 2)
    return first - second - below, first - second + above


def wilson(hits: int, trials: int, z: float = _Z) -> tuple[float, float, float]:
    """A share, and its interval (95 %) by Wilson."""
    share, square = hits / trials, z**2
    middle, half = share + square / (2 * trials), z * sqrt(share * (1 - share) / trials + square / (4 * trials**2))
    return share, (middle - half) / (1 + square / trials), (middle + half) / (1 + square / trials)
