"""Maps a function over the files of a large table in this process, or on the Dask cluster that VERDICT_ENGINE names.

The cluster is no key of params.yaml, since it changes no result. A worker starts `python -I -m verdict.base.engine` for
each item in the stage's folder, so it runs the stage's code, and needs that folder and the same libraries.
"""

import os
import pickle  # between a stage and its own cluster, which runs any code that it is sent
import platform
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from verdict.base.errors import VerdictError

if TYPE_CHECKING:
    from distributed import Client, Future

Item = TypeVar("Item")
Result = TypeVar("Result")
VARIABLE = "VERDICT_ENGINE"
INSTALL = "make engine (or pip install -r requirements/engine.txt), or unset it"
# Libraries whose version can change a result.
_LIBRARIES = ("numpy", "pandas", "pyarrow", "scipy")
_SECONDS = 30
_LINES = 20


def map_items(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield the function's result for each item, in order; in this process, unless VERDICT_ENGINE names a scheduler.

    Args:
        function: of a module other than `__main__`; it may write below the current folder.
        items: each can be pickled.

    Raises:
        VerdictError: the cluster cannot do it. Otherwise what the function raises, for the first item that fails.
    """
    address = os.environ.get(VARIABLE)
    return _map_on_cluster(address, function, items) if address else map(function, items)


def _map_on_cluster(address: str, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    def work(folder: str, task: bytes) -> "subprocess.CompletedProcess[bytes]":
        # An inner function, so that Dask sends its code: a worker cannot import this module.
        command = [sys.executable, "-I", "-X", "utf8", "-m", "verdict.base.engine"]
        return subprocess.run(command, cwd=folder, input=task, capture_output=True, check=False)

    folder, environment = str(Path.cwd()), pickle.dumps(_environment())
    client, futures = _connect(address), deque["Future"]()
    try:
        for item in items:
            if futures and len(futures) >= 2 * sum(client.nthreads().values()):
                yield _result_of(address, futures.popleft())
            futures.append(client.submit(work, folder, environment + pickle.dumps((function, item)), pure=False))
        while futures:
            yield _result_of(address, futures.popleft())
    finally:
        if not sys.is_finalizing():  # else Dask has ended its threads, and would wait for them for a minute
            client.close()


def _connect(address: str) -> "Client":
    try:
        from distributed import Client
    except ModuleNotFoundError:
        raise VerdictError(VARIABLE, "Dask is not installed", INSTALL) from None
    try:
        client = Client(address, timeout=_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        what = f"no scheduler answers at {address}: {error}"
        raise VerdictError(VARIABLE, what, "dask scheduler --port 8786, and its address, or unset it") from None
    try:
        client.wait_for_workers(1, timeout=_SECONDS)
    except TimeoutError:
        client.close()
        raise VerdictError(VARIABLE, f"{address} has no worker", f"dask worker {address}") from None
    return client


def _result_of(address: str, future: "Future") -> Any:  # noqa: ANN401 - whatever the function gives
    """Return the result of an item, or raise the error that it raised on the worker."""
    from distributed import KilledWorker

    try:
        process = future.result()
    except FileNotFoundError as error:
        what = f"a worker of {address} does not see {error.filename}"
        raise VerdictError(VARIABLE, what, "share the folder with it, under the same path: docs/size.md") from None
    except KilledWorker as error:
        raise VerdictError(VARIABLE, f"workers of {address} died: {error}", "see what they have printed") from None
    messages = process.stderr.decode(errors="replace")
    if process.returncode:
        what = "\n".join([f"a worker's process ended with {process.returncode}", *messages.splitlines()[-_LINES:]])
        raise VerdictError(VARIABLE, what, "-9 is a lack of memory; else see what it says, and docs/size.md")
    sys.stderr.write(messages)
    result, failure = pickle.loads(process.stdout)  # noqa: S301 - as above
    if failure:
        raise failure
    return result


def _environment() -> dict[str, str]:
    libraries = {name: version(name) for name in _LIBRARIES}
    return {"Python": platform.python_version(), "machine": platform.machine(), **libraries}


def main() -> None:
    """Run the task from standard input for a worker; the result goes to standard output, prints to standard error."""
    sent, answer, sys.stdout = sys.stdin.buffer, sys.stdout.buffer, sys.stderr
    result, failure = None, None
    try:
        expected, present = pickle.load(sent), _environment()  # noqa: S301 - as above
        other = [name for name in expected if present[name] != expected[name]]
        if other:
            what = ", ".join(f"{name} {present[name]}, not {expected[name]}" for name in other)
            raise VerdictError(VARIABLE, f"a worker has {what}", "pip install -r requirements.txt there")
        function, item = pickle.load(sent)  # noqa: S301 - as above
        result = function(item)
    except (VerdictError, OSError) as error:
        failure = error
    answer.write(pickle.dumps((result, failure)))


if __name__ == "__main__":
    main()
