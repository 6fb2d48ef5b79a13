"""Batches requests for a slow function."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Batcher(Generic[Item, Answer]):
    """A queue in front of one thread, which takes all items that wait.

    Args:
        act: answers a batch of items, in order; its exception goes to all of them.
        most: items of a batch.
    """

    def __init__(self, act: Callable[[Sequence[Item]], Sequence[Answer]], most: int) -> None:
        self._act, self._most, self._thread = act, most, ThreadPoolExecutor(1, "batcher")
        self._queue: deque[tuple[Item, asyncio.Future[Answer]]] = deque()
        self._worker: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._queue)

    async def answers(self, items: Iterable[Item]) -> list[Answer]:
        """Wait for the answer to each item."""
        loop = asyncio.get_running_loop()
        entries = [(item, loop.create_future()) for item in items]
        self._queue += entries
        self._worker = self._worker or loop.create_task(self._work())
        return list(await asyncio.gather(*(future for _, future in entries)))

    async def _work(self) -> None:
        while self._queue:
            items, futures = zip(*(self._queue.popleft() for _ in range(min(len(self), self._most))), strict=True)
            run = asyncio.get_running_loop().run_in_executor(self._thread, self._act, items)
            (answers,) = await asyncio.gather(run, return_exceptions=True)
            for place, future in enumerate(futures):
                if future.done():  # cancelled
                    continue
                if isinstance(answers, BaseException):
                    future.set_exception(answers)
                else:
                    future.set_result(answers[place])
        self._worker = None
