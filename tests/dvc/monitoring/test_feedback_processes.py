"""Tests of `verdict feedback` as processes: exact counts, kills, full disks, databases that go away, privacy."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pyrage
import pytest

from tests.conftest import ROOT
from tests.documents import save
from tests.dvc.monitoring.feedback_process import FeedbackProcess, expected, feedback_process, labels, post_all
from tests.tiers import VARIABLE

# All of them in the tier of its own: `make feedback`.
WHOLE = os.environ.get(VARIABLE) == "feedback"
POSTS, KILLS = (10_000, 20) if WHOLE else (2_000, 3)
CANARY = "xyzzy-plugh"


def database(folder: Path) -> str:
    """The URL of a file in a folder."""
    return f"sqlite:///{folder / 'counts.db'}"


def test_posts_to_several_processes_at_once_are_counted_exactly(tmp_path: Path) -> None:
    """Over 32 connections to three processes, each label twice and shuffled: all 202, and each counts once."""
    bodies = labels(POSTS)
    twice = bodies * 2
    random.Random(0).shuffle(twice)
    with ExitStack() as stack:
        running = [stack.enter_context(feedback_process(tmp_path, database(tmp_path))) for _ in range(3)]
        began = time.monotonic()
        assert set(post_all([one.port for one in running], twice)) == {202}
        print(f"{len(twice) / (time.monotonic() - began):.0f} posts a second")
        assert [one.counts() for one in running] == [expected(POSTS)] * 3


def test_a_kill_loses_nothing_that_was_answered_and_counts_nothing_twice(tmp_path: Path) -> None:
    """Killed at random moments under load: what had no answer is sent again, elsewhere or later, and counts once."""
    draw, sent = random.Random(1), 0
    with feedback_process(tmp_path, database(tmp_path)) as stays:
        for _ in range(KILLS):
            bodies = labels(300)
            with feedback_process(tmp_path, database(tmp_path)) as killed:
                delay = draw.uniform(0.0, 0.4)
                killer = subprocess.Popen(
                    [sys.executable, "-c", f"import os, time; time.sleep({delay}); os.kill({killed.process.pid}, 9)"]
                )
                statuses = post_all([killed.port, stays.port], bodies, 8)
                killer.wait(20)
            assert set(statuses) <= {0, 202}
            answered = [body for body, status in zip(bodies, statuses, strict=True) if status]
            again = [body for body, status in zip(bodies, statuses, strict=True) if not status]
            sent += len(answered)
            assert sum(stays.counts().values()) >= sent
            assert set(post_all([stays.port], [*again, *answered[:50]], 8)) <= {202}
            sent += len(again)
            assert sum(stays.counts().values()) == sent


def test_a_disk_that_is_full_is_told_and_what_was_answered_is_there(tmp_path: Path) -> None:
    """With no room left for its files a process answers 503; another one with room counts what was refused, once."""

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

    bodies = labels(600)
    with feedback_process(tmp_path, database(tmp_path), preexec_fn=little_room) as full:
        statuses = post_all([full.port], bodies, 8)
        assert set(statuses) == {202, 503}
    with feedback_process(tmp_path, database(tmp_path)) as other:
        assert sum(other.counts().values()) == statuses.count(202)
        assert set(post_all([other.port], bodies, 8)) == {202}
        assert other.counts() == expected(600)


def test_sigterm_lets_what_has_begun_be_counted(tmp_path: Path) -> None:
    """The process ends with 0, and all that it answered is there."""
    with feedback_process(tmp_path, database(tmp_path)) as running:
        assert running.post(labels(1)[0]) == 202
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(30) == 0
    with feedback_process(tmp_path, database(tmp_path)) as again:
        assert again.counts() == expected(1)


def test_what_counts_imports_neither_model_nor_table() -> None:
    """A process that has counted holds none of the libraries that its image leaves out."""
    left_out = ["pandas", "pyarrow", "scipy", "sklearn", "torch", "dvc", "numpy", "verdict.classifier", "fastapi"]
    code = (
        "import sys;"
        "from verdict.monitoring.feedback.service import Feedback, application;"
        "from verdict.web.server import run;"
        f"print([name for name in {left_out!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


@pytest.mark.parametrize("consents", [False, True], ids=["counts alone", "texts of those who consent"])
def test_a_text_is_in_no_log_metric_or_file(tmp_path: Path, consents: bool) -> None:
    """Of thousands of posts, good, bad and crashing, a canary string is nowhere, but encrypted where it may be."""
    group: dict[str, object] = {"texts": False}
    if consents:
        recipient = str(pyrage.x25519.Identity.generate().to_public())
        group = {"texts": True, "recipient": recipient, "bucket": str(tmp_path / "bucket")}
    save(tmp_path / "params.yaml", {"feedback": group})
    options = ("--params", str(tmp_path / "params.yaml"), "--access-log")
    with feedback_process(tmp_path, database(tmp_path), *options) as running:
        statuses = post_all([running.port], list(bodies(POSTS)))
        crash(running)
        told = running.metrics_text()
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(30) == 0
    assert CANARY not in told
    (log,) = tmp_path.glob("log-*")
    assert '"status": 403' in log.read_text()
    assert set(statuses) == {202, 400, 403}
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > (POSTS // 10 if consents else 2)
    assert not [path for path in files if CANARY.encode() in path.read_bytes() or CANARY in path.name]


def bodies(number: int) -> list[object]:
    """Good and bad bodies, all with the canary somewhere: in a text, a label, a receipt, a key, or no JSON at all."""
    found: list[object] = []
    for place, good in enumerate(labels(number)):
        kinds: list[object] = [
            good,
            {**good, "text": CANARY, "consent": True},
            {**good, "text": CANARY},
            {**good, "label": CANARY},
            {**good, "receipt": f"{good['receipt']}{CANARY}"},
            {**good, CANARY: CANARY},
            json.dumps(good).encode() + CANARY.encode(),
            {**good, "text": {CANARY: CANARY}, "consent": True},
            {"receipt": CANARY, "label": CANARY},
        ]
        found += [good, kinds[place % len(kinds)]]
    return found


def crash(running: FeedbackProcess) -> None:
    """End half of a request, and then a whole one that is too large."""
    assert running.post(CANARY.encode() * 200_000) in (0, 413)
