"""What is served: the artifact, the one beside it, how they are asked, and what is told of both."""

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

# Texts that are scored before others get a turn.
_AT_ONCE = 16
# Texts of one forward pass of an encoder.
_BATCH = 64


class Direct:
    """A model that needs less than a millisecond for a text: no queue, and the same bits in any company."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier

    async def answers(self, texts: list[str]) -> list[Answer]:
        """An answer to each text; between the parts of many, other requests have their turn."""
        found = self._classifier.answers(texts[:_AT_ONCE])
        for start in range(_AT_ONCE, len(texts), _AT_ONCE):
            await asyncio.sleep(0)
            found += self._classifier.answers(texts[start : start + _AT_ONCE])
        return found


class Batched:
    """An encoder, in one thread: what waits goes through one forward pass.

    Args:
        classifier: the artifact.
        most: how many texts may wait.
    """

    def __init__(self, classifier: Classifier, most: int) -> None:
        self._most, self._together = most, Batcher(classifier.answers, _BATCH)

    async def answers(self, texts: list[str]) -> list[Answer]:
        """An answer to each text; `HTTPException` when too many wait already."""
        if self._together and len(self._together) + len(texts) > self._most:
            raise HTTPException(429, "too many texts wait for the model: try again in a second", {"retry-after": "1"})
        return await self._together.answers(texts)


class Artifact:
    """An artifact and the way to ask it; `VerdictError` when it is damaged or foreign."""

    def __init__(self, folder: Path, waiting: int) -> None:
        self.classifier, self.manifest = load_classifier(folder), load_manifest(folder)
        self.hash, direct = sha256(folder / "manifest.json"), self.manifest.representation != "tokens"
        self.answers = (Direct(self.classifier) if direct else Batched(self.classifier, waiting)).answers


class Service(WebService):
    """An artifact that answers; `VerdictError` when it, or the one beside it, is damaged or foreign."""

    def __init__(self, settings: Settings) -> None:
        self.settings: Settings = settings
        self.artifact = Artifact(settings.model, settings.waiting)
        self.labels, self.columns = self.artifact.classifier.labels, self.artifact.classifier.text.columns
        self._receipt = Receipts(settings.receipt_key).issuer(settings.release, self.labels)
        self._told = {"version": settings.release, "commit": settings.commit or "", "artifact": self.artifact.hash}
        self._told["kind"] = self.artifact.manifest.kind
        reference = _reference(settings, self.labels)
        self.counters: Counters = Counters(self.artifact.classifier, self._told, reference)
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
        return {"name": NAME, **self._told, "labels": self.labels, "text": limits}

    async def predictions(self, given: Sequence[Text]) -> list[Prediction]:
        """An answer to each text, counted, and compared with what the artifact beside says.

        Raises:
            HTTPException: too many, or too long; too many wait; the model gives no numbers.
        """
        if len(given) > MOST_TEXTS:
            raise HTTPException(413, f"more than {MOST_TEXTS} texts: send fewer at a time")
        texts = list(map(self.artifact.classifier.text.join, given))
        if any(len(text) > MOST_CHARACTERS for text in texts):
            raise HTTPException(413, f"a text is longer than {MOST_CHARACTERS:,} characters: send a part of it")
        answers = await self.artifact.answers(texts)
        if not all(math.isfinite(answer.probabilities[answer.label]) for answer in answers):
            # A row is scaled by its sum: all of it is finite, or none.
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
        except Exception as error:  # whatever it does, users do not notice
            outcome = "skipped" if isinstance(error, HTTPException) else "failed"
        count = self.counters.beside.labels
        count(beside.hash, "same").inc(same)
        count(beside.hash, outcome).inc(len(texts) - same)


def _reference(settings: Settings, labels: Sequence[str]) -> Reference | None:
    """What texts are compared with; `VerdictError` when it is damaged, or of another model."""
    path = settings.reference or settings.model.absolute().with_name("reference.json")
    if not settings.reference and not path.exists():
        return None
    if (found := read(path)).labels != tuple(labels):
        raise VerdictError(str(path), f"is of {', '.join(found.labels)}: another model's", "that of the same dvc.lock")
    return found
