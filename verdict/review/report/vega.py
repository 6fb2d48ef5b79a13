"""Pictures of Vega-Lite, by vl-convert, whose engine takes half a second to start: `started` does that beside the rest.

vl-convert holds Python's lock while it works, so that a thread would gain nothing: it is a process of its own.
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

SCALE = 2  # pixels of a drawn plot for each CSS pixel: sharp on a telephone too
_SMALLEST = '{"data": {"values": [{}]}, "mark": "text"}'
_started: list[ProcessPoolExecutor] = []


@contextmanager
def drawing_process() -> Iterator[None]:
    """Draw in a process of its own within the block, a new one: the engine does not survive a fork once it was used."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        pool.submit(_png, _SMALLEST)
        _started.append(pool)
        try:
            yield
        finally:
            _started.remove(pool)


def render(specification: str) -> bytes:
    """Draw a specification; `ValueError` where it is none. Nothing is loaded from elsewhere."""
    return _started[-1].submit(_png, specification).result() if _started else _png(specification)


def _png(specification: str) -> bytes:
    import vl_convert

    return vl_convert.vegalite_to_png(specification, scale=SCALE, allowed_base_urls=[])
