"""The smoke test: requests that a release must answer correctly before it gets users."""

import json
import time
from pathlib import Path
from typing import Any

from verdict.base.errors import VerdictError
from verdict.base.files import sha256
from verdict.classifier.artifact import Classifier, load_classifier
from verdict.delivery.host.probe import as_inputs, mismatch, request
from verdict.delivery.host.state import Release

# Several languages, none, empty, long, and characters that break parsers.
TEXTS = (
    "This is good, and that is not.",
    "",
    " ",
    "NO!!! never again... :-(",
    "Das war nicht schlecht, aber teuer.",
    "これはとても良いです",
    "очень хорошо",
    "😀😀 ok 👍🏽",
    "<b>5 &lt; 6</b> &amp; http://example.org/?q=1",
    "a" * 5_000,
    "word " * 2_000,
    "tab\tnew\nline\u0000nul \u202e rtl",
)
BAD = (b"", b"{", b"[]", b'{"text": 1}', b'{"texts": "a"}', b'{"a": ""}', b'{"text": "\xff"}', b"[" * 10_000, b"1e999")
_TIMED = 100


def smoke(release: Release, port: int, artifact: Path, seconds: float) -> str:
    """Return why a server must not get requests; empty when it may.

    Args:
        release: that it is to serve.
        port: of the server.
        artifact: the folder of the release's artifact, from its image: answers are compared with its own.
        seconds: that the slowest of a hundred requests may take.
    """
    if reason := _check_identity(release, port, artifact):
        return reason
    try:
        classifier = load_classifier(artifact)
    except VerdictError as error:
        return f"the artifact of its image cannot be loaded: {error.what}"
    texts = as_inputs(list(classifier.text.columns), TEXTS)
    return _check_answers(port, classifier, texts) or _check_refusals(port) or _check_speed(port, texts[0], seconds)


def _check_identity(release: Release, port: int, artifact: Path) -> str:
    try:
        digest = sha256(artifact / "manifest.json")
    except OSError:
        return "its image holds no manifest.json"
    if digest != release.artifact:
        return f"the image holds artifact {digest[:12]}, the release is {release.artifact[:12]}"
    return mismatch(port, release)


def _check_answers(port: int, classifier: Classifier, texts: list[Any]) -> str:
    """Each answer must be the artifact's own, digit for digit."""
    for place, (text, expected) in enumerate(zip(texts, classifier.answers(texts), strict=True), 1):
        status, body = request(port, "/predict", json.dumps({"text": text}).encode(), seconds=10)
        if status != 200:
            return f"golden text {place} is answered with {status}"
        try:
            reply = json.loads(body)
            answer = reply["label"], reply["probabilities"]
        except (ValueError, TypeError, KeyError):
            return f"golden text {place} is answered with something that is no prediction"
        if answer != (expected.label, expected.probabilities):
            return f"golden text {place} has another answer than by its artifact"
    return ""


def _check_refusals(port: int) -> str:
    """A bad body must be answered with 4xx: a 500 would be retried, and count against the release."""
    for place, body in enumerate(BAD, 1):
        status = request(port, "/predict", body, seconds=10)[0]
        if not 400 <= status < 500:
            return f"bad body {place} is answered with {status}, not with 4xx"
    return ""


def _check_speed(port: int, text: Any, seconds: float) -> str:  # noqa: ANN401 - JSON
    body, times = json.dumps({"text": text}).encode(), []
    for _ in range(_TIMED):
        start = time.perf_counter()
        request(port, "/predict", body)
        times.append(time.perf_counter() - start)
    slowest = sorted(times)[_TIMED * 99 // 100 - 1]
    if slowest <= seconds:
        return ""
    return f"p99 of {_TIMED} requests is {slowest * 1000:.0f} ms (limit {seconds * 1000:.0f} ms)"
