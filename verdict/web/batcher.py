"""What waits for something slow goes there together."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


class Batcher(Generic[Asked, Answered]):
    """A queue in front of one thread, which takes as many as wait by then.

    Args:
        act: answers some of them, in order; what it raises, all of them get.
        most: that it takes at a time.
    """

    def __init__(self, act: Callable[[Sequence[Asked]], Sequence[Answered]], most: int) -> None:
        self._act, self._most, self._thread = act, most, ThreadPoolExecutor(1, "together")
        self._queue: deque[tuple[Asked, asyncio.Future[Answered]]] = deque()
        self._worker: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._queue)

    async def answers(self, asked: Iterable[Asked]) -> list[Answered]:
        """An answer to each."""
        loop = asyncio.get_running_loop()
        own = [(one, loop.create_future()) for one in asked]
        self._queue += own
        self._worker = self._worker or loop.create_task(self._work())
        return list(await asyncio.gather(*(future for _, future in own)))

    async def _work(self) -> None:
        while self._queue:
            asked, futures = zip(*(self._queue.popleft() for _ in range(min(len(self), self._most))), strict=True)
            run = asyncio.get_running_loop().run_in_executor(self._thread, self._act, asked)
            (found,) = await asyncio.gather(run, return_exceptions=True)
            for place, future in enumerate(futures):
                if future.done():  # cancelled: nobody waits for it any more
                    continue
                if isinstance(found, BaseException):
                    future.set_exception(found)
                else:
                    future.set_result(found[place])
        self._worker = None
