"""The service: the artifact and the one beside it, their answers, counters and receipts."""

import asyncio
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException

from verdict.base.errors import VerdictError
from verdict.base.files import sha256
from verdict.classifier.artifact import Answer, Classifier, load_classifier, load_manifest
from verdict.monitoring.reference import Reference, read
from verdict.serving.counters import Counters
from verdict.serving.schema import Prediction, Text
from verdict.serving.settings import MOST_CHARACTERS, MOST_TEXTS, NAME, Settings
from verdict.web.batcher import Batcher
from verdict.web.receipts import Receipts
from verdict.web.service import WebService

# Texts that are scored before other requests get a turn.
_AT_ONCE = 16
# Texts of one forward pass of an encoder.
_BATCH = 64


class Direct:
    """A model that needs less than a millisecond for a text, without a queue."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier

    async def answers(self, texts: list[str]) -> list[Answer]:
        """Answer each text; many texts are scored in parts, between which other requests get a turn."""
        answers = self._classifier.answers(texts[:_AT_ONCE])
        for start in range(_AT_ONCE, len(texts), _AT_ONCE):
            await asyncio.sleep(0)
            answers += self._classifier.answers(texts[start : start + _AT_ONCE])
        return answers


class Batched:
    """An encoder in one thread; waiting texts share a forward pass.

    Args:
        classifier: the artifact.
        most: how many texts may wait.
    """

    def __init__(self, classifier: Classifier, most: int) -> None:
        self._most, self._queue = most, Batcher(classifier.answers, _BATCH)

    async def answers(self, texts: list[str]) -> list[Answer]:
        """Answer each text; `HTTPException` when too many wait already."""
        if self._queue and len(self._queue) + len(texts) > self._most:
            raise HTTPException(429, "too many texts wait for the model: try again in a second", {"retry-after": "1"})
        return await self._queue.answers(texts)


class Artifact:
    """A loaded artifact; `VerdictError` when it is damaged or foreign."""

    def __init__(self, folder: Path, waiting: int) -> None:
        self.classifier, self.manifest = load_classifier(folder), load_manifest(folder)
        self.hash, is_encoder = sha256(folder / "manifest.json"), self.manifest.representation == "tokens"
        self.answers = (Batched(self.classifier, waiting) if is_encoder else Direct(self.classifier)).answers


class Service(WebService):
    """An artifact that answers; `VerdictError` when it, or the one beside it, is damaged or foreign."""

    def __init__(self, settings: Settings) -> None:
        self.settings: Settings = settings
        self.artifact = Artifact(settings.model, settings.waiting)
        self.labels, self.columns = self.artifact.classifier.labels, self.artifact.classifier.text.columns
        self._receipt = Receipts(settings.receipt_key).issuer(settings.release, self.labels)
        self._build = {"version": settings.release, "commit": settings.commit or "", "artifact": self.artifact.hash}
        self._build["kind"] = self.artifact.manifest.kind
        reference = _reference(settings, self.labels)
        self.counters: Counters = Counters(self.artifact.classifier, self._build, reference)
        if reference:  # `verdict drift` compares each release with its own
            self.pages = {"/reference.json": reference.to_json().encode()}
        self._beside = Artifact(settings.beside, settings.waiting) if settings.beside else None
        self._comparisons: set[asyncio.Task[None]] = set()
        if self._beside and (other := self._beside.classifier.text.columns) != self.columns:
            what = f"makes its text of {', '.join(other)}, the one that is served of {', '.join(self.columns)}"
            raise VerdictError(str(settings.beside), what, "two artifacts of the same data")

    async def version(self) -> dict[str, Any]:
        """Say which release, commit and artifact answer, and with which labels."""
        limits = {"columns": self.columns, "max_length": self.artifact.classifier.text.max_length}
        return {"name": NAME, **self._build, "labels": self.labels, "text": limits}

    async def predictions(self, inputs: Sequence[Text]) -> list[Prediction]:
        """Answer each text, count the answers, and compare them with those of the artifact beside.

        Raises:
            HTTPException: too many, or too long; too many wait; the model gives no numbers.
        """
        if len(inputs) > MOST_TEXTS:
            raise HTTPException(413, f"more than {MOST_TEXTS} texts: send fewer at a time")
        texts = list(map(self.artifact.classifier.text.join, inputs))
        if any(len(text) > MOST_CHARACTERS for text in texts):
            raise HTTPException(413, f"a text is longer than {MOST_CHARACTERS:,} characters: send a part of it")
        answers = await self.artifact.answers(texts)
        if not all(math.isfinite(answer.probabilities[answer.label]) for answer in answers):
            # Probabilities are scaled by their sum: all are finite, or none.
            raise HTTPException(500, "the model gives no finite probabilities: another version is needed")
        self.counters.answered(texts, answers)
        if self._beside is not None:
            task = asyncio.create_task(self._compare(self._beside, texts, answers))
            self._comparisons.add(task)
            task.add_done_callback(self._comparisons.discard)
        return [self._prediction(*answer) for answer in answers]

    def _prediction(self, label: str, probabilities: dict[str, float]) -> Prediction:
        receipt = self._receipt(label, probabilities[label])
        return {"label": label, "probabilities": probabilities, "version": self.settings.release, "receipt": receipt}

    async def _compare(self, beside: Artifact, texts: list[str], answers: list[Answer]) -> None:
        await asyncio.sleep(0)  # the user's answer leaves first
        same = 0
        try:
            others = await beside.answers(texts)
            same = sum(other.label == answer.label for other, answer in zip(others, answers, strict=True))
            outcome = "other"
        except Exception as error:  # users must not notice any of its failures
            outcome = "skipped" if isinstance(error, HTTPException) else "failed"
        count = self.counters.beside.labels
        count(beside.hash, "same").inc(same)
        count(beside.hash, outcome).inc(len(texts) - same)


def _reference(settings: Settings, labels: Sequence[str]) -> Reference | None:
    """Read the reference that words are counted by; `VerdictError` when it is damaged, or of another model."""
    path = settings.reference or settings.model.absolute().with_name("reference.json")
    if not settings.reference and not path.exists():
        return None
    reference = read(path)
    if reference.labels != tuple(labels):
        what = f"is of {', '.join(reference.labels)}: another model's"
        raise VerdictError(str(path), what, "that of the same dvc.lock")
    return reference
