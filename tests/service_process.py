"""Runs `verdict serve` as a process, also for tests in an environment that holds clients and nothing of Verdict."""

import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
# The one that has Verdict.
PYTHON = os.environ.get("VERDICT_PYTHON", sys.executable)
_MADE = (
    "import sys; from pathlib import Path; from tests.unit.serving.artifacts import artifact;"
    "name, labels, columns = map(eval, sys.argv[2:]); artifact(Path(sys.argv[1]), name, labels, columns)"
)


@dataclass(frozen=True)
class ServiceProcess:
    """A service that answers."""

    process: "subprocess.Popen[str]"
    port: int
    metrics: int

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def service_process(model: Path, *options: str) -> Iterator[ServiceProcess]:
    """A service, until the block ends."""
    command = [PYTHON, "-I", "-m", "verdict", "serve", "--model", str(model), "--port", "0", "--metrics-port", "0"]
    process = subprocess.Popen([*command, *options], cwd=ROOT, stdout=subprocess.PIPE, text=True, bufsize=1)
    try:
        assert process.stdout is not None
        found = re.search(r":(\d+), metrics on port (\d+)", process.stdout.readline())
        assert found is not None
        running = ServiceProcess(process, int(found[1]), int(found[2]))
        urllib.request.urlopen(f"{running.url}/health", timeout=60).close()  # noqa: S310 - from here on signals are taken
        yield running
    finally:
        process.kill()
        process.wait(20)


def make_artifact(folder: Path, name: str, labels: Sequence[str], columns: Sequence[str] = ("text",)) -> Path:
    """An artifact of `tests.unit.serving.artifacts`, made by the Python that has Verdict."""
    told = [repr(name), repr(tuple(labels)), repr(tuple(columns))]
    subprocess.run([PYTHON, "-c", _MADE, str(folder), *told], cwd=ROOT, check=True, timeout=120)
    return folder
