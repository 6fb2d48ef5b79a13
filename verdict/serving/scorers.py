"""Ask an artifact from the event loop: at once where that takes less than a millisecond, else in a thread."""

import asyncio
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Protocol, TypeAlias

from verdict.classifier.artifact import Answer, Classifier
from verdict.serving.refusals import Refusal

# Texts that are scored before others get a turn.
_AT_ONCE = 16
# Texts of one forward pass of an encoder.
_BATCH = 64
_Waiting: TypeAlias = "tuple[list[str], asyncio.Future[list[Answer]]]"


class Scorer(Protocol):
    """Answers texts."""

    async def answers(self, texts: list[str]) -> list[Answer]:
        """An answer to each text."""
        ...


class Direct:
    """A model that needs less than a millisecond for a text: no queue, and the same bits in any company."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier

    async def answers(self, texts: list[str]) -> list[Answer]:
        """An answer to each text; between the parts of many, other requests have their turn."""
        if len(texts) <= _AT_ONCE:
            return self._classifier.answers(texts)
        found: list[Answer] = []
        remaining = iter(texts)
        while part := list(islice(remaining, _AT_ONCE)):
            found += self._classifier.answers(part)
            await asyncio.sleep(0)
        return found


class Batched:
    """An encoder, in one thread: what waits goes through one forward pass.

    Args:
        classifier: the artifact.
        most: how many texts may wait.
    """

    def __init__(self, classifier: Classifier, most: int) -> None:
        self._classifier, self._most = classifier, most
        self._queue: deque[_Waiting] = deque()
        self._waiting = 0
        self._worker: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "encoder")

    async def answers(self, texts: list[str]) -> list[Answer]:
        """An answer to each text; `Refusal` when too many wait already."""
        if self._waiting and self._waiting + len(texts) > self._most:
            raise Refusal(429, "busy", "too many texts wait for the model: try again in a second")
        future: asyncio.Future[list[Answer]] = asyncio.get_running_loop().create_future()
        self._queue.append((texts, future))
        self._waiting += len(texts)
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._queue:
                taken = list(self._taken())
                texts = [text for part, _ in taken for text in part]
                try:
                    found = await loop.run_in_executor(self._thread, self._classifier.answers, texts)
                except Exception as error:
                    _settle(taken, error)
                else:
                    _settle(taken, iter(found))
                self._waiting -= len(texts)
        finally:
            self._worker = None

    def _taken(self) -> "Iterator[_Waiting]":
        """The requests of one pass: at least one, together up to `_BATCH` texts."""
        room = _BATCH
        while self._queue and (room == _BATCH or len(self._queue[0][0]) <= room):
            room -= len(self._queue[0][0])
            yield self._queue.popleft()


def _settle(taken: "list[_Waiting]", found: Iterator[Answer] | Exception) -> None:
    """Give each request its own answers, in the order of the texts, or the error."""
    for texts, future in taken:
        own = found if isinstance(found, Exception) else list(islice(found, len(texts)))
        if future.done():  # cancelled: nobody waits for it any more
            continue
        if isinstance(own, Exception):
            future.set_exception(own)
        else:
            future.set_result(own)


def scorer(classifier: Classifier, representation: str, waiting: int) -> Scorer:
    """The way to ask an artifact of this representation."""
    return Batched(classifier, waiting) if representation == "tokens" else Direct(classifier)
