"""Errors of a remote, with its own message and a remedy, and without secrets."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from verdict.base.errors import VerdictError
from verdict.base.printable import plain

GUIDE = "docs/remote.md"
_LIBRARIES = ("botocore", "aiobotocore", "aiohttp", "dvc", "fsspec", "s3fs")


def masked(text: object) -> str:
    """Return an address, or a message with one, without the name and password before the host."""
    return plain(re.sub(r"//[^/@\s]*@", "//…@", str(text)), 600)


@contextmanager
def remote_errors(where: Callable[[], str]) -> Iterator[None]:
    """Turn errors of the remote into a `VerdictError`; a defect of this program keeps its traceback."""
    try:
        yield
    except VerdictError:
        raise
    except Exception as error:
        if not isinstance(error, OSError | ValueError) and not type(error).__module__.startswith(_LIBRARIES):
            raise
        remedy = f"{GUIDE} has a table of failures; then run the same again: what arrived stays"
        raise VerdictError(where(), _reason(error), remedy) from None


def _reason(error: BaseException) -> str:
    """Return the first message in the chain of causes, which says more than those that wrap it."""
    chain = [error]
    while chain[0].__cause__ is not None:
        chain.insert(0, chain[0].__cause__)
    kinds = [type(each).__name__ for each in chain]
    if timeouts := [kind for kind in kinds if kind.endswith("TimeoutError")]:
        return f"no answer in time ({timeouts[0]})"
    return next(filter(None, map(masked, chain)), kinds[0])
