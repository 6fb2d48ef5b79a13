"""Tests of counters, receipts, the artifact beside, and of what waits for an encoder."""

import asyncio
import re
import shutil
import time
from collections.abc import Iterable
from itertools import cycle
from pathlib import Path
from typing import cast

import pytest
from starlette.exceptions import HTTPException

from tests.unit.serving.service_client import ServiceClient
from verdict.base.errors import VerdictError
from verdict.classifier.artifact import Answer, Classifier
from verdict.monitoring.reference import read, write
from verdict.serving import counters
from verdict.serving.counters import LOT
from verdict.serving.service import Artifact, Batched, Direct
from verdict.web.receipts import Receipt, Receipts, today


def total(metrics: str, name: str) -> float:
    """The sum of all series of a name."""
    return sum(float(value) for value in re.findall(rf"(?m)^{name}(?:{{.*}})? (\S+)$", metrics))


@pytest.fixture
def every_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """The words of every text are counted, not those of some by chance."""
    monkeypatch.setattr(counters, "COUNTED_SHARE", 1.0)


@pytest.mark.usefixtures("every_text")
def test_what_texts_hold_is_published_in_lots(artifact: Path) -> None:
    """Labels, confidence and lengths are 0 below a lot, and move by all that waits; requests are counted at once."""
    client = ServiceClient(artifact)
    for _ in range(LOT - 1):
        client.post("/predict", {"text": "good"})
    before = client.metrics()
    assert total(before, "verdict_answers_total") == total(before, "verdict_text_characters_count") == 0
    assert total(before, "verdict_texts_total") == total(before, "verdict_requests_total") == LOT - 1
    client.post("/predict", {"texts": ["good", "awful"]})
    after = client.metrics()
    assert total(after, "verdict_answers_total") == total(after, "verdict_text_characters_count") == LOT + 1
    assert total(after, "verdict_text_characters_sum") == 4 * LOT + 5
    client.post("/predict", {"text": "good"})
    assert total(client.metrics(), "verdict_answers_total") == LOT + 1


@pytest.mark.usefixtures("every_text")
def test_words_are_counted_by_the_reference_in_lots(artifact: Path) -> None:
    """Frequent words by themselves, all unknown ones together, as the model reads them; and what was promised."""
    client = ServiceClient(artifact, release="v1.2.0")
    reference = read(artifact.with_name("reference.json"))
    word = next(word for word in reference.frequent if word.isalpha())
    client.post("/predict", {"texts": [f"{word.upper()}&#32;{word} xyzzy plugh"] * (LOT - 1)})
    assert total(client.metrics(), "verdict_words_total") == 0
    client.post("/predict", {"text": ""})
    after = client.metrics()
    for name in (word, r"\(unknown\)"):
        assert total(after, f'verdict_words_total{{release="v1.2.0",word="{name}"}}') == 2 * (LOT - 1)
    assert total(after, "verdict_words_total") == 4 * (LOT - 1)
    promised = f'verdict_promised{{metric="accuracy",release="v1.2.0"}} {reference.scores["overall"]["accuracy"]}'
    assert promised in after


def test_a_lot_has_the_words_of_as_many_texts(artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Words are counted of some texts alone: nothing is published until those are a lot, too."""
    client, turn = ServiceClient(artifact), cycle([0.0, 0.999])
    monkeypatch.setattr(counters, "random", lambda: next(turn))
    for _ in range(2 * LOT - 2):
        client.post("/predict", {"text": "xyzzy plugh"})
    assert total(client.metrics(), "verdict_answers_total") == 0
    client.post("/predict", {"text": "xyzzy plugh"})
    assert total(client.metrics(), "verdict_answers_total") == 2 * LOT - 1
    assert total(client.metrics(), "verdict_words_total") == 2 * LOT


def test_without_a_reference_no_word_is_counted(artifact: Path, tmp_path: Path) -> None:
    """A folder that lies alone is served as ever; a reference of another model is refused."""
    shutil.copytree(artifact, tmp_path / "classifier")
    client = ServiceClient(tmp_path / "classifier")
    client.post("/predict", {"texts": ["good"] * LOT})
    metrics = client.metrics()
    assert total(metrics, "verdict_words_total") == total(metrics, "verdict_promised") == 0
    assert total(metrics, "verdict_answers_total") == LOT
    other = read(artifact.with_name("reference.json")).model_copy(update={"labels": ("bad", "good")})
    write(tmp_path / "other.json", other)
    with pytest.raises(VerdictError, match=r"other\.json: is of bad, good: another model's"):
        ServiceClient(artifact, reference=tmp_path / "other.json")


def test_metrics_show_fast_answers_and_no_text(artifact: Path) -> None:
    """Buckets begin at 0.25 ms; a text, a query and an unknown path are in no series."""
    client, secret = ServiceClient(artifact), "xyzzy-plugh"
    client.post("/predict", {"texts": [secret] * LOT})
    client.get(f"/{secret}")
    client.get(f"/v2/models/{secret}")
    metrics = client.metrics()
    assert secret not in metrics
    assert 'verdict_request_seconds_bucket{le="0.00025",route="/predict"}' in metrics
    assert 'verdict_requests_total{route="other",status="404"} 2.0' in metrics
    assert total(metrics, "verdict_request_seconds_count") == 3


def test_the_artifact_beside_is_compared_and_never_heard(artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answers are counted as the same, as others, or as failures; users get those of the first alone."""
    client, alone = ServiceClient(artifact, beside=artifact), ServiceClient(artifact)
    texts = ["a wonderful lamp", "an awful boat"]
    assert client.post("/predict", {"texts": texts}).status == 200
    beside = client.service._beside
    assert beside is not None

    async def other(texts: list[str]) -> list[Answer]:
        return [Answer("neutral", {})] * len(texts)

    monkeypatch.setattr(beside, "answers", other)
    reply = client.post("/predict", {"texts": texts}).json["predictions"]
    expected = alone.post("/predict", {"texts": texts}).json["predictions"]
    assert [answer["label"] for answer in reply] == [answer["label"] for answer in expected]

    async def fails(_: list[str]) -> list[Answer]:
        raise RuntimeError

    monkeypatch.setattr(beside, "answers", fails)
    assert client.post("/predict", {"texts": texts}).status == 200
    counts = {
        outcome: total(
            client.metrics(), f'verdict_beside_total{{artifact="{client.service.artifact.hash}",outcome="{outcome}"}}'
        )
        for outcome in ("same", "other", "failed")
    }
    assert counts == {"same": 2, "other": 2, "failed": 2}


def test_a_receipt_says_what_was_answered_and_cannot_be_forged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Release, label and confidence come back from it, of each release; another key or digit does not."""
    signed = Receipts(b"k" * 32)
    issue = signed.issuer("v1.2.0", ("a", "b.c", "否定的 ☃"))
    other = signed.issuer("v2.0.0+x", ("a",))("a", 0.5)
    one, two = issue("否定的 ☃", 0.98765), issue("b.c", 0.98765)
    told = signed.read(one)
    assert isinstance(told, Receipt)
    assert (told.release, told.label, told.permille, told.day) == ("v1.2.0", "否定的 ☃", 988, today())
    assert [found.label for found in map(signed.read, (two, other)) if isinstance(found, Receipt)] == ["b.c", "a"]
    assert len({told.nonce, *(signed.read(issue("a", 1.0)) for _ in range(9))}) == 10
    for stranger in (Receipts(b"l" * 32), Receipts()):
        assert stranger.read(one) == "forged"
    moved = other.partition(".")[0] + one[one.index(".") :]
    for forged in (one[:-1] + ("0" if one[-1] != "0" else "1"), moved, "", "é", "....", "a.b"):
        assert signed.read(forged) == "forged", forged
    now = time.time()
    for days, readable in ((-1, True), (7, True), (-2, False), (8, False)):
        monkeypatch.setattr(time, "time", lambda days=days: now + days * 86_400)
        assert (signed.read(one) == "expired") != readable


def test_the_receipt_of_an_answer_is_its_own(artifact: Path) -> None:
    """With the key, a receipt gives the release, the label that was answered, and how sure it was."""
    key = b"k" * 32
    client = ServiceClient(artifact, release="v1.2.0", receipt_key=key)
    for text in ("a wonderful lamp", "an awful boat"):
        answer = client.post("/predict", {"text": text}).json
        told = Receipts(key).read(answer["receipt"])
        assert isinstance(told, Receipt)
        assert (told.release, told.label) == ("v1.2.0", answer["label"])
        assert told.permille == round(answer["probabilities"][answer["label"]] * 1000)


class Slow:
    """An encoder's stand-in: says each text back as its label, and how many came together."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def answers(self, texts: Iterable[str]) -> list[Answer]:
        """An answer that names its text; a text `fail` fails the whole pass."""
        taken = list(texts)
        self.sizes.append(len(taken))
        if "fail" in taken:
            raise RuntimeError
        return [Answer(text, {}) for text in taken]


def batched(most: int = 512) -> tuple[Slow, Batched]:
    """A stand-in, and the queue before it."""
    slow = Slow()
    return slow, Batched(cast(Classifier, slow), most)


def test_what_waits_for_an_encoder_goes_together_and_comes_back_to_its_own() -> None:
    """40 requests need a few passes of up to 64 texts, and each gets the answers to its own texts, in order."""
    slow, queue = batched()
    wanted = [[f"{number}-{place}" for place in range(number % 4)] for number in range(40)]

    async def ask() -> list[list[Answer]]:
        return await asyncio.gather(*(queue.answers(texts) for texts in wanted))

    found = asyncio.run(ask())
    assert [[answer.label for answer in answers] for answers in found] == wanted
    assert sum(slow.sizes) == sum(map(len, wanted))
    assert max(slow.sizes) <= 64
    assert len(slow.sizes) < 5


def test_the_queue_of_an_encoder_is_bounded_and_outlives_a_failure() -> None:
    """Beyond the bound a request is told to come again; a failed pass fails those in it, and no later one."""
    _, queue = batched(most=3)

    async def ask() -> list[list[Answer] | BaseException]:
        first = await asyncio.gather(
            queue.answers(["fail"]), queue.answers(["a", "b"]), queue.answers(["c"]), return_exceptions=True
        )
        return [*first, await queue.answers(["d"]), await queue.answers(["e"] * 10)]

    failed, with_it, refused, later, large = asyncio.run(ask())
    assert isinstance(failed, RuntimeError)
    assert isinstance(with_it, RuntimeError)
    assert isinstance(refused, HTTPException)
    assert refused.status_code == 429
    assert later == [Answer("d", {})]
    assert large == [Answer("e", {})] * 10


def test_a_request_that_was_given_up_harms_no_other() -> None:
    """Cancelling one that waits leaves the others their answers."""
    _, queue = batched()

    async def ask() -> list[Answer]:
        given_up = asyncio.create_task(queue.answers(["a"]))
        other = asyncio.create_task(queue.answers(["b"]))
        await asyncio.sleep(0)
        given_up.cancel()
        return await other

    assert asyncio.run(ask()) == [Answer("b", {})]


def test_what_reads_tfidf_is_asked_at_once(artifact: Path) -> None:
    """A model that takes less than a millisecond waits in no queue."""
    assert isinstance(Artifact(artifact, 9).answers.__self__, Direct)  # type: ignore[attr-defined]
