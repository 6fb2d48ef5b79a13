"""Labels that came back for each release, as the feedback process has counted them."""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import urlsplit

from verdict.delivery.host import probe
from verdict.delivery.host.probe import Samples
from verdict.delivery.host.rules import Counts
from verdict.delivery.host.state import Release


class Labels:
    """The counts of the feedback process, read in a thread, so that a look never waits for it.

    Args:
        url: of its metrics; empty where no labels are counted.
        floor: the least accuracy that is required of a release while it is watched.
    """

    def __init__(self, url: str = "", floor: float = 0.0) -> None:
        self.floor, self._url, self._thread = floor, urlsplit(url), ThreadPoolExecutor(1, "labels")
        self._pending: Future[dict[tuple[str, str], float]] | None = None
        self._samples: Samples | None = None
        self._baseline: Samples | None = None

    def look(self) -> None:
        """Take the counts that have arrived since the last look, and request new ones."""
        if self._pending is not None and self._pending.done():
            self._samples, self._pending = self._pending.result() or self._samples, None
            self._baseline = self._samples if self._baseline is None else self._baseline
        if self._pending is None and self._url.hostname:
            host, port = self._url.hostname, self._url.port or 80
            self._pending = self._thread.submit(probe.read_metrics, port, host, self._url.path or "/metrics")

    def begin(self) -> None:
        """Count from here; without counts yet, from the first that arrive."""
        self._baseline = self._samples

    def since(self, counts: Counts, release: Release | None) -> Counts:
        """The counts of a step, with the labels that came back in it."""
        return _with_labels(counts, probe.increase(self._samples or {}, self._baseline or {}), release)

    def total(self, release: Release | None) -> Counts:
        """All labels that ever came back for a release."""
        return _with_labels(Counts(), self._samples or {}, release)


def _with_labels(counts: Counts, samples: Samples, release: Release | None) -> Counts:
    if release is None:
        return counts
    label = f'release="{release.version}"'
    labelled, right = (probe.total(samples, f"verdict_feedback_{name}_total", label) for name in ("labelled", "right"))
    return replace(counts, labelled=labelled, right=right)
