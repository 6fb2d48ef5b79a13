"""Tests of verdict/monitoring/sources.py: counts from services, from Prometheus, from a table."""

import json

import pytest

from tests.unit.monitoring.services import Served, as_text, usual
from verdict.base.errors import VerdictError
from verdict.monitoring.reference import Reference
from verdict.monitoring.sources import digests, increases, scraped, windows


def test_what_a_service_has_counted_comes_back(reference: Reference) -> None:
    """Words, answers and lengths are those of the texts, by release; the words that it knows have a name."""
    counted = usual(reference, 400)
    with Served(as_text(reference, counted) + as_text(reference, usual(reference, 10), "v2.0.0")).on() as served:
        samples = scraped(served.url)
    found = windows(samples, reference)
    assert set(found) == {"v1.0.0", "v2.0.0"}
    for name in ("words", "answers", "characters"):
        assert getattr(found["v1.0.0"], name).tolist() == getattr(counted, name).tolist()
    assert found["v2.0.0"].texts == 10
    assert digests(samples) == {reference.digest}


def test_a_word_that_the_reference_does_not_name_is_another(reference: Reference) -> None:
    """Counters of a service with another reference can be read: no count is lost."""
    text = as_text(reference, usual(reference, 400)).replace('word="the"', 'word="quoted \\"\\\\ one"')
    with Served(text).on() as served:
        found = windows(scraped(served.url), reference)["v1.0.0"]
    before = usual(reference, 400).words
    the = reference.frequent.index("the")
    assert (found.words[the], found.words[-2]) == (0, before[-2] + before[the])
    assert found.words.sum() == before.sum()


def test_prometheus_is_asked_for_increases(reference: Reference, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answers, by label, are the same counts; a part of one is rounded."""
    result = [{"metric": {"release": "v1.0.0", "word": "the"}, "value": [1, "41.7"]}]
    with Served(json.dumps({"data": {"result": result}})).on() as served:
        monkeypatch.setattr("verdict.monitoring.sources._NAMES", ("verdict_words_total",) * 3)
        found = windows(increases(served.url.removesuffix("/metrics"), "6h"), reference)
    assert found["v1.0.0"].words[reference.frequent.index("the")] == 3 * 42


@pytest.mark.parametrize(
    ("url", "what"), [("file:///etc/passwd", "is no address"), ("http://127.0.0.1:1/", "gives no")]
)
def test_what_gives_no_metrics_is_named(url: str, what: str) -> None:
    """A port where nobody is, and what is no address of HTTP, are told with a remedy."""
    with pytest.raises(VerdictError, match=what) as raised:
        scraped(url)
    assert raised.value.where == url


def test_a_stranger_on_the_port_has_counted_nothing(reference: Reference) -> None:
    """A page of something else has no series of ours."""
    with Served("<html>verdict_words_total{}</html>\n").on() as served:
        assert windows(scraped(served.url), reference) == {}
