"""Fake services: metrics as text for Prometheus, of made-up windows."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np

from tests.unit.monitoring.tables import texts
from verdict.monitoring.reference import LENGTHS, Reference
from verdict.monitoring.reference.mixture import Window


def window(reference: Reference, given: list[str], good: float = 0.75) -> Window:
    """Count some texts, with a share of good answers."""
    said, number = np.zeros((len(given), 2, 10), np.int64), np.arange(len(given))
    said[number, (number % 100 < 100 * good).astype(int), number % 5 + 5] = 1
    lengths = np.bincount(np.searchsorted(LENGTHS, [len(text) for text in given]), minlength=len(LENGTHS) + 1)
    return Window(reference.counter.count(given).sum(axis=0), said.sum(axis=0), lengths)


def usual_window(reference: Reference, count: int, seed: int = 7) -> Window:
    """Count so many texts of the reference's kind, half of each slice."""
    return window(reference, [*texts("news", count // 2, seed), *texts("songs", count - count // 2, seed)])


def with_foreign_words(reference: Reference, count: int, seed: int = 8) -> Window:
    """Count so many texts, a tenth of them of words that are not in the training text."""
    strange = ["le chat est sur la table"] * (count // 10)
    return window(
        reference, [*texts("news", count // 2, seed), *texts("songs", count // 2 - count // 10, seed), *strange]
    )


def metrics_text(reference: Reference, counted: Window, release: str = "v1.0.0", digest: str | None = None) -> str:
    """The metrics of a service with these counts."""
    words = reference.digest if digest is None else digest
    lines = [f'verdict_build_info{{version="{release}",words="{words}"}} 1.0']
    for name, count in zip(reference.counter.names, counted.words, strict=True):
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        lines.append(f'verdict_words_total{{release="{release}",word="{escaped}"}} {float(count)}')
    for label, row in zip(reference.labels, counted.answers, strict=True):
        for step, count in enumerate(row):
            own = f'confidence="{step / 10:.1f}",label="{label}",release="{release}"'
            lines.append(f"verdict_answers_total{{{own}}} {float(count)}")
    for bound, total in zip([*map(float, LENGTHS), "+Inf"], counted.characters.cumsum(), strict=True):
        lines.append(f'verdict_text_characters_bucket{{le="{bound}",release="{release}"}} {float(total)}')
    return "\n".join(lines) + "\n"


class FakeService:
    """A port that answers `text`, and `own` for its reference."""

    def __init__(self, text: str = "", own: str = "") -> None:
        self.text, self.own, self.url = text, own, ""

    @contextmanager
    def on(self) -> Iterator["FakeService"]:
        """Answer until the block ends."""
        served = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write((served.own if self.path == "/reference.json" else served.text).encode())

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}/metrics"
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
