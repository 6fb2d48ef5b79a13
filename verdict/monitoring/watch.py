"""`verdict drift --watch`: scrape services, measure window by window. A state file survives restarts and kills."""

import os
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
from pydantic import BaseModel, ValidationError

from verdict.base.errors import VerdictError
from verdict.base.files import replacing
from verdict.base.printable import plain
from verdict.monitoring.findings import Measurement, measure
from verdict.monitoring.reference import FIRST_TEXTS, WINDOW_TEXTS, Reference
from verdict.monitoring.reference.mixture import Window
from verdict.monitoring.sources import Sample, digests, empty_window, fetch_reference, scrape, windows_by_release

# Seconds of silence after which a service is gone, such as a canary that was rolled back.
_GONE_AFTER = 600.0


class StoredWindow(BaseModel):
    """A window as the state file has it."""

    words: list[int]
    answers: list[list[int]]
    characters: list[int]

    @classmethod
    def of(cls, window: Window) -> "StoredWindow":
        """Turn the counts into lists."""
        return cls(words=window.words.tolist(), answers=window.answers.tolist(), characters=window.characters.tolist())

    @property
    def window(self) -> Window:
        """The counts as arrays."""
        return Window(np.array(self.words), np.array(self.answers), np.array(self.characters))


class ReleaseState(BaseModel):
    """A release: its first texts, the window that is being filled, and the last measurement.

    `words` is the digest of its reference: counts by other words cannot be added up. `in_a_row` has, by kind, how many
    of the last windows were beyond the limit.
    """

    words: str
    first: StoredWindow
    filling: StoredWindow
    windows: int = 0
    in_a_row: dict[str, int] = {}
    values: dict[str, float] = {}
    limits: dict[str, float] = {}
    mix: dict[str, float] = {}
    expected: float | None = None


class LastRead(BaseModel):
    """The counts of a service when it was last read, by release, and the digest of the reference they are by."""

    words: str
    counts: dict[str, StoredWindow] = {}


class State(BaseModel):
    """The content of the state file: last counts by URL, and the releases."""

    read: dict[str, LastRead] = {}
    releases: dict[str, ReleaseState] = {}


@dataclass
class Watch:
    """Reads services again and again, and measures each window of new texts.

    Args:
        urls: of the services' metrics.
        reference: the standard of comparison; None for each release's own.
        floor: the least score that may be expected.
        path: the state file.
    """

    urls: Sequence[str]
    reference: Reference | None
    floor: float | None
    path: Path

    def __post_init__(self) -> None:
        self.lock, self.state = Lock(), self._load()
        self._references: dict[str, Reference] = {}
        self._heard, self._trouble = dict.fromkeys(self.urls, time.monotonic()), dict[str, str]()

    def _load(self) -> State:
        try:
            return State.model_validate_json(self.path.read_bytes())
        except FileNotFoundError:
            return State()
        except ValidationError as error:
            what = f"is no state of drift: {error.errors()[0]['msg']}"
            raise VerdictError(str(self.path), what, "another --state FILE, or remove it") from None

    def run(self, seconds: float) -> None:
        """Look every so many seconds, until the process ends."""
        while True:
            self.look()
            time.sleep(seconds)

    def look(self) -> None:
        """Read each service once, and measure each window that its new counts fill."""
        changed = False
        for url in self.urls:
            try:
                samples = scrape(url)
                reference = self.reference or self._reference_of(url, samples)
                with self.lock:
                    changed = self._take(url, samples, reference) or changed
            except VerdictError as error:  # it restarts, or is gone: a rule of Prometheus is about that
                self._report(url, f"{plain(error.where)}: {plain(error.what)}")
                continue
            self._heard[url] = time.monotonic()
            self._report(url, "")
        self._drop_unserved()
        if changed:
            self._save()

    def _report(self, url: str, trouble: str) -> None:
        """Print a service's trouble when it begins, not at every look."""
        if trouble and trouble != self._trouble.get(url):
            print(f"drift: {trouble}", file=sys.stderr, flush=True)
        self._trouble[url] = trouble

    def _drop_unserved(self) -> None:
        """Forget releases that no service has any more: what is not served does not drift."""
        since = time.monotonic() - _GONE_AFTER
        heard = [url for url in self.urls if self._heard.get(url, -np.inf) > since]
        if not heard:  # the fault is probably on this side
            return
        with self.lock:
            # The counts of a silent service are kept: once it is back, they would count again.
            self.state.read = {url: read for url, read in self.state.read.items() if url in self.urls}
            served = {name for url in heard if url in self.state.read for name in self.state.read[url].counts}
            self.state.releases = {name: state for name, state in self.state.releases.items() if name in served}

    def _reference_of(self, url: str, samples: Iterable[Sample]) -> Reference:
        """The reference of a service, which is fetched once."""
        (digest,) = digests(samples) or {""}
        if digest not in self._references:
            self._references[digest] = fetch_reference(url)
        return self._references[digest]

    def _take(self, url: str, samples: Sequence[Sample], reference: Reference) -> bool:
        """Add what a service has counted since the last look; return whether that is any text."""
        read, changed = self.state.read.get(url), False
        before = read.counts if read and read.words == reference.digest else {}
        now = windows_by_release(samples, reference)
        for name, window in now.items():
            new = _new_counts(window, before[name].window if name in before else None)
            if new.texts:
                self._add(name, new, reference, digests(samples) <= {reference.digest})
                changed = True
        counts = {name: StoredWindow.of(window) for name, window in now.items()}
        self.state.read[url] = LastRead(words=reference.digest, counts=counts)
        return changed

    def _add(self, name: str, new: Window, reference: Reference, same_words: bool) -> None:
        """Add new counts to the window of a release, and measure it once it is full."""
        release = self.state.releases.get(name)
        if release is None or release.words != reference.digest:
            empty = StoredWindow.of(empty_window(reference))
            release = self.state.releases[name] = ReleaseState(words=reference.digest, first=empty, filling=empty)
        window, first = release.filling.window + new, release.first.window
        if window.texts < WINDOW_TEXTS:
            release.filling = StoredWindow.of(window)
            return
        base = first if first.texts >= FIRST_TEXTS else None
        _record(release, measure(reference, window, self.floor, base, same_words))
        if first.texts < FIRST_TEXTS:
            release.first = StoredWindow.of(first + window)
        release.filling = StoredWindow.of(empty_window(reference))

    def _save(self) -> None:
        """Replace the state file, durably: after a kill or a loss of power it is the old one, or the new."""
        with replacing(self.path) as partial, partial.open("w", encoding="utf-8") as file:
            file.write(self.state.model_dump_json())
            file.flush()
            os.fsync(file.fileno())


def _new_counts(window: Window, before: Window | None) -> Window:
    """The counts since the last look; a service that was restarted counts from 0."""
    if before is None or (window.words < before.words).any() or (window.answers < before.answers).any():
        return window
    return window - before


def _record(release: ReleaseState, measurement: Measurement) -> None:
    findings = measurement.findings
    release.windows += 1
    release.values = {finding.kind: finding.value for finding in findings}
    release.limits = {finding.kind: finding.limit for finding in findings}
    release.in_a_row = {
        finding.kind: release.in_a_row.get(finding.kind, 0) + 1 if finding.over else 0 for finding in findings
    }
    release.mix, release.expected = measurement.mix, measurement.expected
