"""Draw Vega-Lite by vl-convert. Its engine takes half a second to start: `drawing_process` starts it in parallel.

It is a process and not a thread, since vl-convert holds Python's lock while it works.
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

SCALE = 2  # pixels of a drawn plot for each CSS pixel: sharp on a telephone too
_SMALLEST = '{"data": {"values": [{}]}, "mark": "text"}'
_processes: list[ProcessPoolExecutor] = []


@contextmanager
def drawing_process() -> Iterator[None]:
    """Draw in a new process within the block; it is spawned, since the engine does not survive a fork after use."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        pool.submit(_png, _SMALLEST)
        _processes.append(pool)
        try:
            yield
        finally:
            _processes.remove(pool)


def render(specification: str) -> bytes:
    """Draw a specification as PNG; `ValueError` where it is invalid. Nothing is loaded from elsewhere."""
    return _processes[-1].submit(_png, specification).result() if _processes else _png(specification)


def _png(specification: str) -> bytes:
    import vl_convert

    return vl_convert.vegalite_to_png(specification, scale=SCALE, allowed_base_urls=[])
