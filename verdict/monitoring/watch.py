"""Scrapes services, measures window by window, and tells Prometheus. A kill forgets nothing: its state is a file."""

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
from verdict.base.printable import plain
from verdict.monitoring.findings import Measured, measure
from verdict.monitoring.reference import FIRST_TEXTS, WINDOW_TEXTS, Reference
from verdict.monitoring.reference.mixture import Window
from verdict.monitoring.sources import Sample, digests, empty, reference_of, scraped, windows

# Seconds after which a service that does not answer is gone, such as a canary that was rolled back.
_GONE = 600.0


class Kept(BaseModel):
    """A window as the state file has it."""

    words: list[int]
    answers: list[list[int]]
    characters: list[int]

    @classmethod
    def of(cls, window: Window) -> "Kept":
        """The same counts as lists."""
        return cls(words=window.words.tolist(), answers=window.answers.tolist(), characters=window.characters.tolist())

    @property
    def window(self) -> Window:
        """The same counts as arrays."""
        return Window(np.array(self.words), np.array(self.answers), np.array(self.characters))


class Release(BaseModel):
    """What is known of a release: its first texts, the window that fills, and how often in a row a limit was passed.

    `words` names its reference: counts by other words cannot be added up.
    """

    words: str
    first: Kept
    filling: Kept
    windows: int = 0
    in_a_row: dict[str, int] = {}
    values: dict[str, float] = {}
    limits: dict[str, float] = {}
    mix: dict[str, float] = {}
    expected: float | None = None


class Read(BaseModel):
    """What a service had counted by its reference when it was read last, by release."""

    words: str
    counts: dict[str, Kept] = {}


class State(BaseModel):
    """All of it."""

    read: dict[str, Read] = {}
    releases: dict[str, Release] = {}


@dataclass
class Watch:
    """Reads the services again and again.

    Args:
        urls: of their metrics.
        reference: what their texts are compared with; None: what each release has for itself.
        floor: the least score that may be expected.
        path: the state file.
    """

    urls: Sequence[str]
    reference: Reference | None
    floor: float | None
    path: Path

    def __post_init__(self) -> None:
        self.lock, self.state = Lock(), self._read()
        self._known: dict[str, Reference] = {}
        self._heard, self._trouble = dict.fromkeys(self.urls, time.monotonic()), dict[str, str]()

    def _read(self) -> State:
        try:
            return State.model_validate_json(self.path.read_bytes())
        except FileNotFoundError:
            return State()
        except ValidationError as error:
            what = f"is no state of drift: {error.errors()[0]['msg']}"
            raise VerdictError(str(self.path), what, "another --state FILE, or remove it") from None

    def look(self) -> None:
        """Read each service once; what it has counted since is measured as soon as it is a window."""
        moved = False
        for url in self.urls:
            try:
                samples = scraped(url)
                reference = self.reference or self._own(url, samples)
                with self.lock:
                    moved = self._take(url, samples, reference) or moved
            except VerdictError as error:  # it starts anew, or is gone: Prometheus has a rule for that
                self._tell(url, f"{plain(error.where)}: {plain(error.what)}")
                continue
            self._heard[url] = time.monotonic()
            self._tell(url, "")
        self._forget()
        if moved:
            self._write()

    def _tell(self, url: str, trouble: str) -> None:
        """Say what is wrong with a service once, not every few seconds."""
        if trouble and trouble != self._trouble.get(url):
            print(f"drift: {trouble}", file=sys.stderr, flush=True)
        self._trouble[url] = trouble

    def _forget(self) -> None:
        """Let go of releases that no service has any more: what is not served does not drift."""
        since = time.monotonic() - _GONE
        heard = [url for url in self.urls if self._heard.get(url, -np.inf) > since]
        if not heard:  # it is this process that hears nothing
            return
        with self.lock:
            # What a silent one had counted stays known, or it would count again once it is back.
            self.state.read = {url: read for url, read in self.state.read.items() if url in self.urls}
            served = {name for url in heard if url in self.state.read for name in self.state.read[url].counts}
            self.state.releases = {name: own for name, own in self.state.releases.items() if name in served}

    def _own(self, url: str, samples: Iterable[Sample]) -> Reference:
        """What a service counts by, asked for once."""
        (words,) = digests(samples) or {""}
        if words not in self._known:
            self._known[words] = reference_of(url)
        return self._known[words]

    def _take(self, url: str, samples: Iterable[Sample], reference: Reference) -> bool:
        samples, read, moved = list(samples), self.state.read.get(url), False
        before = read.counts if read and read.words == reference.digest else {}
        now = windows(samples, reference)
        for name, window in now.items():
            new = _since(window, before[name].window if name in before else None)
            if new.texts:
                self._add(name, new, reference, digests(samples) <= {reference.digest})
                moved = True
        self.state.read[url] = Read(words=reference.digest, counts={name: Kept.of(own) for name, own in now.items()})
        return moved

    def _add(self, name: str, new: Window, reference: Reference, same: bool) -> None:
        release = self.state.releases.get(name)
        if release is None or release.words != reference.digest:
            none = Kept.of(empty(len(reference.counter.names), len(reference.labels)))
            release = self.state.releases[name] = Release(words=reference.digest, first=none, filling=none)
        filled, first = release.filling.window + new, release.first.window
        if filled.texts < WINDOW_TEXTS:
            release.filling = Kept.of(filled)
            return
        found = measure(reference, filled, self.floor, first if first.texts >= FIRST_TEXTS else None, same)
        if first.texts < FIRST_TEXTS:
            release.first = Kept.of(first + filled)
        release.filling = Kept.of(filled - filled)
        _note(release, found)

    def _write(self) -> None:
        """Replace the state file: after a kill it is the old one, or the new."""
        partial = self.path.with_name(f".{self.path.name}.partial")
        with partial.open("w", encoding="utf-8") as file:
            file.write(self.state.model_dump_json())
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.path)

    def run(self, seconds: float) -> None:
        """Look every so many seconds, until the process is told to end."""
        while True:
            self.look()
            time.sleep(seconds)


def _since(window: Window, before: Window | None) -> Window:
    """What was counted since; a service that was started anew counts from 0."""
    if before is None or (window.words < before.words).any() or (window.answers < before.answers).any():
        return window
    return window - before


def _note(release: Release, found: Measured) -> None:
    release.windows += 1
    release.values = {one.kind: one.value for one in found.findings}
    release.limits = {one.kind: one.limit for one in found.findings}
    release.in_a_row = {one.kind: (release.in_a_row.get(one.kind, 0) + 1) * one.over for one in found.findings}
    release.mix, release.expected = found.mix, found.expected
