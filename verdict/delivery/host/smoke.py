"""What a release must answer right before any user asks it."""

import json
import time
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.base.files import sha256
from verdict.classifier.artifact import load_classifier
from verdict.delivery.host.probe import as_inputs, mismatch, request
from verdict.delivery.host.state import Release

# Of any language, of none, empty, long, and what has broken a parser somewhere.
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
    """Why a server must not get requests; nothing when it may.

    Args:
        release: what it is to be.
        port: where it answers.
        artifact: the folder of the release's artifact, from its image: what it answers is compared with.
        seconds: what the slowest of a hundred requests may take.
    """
    return _identity(release, port, artifact) or _golden(port, artifact) or _bad(port) or _slow(port, artifact, seconds)


def _identity(release: Release, port: int, artifact: Path) -> str:
    try:
        found = sha256(artifact / "manifest.json")
    except OSError:
        return "its image holds no manifest.json"
    if found != release.artifact:
        return f"the image holds artifact {found[:12]}, the release is {release.artifact[:12]}"
    return mismatch(port, release)


def _golden(port: int, artifact: Path) -> str:
    """Each answer, digit for digit, as the artifact itself gives it."""
    try:
        classifier = load_classifier(artifact)
    except VerdictError as error:
        return f"the artifact of its image cannot be loaded: {error.what}"
    texts = as_inputs(list(classifier.text.columns), TEXTS)
    for place, (text, expected) in enumerate(zip(texts, classifier.answers(texts), strict=True), 1):
        status, body = request(port, "/predict", json.dumps({"text": text}).encode(), seconds=10)
        if status != 200:
            return f"golden text {place} is answered with {status}"
        try:
            said = json.loads(body)
            answer = said["label"], said["probabilities"]
        except (ValueError, TypeError, KeyError):
            return f"golden text {place} is answered with something that is no prediction"
        if answer != (expected.label, expected.probabilities):
            return f"golden text {place} has another answer than by its artifact"
    return ""


def _bad(port: int) -> str:
    """A bad body is the sender's fault: 500s would be retried, and count against the release."""
    for place, body in enumerate(BAD, 1):
        status = request(port, "/predict", body, seconds=10)[0]
        if not 400 <= status < 500:
            return f"bad body {place} is answered with {status}, not with 4xx"
    return ""


def _slow(port: int, artifact: Path, seconds: float) -> str:
    text = as_inputs(list(load_classifier(artifact).text.columns), TEXTS[:1])[0]
    body, times = json.dumps({"text": text}).encode(), []
    for _ in range(_TIMED):
        began = time.perf_counter()
        request(port, "/predict", body)
        times.append(time.perf_counter() - began)
    slowest = sorted(times)[_TIMED * 99 // 100 - 1]
    if slowest <= seconds:
        return ""
    return f"p99 of {_TIMED} requests is {slowest * 1000:.0f} ms (limit {seconds * 1000:.0f} ms)"
