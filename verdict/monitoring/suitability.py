"""Check, before a roll, that a release suits what users ask now, as counted by the services on its host."""

from collections.abc import Iterable

from verdict.base.errors import VerdictError
from verdict.monitoring.findings import MIN_TEXTS, Measurement, measure
from verdict.monitoring.reference import Reference
from verdict.monitoring.sources import Sample, digests, empty_window, scrape, windows_by_release

# The other kinds are about answers, and those of the running services say nothing of the new release.
_KINDS = ("expected", "unknown")


def check_suitability(urls: Iterable[str], reference: Reference, floor: float | None) -> tuple[str, list[str]]:
    """Compare the texts that the services have counted since they began with the training text of a release.

    Args:
        urls: of the services' metrics; a service that does not answer is skipped.
        reference: the reference of the release.
        floor: the least score that may be expected of the release.

    Returns:
        A line on the traffic, and the objections: none if the release suits it, or if there is too little traffic.
    """
    samples = [sample for url in urls for sample in _scrape_or_nothing(url)]
    words = {sample.labels["word"] for sample in samples if sample.name == "verdict_words_total"}
    common = reference.counted_by(words)
    window = sum(windows_by_release(samples, common).values(), empty_window(common))
    if window.texts < MIN_TEXTS:
        return f"too little traffic to ask whether it suits that: {window.texts:,} texts, {MIN_TEXTS:,} are needed", []
    measurement = measure(common, window, floor, same_words=digests(samples) == {reference.digest})
    objections = [finding.summary for finding in measurement.findings if finding.kind in _KINDS and finding.over]
    return _summary(measurement), objections


def _summary(measurement: Measurement) -> str:
    mix = ", ".join(f"{name or 'all'} {share:.0%}" for name, share in measurement.mix.items())
    score = f"{measurement.metric} {measurement.expected:.3f} is expected"
    note = f"; {measurement.note}" if measurement.note else ""
    return f"what is asked now ({measurement.texts:,} texts: {mix}): {score}{note}"


def _scrape_or_nothing(url: str) -> list[Sample]:
    try:
        return scrape(url)
    except VerdictError:
        return []
