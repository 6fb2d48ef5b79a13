"""The relay: what of an alert goes to GitHub, the queue and its waiting times, and failures."""

import errno
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from requests import Response

from tests.relay_process import alert, webhook
from verdict.base.errors import VerdictError
from verdict.ci.github.client import ApiError, GitHub
from verdict.ci.relay import queue as queues
from verdict.ci.relay.alerts import Alert, parse
from verdict.ci.relay.delivery import Delivery
from verdict.ci.relay.queue import Queue, QueueFullError


def payloads(count: int, first: int = 0) -> list[dict[str, str]]:
    """The waiting payloads, one key each."""
    return [{"key": str(number), "reason": "drift"} for number in range(first, first + count)]


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    """An empty queue."""
    return Queue(tmp_path / "relay.db")


@pytest.fixture
def delivery(queue: Queue, tmp_path: Path) -> Delivery:
    """A delivery of that queue to a GitHub that the test plays."""
    (tmp_path / "token").write_text("token")
    return Delivery(queue, "owner/name", tmp_path / "token", "http://127.0.0.1:9", CollectorRegistry())


def refused(status: int, **headers: str) -> ApiError:
    """GitHub's no."""
    answer = Response()
    answer.status_code, answer._content = status, b'{"message": "no"}'
    answer.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return ApiError("POST", "/dispatches", answer)


def test_an_alert_becomes_nine_texts() -> None:
    """GitHub gets name, reason, release, kind, value, limit, start, summary and a key: at most ten keys, all texts."""
    (found,) = parse(webhook(alert()))
    since = "2026-11-26T10:00:00.123456+00:00"
    assert found.payload() == {
        **{"alert": "Drift", "reason": "drift", "release": "v1.2.0", "kind": "unknown", "value": "0.1"},
        **{"limit": "0.05", "since": since, "told": "Too many unknown words", "key": f"ab12-{since}"},
    }


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a\nb\r\tc", "a b c"),
        ("<script>alert(1)</script>", "_script_alert(1)_/script_"),
        ("`rm` $HOME ${{ secrets.KEY }} @team #7", "_rm_ _HOME ___ secrets.KEY __ _team _7"),
        ("[a](http://b) ![c](d) **e** | f", "_a_(http://b) __c_(d) __e__ _ f"),
        ("abc\u202edef\u200b\x00", "abc_def__"),
        ("Wörter, 単語: 5 %", "Wörter, 単語: 5 %"),
    ],
)
def test_texts_of_labels_are_harmless(text: str, cleaned: str) -> None:
    """No line, Markdown, HTML, expression or name of a person comes out; letters of any language do."""
    labels = {"alertname": text, "reason": "drift", "release": text}
    made = Alert.model_validate(alert(labels=labels, annotations={"summary": text, "value": text})).payload()
    assert made["told"] == cleaned
    assert made["release"] == made["alert"] == cleaned.replace(" ", "_")
    assert made["value"] == ""


def test_long_texts_are_cut() -> None:
    """A summary has 300 characters at most, a label 100."""
    labels = {"alertname": "x" * 99_999, "reason": "drift"}
    made = Alert.model_validate(alert(labels=labels, annotations={"summary": "y" * 99_999})).payload()
    assert (len(made["alert"]), len(made["told"])) == (100, 300)


@pytest.mark.parametrize(("given", "kept"), [("0.05", "0.05"), ("-1.2e-05", "-1.2e-05"), ("NaN", ""), ("9" * 50, "")])
def test_a_value_is_a_number(given: str, kept: str) -> None:
    """A value that is no number of usual length is left out."""
    assert Alert.model_validate(alert(annotations={"limit": given})).payload()["limit"] == kept


def test_what_goes_no_further() -> None:
    """A resolved alert, and one that asks for no retraining, are ignored."""
    assert Alert.model_validate(alert(status="resolved")).ignored == "resolved"
    assert Alert.model_validate(alert(labels={"alertname": "Down"})).ignored == "foreign"
    assert Alert.model_validate(alert()).ignored == ""


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{}", b"\xff\xfe", b"null", b"[" * 500_000, b'{"version": "4", "alerts": 7}'),
        webhook(*[alert()] * 501),
        webhook(alert(fingerprint="../x")),
        webhook(alert(startsAt="yesterday")),
        webhook(alert(labels={"a": {"b": "c"}})),
        webhook(alert()).replace(b'"4"', b'"5"'),
    ],
    ids=range(11),
)
def test_what_is_no_call_is_refused(body: bytes) -> None:
    """A body that is not of the webhook's shape raises `ValueError`, however deep or long it is."""
    with pytest.raises(ValueError, match="error"):
        parse(body)


def test_an_alert_is_known_again(queue: Queue, tmp_path: Path) -> None:
    """An alert that came before does not count again, waiting or delivered, also after a restart."""
    assert queue.add(payloads(3)) == 3
    assert queue.add([*payloads(4), *payloads(4)]) == 1
    queue.delivered("0")
    queue._db.close()
    again = Queue(tmp_path / "relay.db")
    assert (again.add(payloads(4)), again.waiting()) == (0, 3)


def test_a_queue_is_one_relays(queue: Queue, tmp_path: Path) -> None:
    """A second relay of the same queue, which would send everything twice, does not start."""
    with pytest.raises(VerdictError, match="locked"):
        Queue(tmp_path / "relay.db")


def test_what_is_no_queue_is_refused(tmp_path: Path) -> None:
    """A file of something else is left as it is, and a folder that is not there is asked for."""
    (tmp_path / "relay.db").write_bytes(b"something else" * 100)
    with pytest.raises(VerdictError, match="not a database"):
        Queue(tmp_path / "relay.db")
    assert (tmp_path / "relay.db").read_bytes() == b"something else" * 100
    with pytest.raises(VerdictError, match="unable to open") as raised:
        Queue(tmp_path / "missing" / "relay.db")
    assert "is its folder there?" in raised.value.remedy


def test_a_queue_has_an_end(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that does not fit is refused as a whole, and one that brings nothing new is not."""
    monkeypatch.setattr(queues, "MOST", 5)
    queue.add(payloads(4))
    with pytest.raises(QueueFullError):
        queue.add(payloads(2, first=4))
    assert (queue.waiting(), queue.add(payloads(4))) == (4, 0)


def test_what_was_delivered_is_forgotten_in_the_end(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk keeps a limited number of delivered alerts, and all waiting ones."""
    monkeypatch.setattr(queues, "KNOWN", 10)
    queue.add(payloads(1, first=1000))
    for number in range(30):
        queue.add(payloads(1, first=number))
        queue.delivered(str(number))
    (rows,) = queue._db.execute("SELECT count(*) FROM alerts").fetchone()
    assert (rows, queue.waiting()) == (11, 1)


def test_what_fails_lets_others_pass(queue: Queue) -> None:
    """Alerts with fewer attempts go first."""
    queue.add(payloads(3))
    assert [(queue.next() or {})["key"] for _ in range(4)] == ["0", "1", "2", "0"]


def test_a_full_disk_sends_nothing_twice(delivery: Delivery, queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """If an attempt cannot be written nothing is sent; if its end cannot be, that is written before anything else."""
    sent: list[str] = []
    monkeypatch.setattr(GitHub, "dispatch", lambda _, __, payload: sent.append(payload["key"]))
    queue.add(payloads(2))
    write, full = queue._write, {"UPDATE alerts SET tries"}

    def written(statement: str, *values: Any) -> None:  # noqa: ANN401 - of SQL
        if any(statement.startswith(text) for text in full):
            raise sqlite3.OperationalError("database or disk is full")
        write(statement, *values)

    monkeypatch.setattr(queue, "_write", written)
    with pytest.raises(sqlite3.OperationalError):
        delivery.deliver_next()
    assert sent == []
    full.clear()
    full.add("UPDATE alerts SET delivered")
    for _ in range(3):
        with pytest.raises(sqlite3.OperationalError):
            delivery.deliver_next()
    assert sent == ["0"]
    full.clear()
    assert [delivery.deliver_next(), delivery.deliver_next()] == [True, False]
    assert (sent, queue.waiting()) == (["0", "1"], 0)


@pytest.mark.parametrize(
    ("error", "pauses"),
    [
        (refused(502), [1, 2, 4, 8]),
        (refused(429, Retry_After="60"), [60, 60, 60, 60]),
        (refused(403, X_RateLimit_Remaining="0", X_RateLimit_Reset="1"), [1, 2, 4, 8]),
        (refused(429, Retry_After="9" * 30), [3600] * 4),
        (OSError(errno.ENOENT, "no such file"), [1, 2, 4, 8]),
    ],
)
def test_pauses_grow(delivery: Delivery, error: Exception, pauses: list[float]) -> None:
    """Between two tries it waits twice as long each time, or as long as GitHub asks, an hour at most."""
    assert [delivery._pause(error) for _ in range(4)] == pauses
    assert [delivery._pause(OSError()) for _ in range(2000)][-1] == 300


def test_a_failure_is_told_once(delivery: Delivery, capsys: pytest.CaptureFixture[str]) -> None:
    """The log has a line for each new reason, and the token in none."""
    for status in (401, 401, 401, 502):
        delivery._pause(refused(status))
    first, second = capsys.readouterr().err.splitlines()
    assert "401: no remedy: docs/github.md lists the permissions" in first
    assert "502" in second


def test_a_proxys_page_is_no_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer of 200, which GitHub does not give, is a failure: nothing would have been dispatched."""
    answer = Response()
    answer.status_code, answer._content = 200, b"<html>"
    monkeypatch.setattr(GitHub, "_request", lambda *_, **__: answer)
    with pytest.raises(ApiError, match="200"):
        GitHub("owner/name", "token").dispatch("retrain", {})
