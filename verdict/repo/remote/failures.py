"""Why a remote could not be asked, in its own words, with a remedy, and without a secret."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from verdict.base.errors import VerdictError
from verdict.base.printable import plain

GUIDE = "docs/remote.md"
_LIBRARIES = ("botocore", "aiobotocore", "aiohttp", "dvc", "fsspec", "s3fs")


def masked(text: object) -> str:
    """An address, or a message that holds one, without a name and password before the host."""
    return plain(re.sub(r"//[^/@\s]*@", "//…@", str(text)), 600)


@contextmanager
def remote_errors(where: Callable[[], str]) -> Iterator[None]:
    """Turn whatever goes wrong inside into a `VerdictError` about the remote; a defect of ours keeps its traceback."""
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
    """What the server or its client's library said first, which tells more than what was made of it."""
    chain = [error]
    while chain[0].__cause__ is not None:
        chain.insert(0, chain[0].__cause__)
    kinds = [type(one).__name__ for one in chain]
    if late := [kind for kind in kinds if kind.endswith("TimeoutError")]:
        return f"no answer in time ({late[0]})"
    return next(filter(None, map(masked, chain)), kinds[0])
