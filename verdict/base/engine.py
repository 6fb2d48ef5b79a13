"""Where the files of a large table are worked on: in this process, or on a Dask cluster where VERDICT_ENGINE names one.

It is no key of params.yaml, since it changes no result. A worker starts `python -I -m verdict.base.engine` for each
item, in the stage's own folder: it runs the stage's own code, and needs the folder and the same libraries.
"""

import os
import pickle  # between a stage and a cluster that runs whatever it is sent
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
Made = TypeVar("Made")
VARIABLE = "VERDICT_ENGINE"
INSTALL = "make engine (or pip install -r requirements/engine.txt), or unset it"
# What could make another result of the same item.
_LIBRARIES = ("numpy", "pandas", "pyarrow", "scipy")
_SECONDS = 30
_LINES = 20


def map_items(function: Callable[[Item], Made], items: Iterable[Item]) -> Iterator[Made]:
    """Give the function's result for each item, in order; in this process, unless VERDICT_ENGINE names a scheduler.

    Args:
        function: of a module, not of a stage's own file; it writes, if at all, below the current folder.
        items: what can be pickled.

    Raises:
        VerdictError: the cluster cannot do it. Otherwise what the function raises, for the first item that fails.
    """
    address = os.environ.get(VARIABLE)
    return _at_workers(address, function, items) if address else map(function, items)


def _at_workers(address: str, function: Callable[[Item], Made], items: Iterable[Item]) -> Iterator[Made]:
    def work(folder: str, task: bytes) -> "subprocess.CompletedProcess[bytes]":
        # Within another function, so that Dask sends its code: a worker does not know this module.
        command = [sys.executable, "-I", "-X", "utf8", "-m", "verdict.base.engine"]
        return subprocess.run(command, cwd=folder, input=task, capture_output=True, check=False)

    folder, ours = str(Path.cwd()), pickle.dumps(_environment())
    client, asked = _connected(address), deque["Future"]()
    try:
        for item in items:
            if asked and len(asked) >= 2 * sum(client.nthreads().values()):
                yield _outcome(address, asked.popleft())
            asked.append(client.submit(work, folder, ours + pickle.dumps((function, item)), pure=False))
        while asked:
            yield _outcome(address, asked.popleft())
    finally:
        if not sys.is_finalizing():  # else Dask has ended its threads, and would wait for them for a minute
            client.close()


def _connected(address: str) -> "Client":
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


def _outcome(address: str, future: "Future") -> Any:  # noqa: ANN401 - whatever the function gives
    """What came of an item; what went wrong with it is raised here as it was there."""
    from distributed import KilledWorker

    try:
        done = future.result()
    except FileNotFoundError as error:
        what = f"a worker of {address} does not see {error.filename}"
        raise VerdictError(VARIABLE, what, "share the folder with it, under the same path: docs/size.md") from None
    except KilledWorker as error:
        raise VerdictError(VARIABLE, f"workers of {address} died: {error}", "see what they have printed") from None
    told = done.stderr.decode(errors="replace")
    if done.returncode:
        what = "\n".join([f"a worker's process ended with {done.returncode}", *told.splitlines()[-_LINES:]])
        raise VerdictError(VARIABLE, what, "-9 is a lack of memory; else see what it says, and docs/size.md")
    sys.stderr.write(told)
    made, failed = pickle.loads(done.stdout)  # noqa: S301 - as above
    if failed:
        raise failed
    return made


def _environment() -> dict[str, str]:
    libraries = {name: version(name) for name in _LIBRARIES}
    return {"Python": platform.python_version(), "machine": platform.machine(), **libraries}


def main() -> None:
    """Do, for a worker, what standard input asks for; the outcome goes to standard output, what is printed does not."""
    sent, answer, sys.stdout = sys.stdin.buffer, sys.stdout.buffer, sys.stderr
    made, failed = None, None
    try:
        theirs, ours = pickle.load(sent), _environment()  # noqa: S301 - as above
        if other := [f"{name} {ours[name]}, not {theirs[name]}" for name in theirs if ours[name] != theirs[name]]:
            raise VerdictError(VARIABLE, f"a worker has {', '.join(other)}", "pip install -r requirements.txt there")
        function, item = pickle.load(sent)  # noqa: S301 - as above
        made = function(item)
    except (VerdictError, OSError) as error:
        failed = error
    answer.write(pickle.dumps((made, failed)))


if __name__ == "__main__":
    main()
