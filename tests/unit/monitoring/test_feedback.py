"""Tests of verdict/monitoring/feedback: what counts, what does not, and what happens when the database is away."""

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.monitoring.posting import KEY, FeedbackHarness, receipt
from verdict.base.errors import VerdictError
from verdict.monitoring.feedback.store import Post, Store
from verdict.web.receipts import Receipt, Receipts, today


@pytest.fixture
def harness(tmp_path: Path) -> FeedbackHarness:
    """A service with an empty database."""
    return FeedbackHarness(tmp_path)


def test_a_label_counts_once_by_release_however_often_it_is_sent(harness: FeedbackHarness) -> None:
    """Three answers of two releases are three counts; a retried post is taken and counted as such, not twice."""
    one = receipt("negative")
    others = [receipt("positive"), receipt("positive", "v1.1.0")]
    assert [harness.label(own).status for own in (one, *others, one, one)] == [202] * 5
    assert harness.counts() == {
        ("v1.0.0", "negative", "positive"): 1,
        ("v1.0.0", "positive", "positive"): 1,
        ("v1.1.0", "positive", "positive"): 1,
    }
    assert harness.refused() == {"repeated": 2}


def test_what_does_not_count_says_why_in_a_line(harness: FeedbackHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forged, of another key, another label than before, unknown label, old: a status and a reason each."""
    good = receipt()
    harness.label(good)
    later = time.time() + 8 * 86_400
    refusals = [
        (harness.label(good[:-1] + ("0" if good[-1] != "0" else "1")), 403, "forged"),
        (harness.label(receipt(key=b"l" * 32)), 403, "forged"),
        (harness.label("no receipt"), 403, "forged"),
        (harness.label(good, "negative"), 409, "replayed"),
        (harness.label(receipt(), "no label"), 400, "label"),
    ]
    monkeypatch.setattr(time, "time", lambda: later)
    refusals.append((harness.label(good), 410, "expired"))
    for reply, status, _ in refusals:
        assert reply.status == status
        assert list(reply.json) == ["error"]
        assert reply.body.count(b"\n") == 1
    reasons = [reason for _, _, reason in refusals]
    assert harness.refused() == {reason: reasons.count(reason) for reason in reasons}
    assert harness.counts() == {("v1.0.0", "positive", "positive"): 1}


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"receipt": 1, "label": "positive"}', b"\xff", b"[" * 100_000, b'{"receipt": "a"}']
)
def test_a_bad_body_is_refused_in_a_line(harness: FeedbackHarness, body: bytes) -> None:
    """Whatever is no JSON of that shape is 400, and says what to send."""
    reply = harness.post("/feedback", body)
    assert (reply.status, harness.refused()) == (400, {"malformed": 1})
    assert 'send {"receipt": RECEIPT' in reply.json["error"]


def test_other_ways_in_are_closed(tmp_path: Path) -> None:
    """404 and 405 name the way; with a token nobody counts without it; too large is 413."""
    harness = FeedbackHarness(tmp_path, token=b"open sesame")
    assert [harness.get(path).status for path in ("/", "/health", "/feedback")] == [404, 200, 401]
    assert harness.label(receipt()).status == 401
    sesame = {"authorization": "Bearer open sesame"}
    assert "see POST /feedback" in harness.get("/feedback", **sesame).json["error"]
    assert harness.post("/feedback", b"x" * 1_000_001, **sesame).status == 413
    assert harness.post("/feedback", {"receipt": receipt(), "label": "neutral"}, **sesame).status == 202


def test_prometheus_is_told_counts_and_accuracy_of_each_release(harness: FeedbackHarness) -> None:
    """By answer and truth, with Wilson's interval; figures of the database, so all processes tell the same."""
    for number in range(10):
        harness.label(receipt(), "positive" if number < 8 else "negative")
    metrics = harness.metrics()
    for line in (
        'verdict_feedback_total{actual="positive",predicted="positive",release="v1.0.0"} 8.0',
        'verdict_feedback_total{actual="negative",predicted="positive",release="v1.0.0"} 2.0',
        'verdict_feedback_labelled_total{release="v1.0.0"} 10.0',
        'verdict_feedback_right_total{release="v1.0.0"} 8.0',
        'verdict_live_accuracy{release="v1.0.0"} 0.8',
        'verdict_live_accuracy_low{release="v1.0.0"} 0.49',
        'verdict_live_accuracy_high{release="v1.0.0"} 0.94',
        "verdict_feedback_database_up 1.0",
    ):
        assert line in metrics


def test_a_database_that_is_away_is_told_and_comes_back(
    harness: FeedbackHarness, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its file gone: 503 with the seconds to wait, one line why, no figures, no other file; back: all is counted."""
    first, second = receipt(), receipt()
    assert harness.label(first).status == 202
    moved = tmp_path / "moved"
    moved.mkdir()
    for path in tmp_path.glob("counts.db*"):
        path.rename(moved / path.name)
    reply = harness.label(second)
    assert (reply.status, reply.headers["retry-after"]) == (503, "5")
    assert "verdict_feedback_database_up 0.0" in harness.metrics()
    assert "verdict_feedback_total" not in harness.metrics()
    assert capsys.readouterr().err == "database: unable to open database file\n"
    assert list(tmp_path.glob("counts.db*")) == []
    for path in moved.iterdir():
        path.rename(tmp_path / path.name)
    assert [harness.label(one).status for one in (first, second)] == [202, 202]
    assert harness.counts() == {("v1.0.0", "positive", "positive"): 2}
    assert harness.refused() == {"database": 1, "repeated": 1}


def test_a_database_that_could_not_be_written_comes_back(harness: FeedbackHarness) -> None:
    """A connection of the time when the disk was read-only refuses for ever, so the next post has another one."""
    assert harness.label(receipt()).status == 202
    with harness.feedback.store._engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only = 1")
    statuses = [harness.label(receipt()).status for _ in range(5)]
    assert (503 in statuses, statuses[-1]) == (True, 202)


def test_a_file_that_another_process_is_making_is_waited_for(tmp_path: Path) -> None:
    """Two that set up a new file at once: the later one counts as well, though SQLite says at once that it is busy."""
    with closing(sqlite3.connect(tmp_path / "counts.db", isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        ends = threading.Timer(0.2, other.rollback)
        ends.start()
        told = Receipt("v1.0.0", "positive", today(), 500, "nonce")
        assert Store(f"sqlite:///{tmp_path / 'counts.db'}").count([Post(told, "positive")]) == ["counted"]
        ends.join()


def test_a_full_disk_loses_nothing_and_counts_nothing_twice(harness: FeedbackHarness, tmp_path: Path) -> None:
    """A label that was refused for lack of room is not stored in part: sent again, it is counted once."""
    harness.label(receipt())
    with harness.feedback.store._engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    told = [receipt() for _ in range(400)]
    statuses = [harness.label(one).status for one in told]
    assert set(statuses) == {202, 503}
    with sqlite3.connect(tmp_path / "counts.db") as other:
        assert other.execute("SELECT sum(count) FROM verdict_labels").fetchone()[0] == 1 + statuses.count(202)
    with harness.feedback.store._engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 100000")
    assert {harness.label(one).status for one in told} == {202}
    assert harness.counts() == {("v1.0.0", "positive", "positive"): 401}


def test_what_comes_together_counts_as_if_it_came_one_by_one(tmp_path: Path) -> None:
    """In one transaction a receipt counts by its first label alone; the others are repeated, or replayed."""
    store = Store(f"sqlite:///{tmp_path / 'counts.db'}")
    told = Receipts(KEY).read(receipt())
    assert isinstance(told, Receipt)
    posts = [Post(told, label) for label in ("neutral", "positive", "neutral")]
    assert store.count(posts) == ["counted", "replayed", "repeated"]
    assert store.count(posts) == ["repeated", "replayed", "repeated"]
    assert [one[:4] for one in store.counts()] == [("v1.0.0", "positive", "neutral", 1)]


def test_receipts_are_remembered_as_long_as_they_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After that the row goes, the count stays: the database does not grow with the years."""
    store, now = Store(f"sqlite:///{tmp_path / 'counts.db'}"), time.time()
    told = Receipts(KEY).read(receipt())
    assert isinstance(told, Receipt)
    store.count([Post(told, "positive")])
    for days, rows in ((8, 2), (9, 2)):
        monkeypatch.setattr(time, "time", lambda days=days: now + days * 86_400)
        store.count([Post(told._replace(nonce=f"of day {days}", day=today()), "positive")])
        with sqlite3.connect(tmp_path / "counts.db") as other:
            assert other.execute("SELECT count(*) FROM verdict_receipts").fetchone() == (rows,)
    assert sum(one.number for one in store.counts()) == 3


@pytest.mark.parametrize("url", ["mysql://user:secret@host/x", "secret", "sqlite://", "oracle:///secret"])
def test_a_url_of_no_database_is_refused_without_its_password(url: str) -> None:
    """The message says what a URL is, and repeats nothing of this one."""
    with pytest.raises(VerdictError, match="sqlite:///FILE") as refused:
        Store(url)
    assert "secret" not in str(refused.value)
