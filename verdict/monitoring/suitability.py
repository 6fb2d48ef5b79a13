"""Does a release suit what users ask now? Asked on its host before it rolls, of what serves there."""

from collections.abc import Iterable

from verdict.base.errors import VerdictError
from verdict.monitoring.findings import LEAST, Measured, measure
from verdict.monitoring.reference import Reference
from verdict.monitoring.sources import Sample, digests, empty, scraped, windows

# What those who serve now answer says nothing of the one that comes.
_ASKED = ("expected", "unknown")


def check_suitability(urls: Iterable[str], reference: Reference, floor: float | None) -> tuple[str, list[str]]:
    """Compare what was asked since the services began with what a release has learnt.

    Args:
        urls: of their metrics; who does not answer serves nobody.
        reference: the release's own.
        floor: the least score that may be expected of it.

    Returns:
        What is told, and why the release does not suit: nothing where it does, or where that cannot be told.
    """
    samples = [sample for url in urls for sample in _served(url)]
    names = {sample.labels["word"] for sample in samples if sample.name == "verdict_words_total"}
    own = reference.counted_by(names)
    window = sum(windows(samples, own).values(), empty(len(own.counter.names), len(own.labels)))
    if window.texts < LEAST:
        return f"too little traffic to ask whether it suits that: {window.texts:,} texts, {LEAST:,} are needed", []
    found = measure(own, window, floor, same_words=digests(samples) == {reference.digest})
    return _in_words(found), [one.summary for one in found.findings if one.kind in _ASKED and one.over]


def _in_words(found: Measured) -> str:
    mix = ", ".join(f"{name or 'all'} {share:.0%}" for name, share in found.mix.items())
    note = f"; {found.note}" if found.note else ""
    return f"what is asked now ({found.texts:,} texts: {mix}): {found.metric} {found.expected:.3f} is expected{note}"


def _served(url: str) -> list[Sample]:
    try:
        return scraped(url)
    except VerdictError:
        return []
