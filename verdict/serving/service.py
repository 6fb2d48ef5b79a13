"""What is served: the artifact, the one beside it, and what is told of both."""

import asyncio
import math
from collections.abc import Sequence

from verdict.base.errors import VerdictError
from verdict.base.files import sha256
from verdict.classifier.artifact import Answer, load_classifier, load_manifest
from verdict.serving.asked import Prediction, Text
from verdict.serving.bodies import require_few
from verdict.serving.counters import Counters
from verdict.serving.receipts import Receipts
from verdict.serving.refusals import Refusal
from verdict.serving.scorers import scorer
from verdict.serving.settings import NAME, Settings

# Comparisons that may wait; beyond these none is made, so that the artifact beside can never slow down users.
_COMPARISONS = 64


class Service:
    """An artifact that answers; `VerdictError` when it, or the one beside it, is damaged or foreign."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.classifier = load_classifier(settings.model)
        self.manifest = load_manifest(settings.model)
        self.hash = sha256(settings.model / "manifest.json")
        self._scorer = scorer(self.classifier, self.manifest.representation, settings.waiting)
        self.labels, self.columns = self.classifier.labels, self.classifier.text.columns
        self._numbers = {label: number for number, label in enumerate(self.labels)}
        self._receipts = Receipts(settings.release, *([settings.receipt_key] if settings.receipt_key else []))
        self.draining = False
        self._comparisons: set[asyncio.Task[None]] = set()
        self._beside, beside = None, ""
        if settings.beside is not None:
            other = load_classifier(settings.beside)
            if other.text.columns != self.columns:
                what = f"makes its text of {', '.join(other.text.columns)}, the one that is served of"
                remedy = "two artifacts of the same data"
                raise VerdictError(str(settings.beside), f"{what} {', '.join(self.columns)}", remedy)
            self._beside = scorer(other, load_manifest(settings.beside).representation, settings.waiting)
            beside = sha256(settings.beside / "manifest.json")
        build = {"version": settings.release, "commit": settings.commit or "", "artifact": self.hash}
        self.counters = Counters(self.labels, {**build, "kind": self.manifest.kind}, beside)

    def about(self) -> dict[str, object]:
        """What /version says."""
        limits = {"columns": list(self.columns), "max_length": self.classifier.text.max_length}
        told = {"version": self.settings.release, "commit": self.settings.commit, "artifact": self.hash}
        return {"name": NAME, **told, "kind": self.manifest.kind, "labels": list(self.labels), "text": limits}

    async def predictions(self, given: Sequence[Text], status: int = 422) -> list[Prediction]:
        """An answer to each text.

        Args:
            given: texts, or objects of the artifact's columns.
            status: for texts that are objects of other columns.

        Raises:
            Refusal: too many, too long, or of other columns; too many wait; the model gives no numbers.
        """
        answers = await self.answers(self._joined(given, status))
        release, receipts, numbers = self.settings.release, self._receipts, self._numbers
        return [
            {
                "label": label,
                "probabilities": probabilities,
                "version": release,
                "receipt": receipts.issue(numbers[label], probabilities[label]),
            }
            for label, probabilities in answers
        ]

    def _joined(self, given: Sequence[Text], status: int) -> list[str]:
        joined = self.classifier.text.joined
        try:
            texts = [joined(one) for one in given]
        except ValueError:
            columns = ", ".join(self.columns)
            message = f"a text is an object of other keys: send a string, or an object of {columns}"
            raise Refusal(status, "malformed", message) from None
        return require_few(texts)

    async def answers(self, texts: list[str]) -> list[Answer]:
        """The artifact's answers, counted, and compared with those of the one beside."""
        answers = await self._scorer.answers(texts)
        for answer in answers:
            if not math.isfinite(answer.probabilities[answer.label]):  # a row is scaled by its sum: all or none
                raise Refusal(500, "not_finite", "the model gives no finite probabilities: another version is needed")
        self.counters.answered(texts, answers)
        if self._beside is not None:
            self._compare(texts, answers)
        return answers

    def _compare(self, texts: list[str], answers: list[Answer]) -> None:
        if len(self._comparisons) >= _COMPARISONS:
            self.counters.beside("skipped", len(texts))
            return
        task = asyncio.create_task(self._compared(texts, answers))
        self._comparisons.add(task)
        task.add_done_callback(self._comparisons.discard)

    async def _compared(self, texts: list[str], answers: list[Answer]) -> None:
        await asyncio.sleep(0)  # the user's answer leaves first
        try:
            assert self._beside is not None  # noqa: S101 - for mypy
            others = await self._beside.answers(texts)
            same = sum(other.label == answer.label for other, answer in zip(others, answers, strict=True))
        except Exception:  # whatever it does, users do not notice
            self.counters.beside("failed", len(texts))
        else:
            self.counters.beside("same", same)
            self.counters.beside("other", len(texts) - same)
