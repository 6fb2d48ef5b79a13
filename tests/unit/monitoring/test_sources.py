"""Tests of verdict/monitoring/sources.py: counts from services, from Prometheus, from a table."""

import json
import socket
from collections.abc import Callable
from threading import Thread

import pytest

from tests.unit.monitoring.services import FakeService, metrics_text, usual_window
from verdict.base.errors import VerdictError
from verdict.monitoring.reference import Reference
from verdict.monitoring.sources import digests, fetch_reference, query_increases, scrape, windows_by_release


def test_what_a_service_has_counted_comes_back(reference: Reference) -> None:
    """Words, answers and lengths are those of the texts, by release; the words that it knows have a name."""
    counted = usual_window(reference, 400)
    with FakeService(
        metrics_text(reference, counted) + metrics_text(reference, usual_window(reference, 10), "v2.0.0")
    ).on() as served:
        samples = scrape(served.url)
    found = windows_by_release(samples, reference)
    assert set(found) == {"v1.0.0", "v2.0.0"}
    for name in ("words", "answers", "characters"):
        assert getattr(found["v1.0.0"], name).tolist() == getattr(counted, name).tolist()
    assert found["v2.0.0"].texts == 10
    assert digests(samples) == {reference.digest}


def test_a_word_that_the_reference_does_not_name_is_another(reference: Reference) -> None:
    """Counters of a service with another reference can be read: no count is lost."""
    text = metrics_text(reference, usual_window(reference, 400)).replace('word="the"', 'word="quoted \\"\\\\ one"')
    with FakeService(text).on() as served:
        found = windows_by_release(scrape(served.url), reference)["v1.0.0"]
    before = usual_window(reference, 400).words
    the = reference.frequent.index("the")
    assert (found.words[the], found.words[-2]) == (0, before[-2] + before[the])
    assert found.words.sum() == before.sum()


def test_prometheus_is_asked_for_increases(reference: Reference, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answers, by label, are the same counts; a part of one is rounded."""
    result = [{"metric": {"release": "v1.0.0", "word": "the"}, "value": [1, "41.7"]}]
    with FakeService(json.dumps({"data": {"result": result}})).on() as served:
        monkeypatch.setattr("verdict.monitoring.sources._COUNTERS", {"verdict_words_total": "release, word"})
        found = windows_by_release(query_increases(served.url.removesuffix("/metrics"), "6h"), reference)
    assert found["v1.0.0"].words[reference.frequent.index("the")] == 42


@pytest.mark.parametrize("ask", [scrape, fetch_reference])
@pytest.mark.parametrize(
    ("url", "what"), [("file:///etc/passwd", "is no address"), ("http://127.0.0.1:1/", "gives no")]
)
def test_what_gives_no_metrics_is_named(url: str, what: str, ask: Callable[[str], object]) -> None:
    """A port where nobody is, and what is no address of HTTP, are told with a remedy, whatever is asked for first."""
    with pytest.raises(VerdictError, match=what) as raised:
        ask(url)
    assert raised.value.where.startswith(url)
    assert "is the service there?" in raised.value.remedy


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nverdict",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nver",
        b"SSH-2.0\r\n",
    ],
)
def test_an_answer_that_a_kill_cut_off_is_told(answer: bytes) -> None:
    """Half an answer is none, and no crash."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def once() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1_000)
                connection.sendall(answer)

        thread = Thread(target=once)
        thread.start()
        with pytest.raises(VerdictError, match="gives no metrics"):
            scrape(f"http://127.0.0.1:{server.getsockname()[1]}/metrics")
        thread.join()


def test_an_answer_without_an_end_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that is larger than any metrics is refused."""
    monkeypatch.setattr("verdict.monitoring.sources._MAX_BYTES", 100)
    with FakeService("x" * 101).on() as served, pytest.raises(VerdictError, match="more than 100 bytes"):
        scrape(served.url)


@pytest.mark.parametrize("answer", ['{"status": "error"}', "<html>", '{"data": {"result": [{}]}}', "[]"])
def test_what_is_no_prometheus_is_told(answer: str) -> None:
    """Its refusal, a page, or another kind of answer is an error with a remedy."""
    with FakeService(answer).on() as served, pytest.raises(VerdictError, match="nothing that Prometheus would"):
        query_increases(served.url.removesuffix("/metrics"), "6h")


def test_a_stranger_on_the_port_has_counted_nothing(reference: Reference) -> None:
    """A page of something else has no series of ours."""
    with FakeService("<html>verdict_words_total{}</html>\n").on() as served:
        assert windows_by_release(scrape(served.url), reference) == {}
