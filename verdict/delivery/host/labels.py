"""Labels that came back for each release, as the feedback process tells them."""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import urlsplit

from verdict.delivery.host import probe
from verdict.delivery.host.rules import Counts
from verdict.delivery.host.state import Release


class Labels:
    """What was told last. It is asked beside a look, which waits for nobody; while it is away nothing comes back.

    Args:
        url: of its metrics; empty where no labels are counted.
        floor: the least accuracy that is wanted of a release while it is watched.
    """

    def __init__(self, url: str = "", floor: float = 0.0) -> None:
        self.floor, self._url, self._asker = floor, urlsplit(url), ThreadPoolExecutor(1, "labels")
        self._asked: Future[dict[tuple[str, str], float]] | None = None
        self._samples: probe.Samples | None = None
        self._then: probe.Samples | None = None

    def look(self) -> None:
        """Take what was told since the last look, and ask again."""
        if self._asked is not None and self._asked.done():
            self._samples, self._asked = self._asked.result() or self._samples, None
            self._then = self._samples if self._then is None else self._then
        if self._asked is None and self._url.hostname:
            host, port = self._url.hostname, self._url.port or 80
            self._asked = self._asker.submit(probe.read_metrics, port, host, self._url.path or "/metrics")

    def begin(self) -> None:
        """Count from here; where nothing was told yet, from what is told first."""
        self._then = self._samples

    def since(self, counts: Counts, release: Release | None) -> Counts:
        """Counts of a step, with the labels that came back in it."""
        return _with(counts, probe.increase(self._samples or {}, self._then or {}), release)

    def total(self, release: Release | None) -> Counts:
        """All labels that ever came back for a release."""
        return _with(Counts(), self._samples or {}, release)


def _with(counts: Counts, found: probe.Samples, release: Release | None) -> Counts:
    if release is None:
        return counts
    label = f'release="{release.version}"'
    of, right = (probe.total(found, f"verdict_feedback_{name}_total", label) for name in ("labelled", "right"))
    return replace(counts, labelled=of, right=right)
