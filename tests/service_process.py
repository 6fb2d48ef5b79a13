"""Run `verdict serve` as a process, also for tests in an environment that has clients and no Verdict."""

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
# The Python that has Verdict.
PYTHON = os.environ.get("VERDICT_PYTHON", sys.executable)
_MADE = (
    "import sys; from pathlib import Path; from tests.unit.serving.artifacts import artifact;"
    "name, labels, columns = map(eval, sys.argv[2:]); artifact(Path(sys.argv[1]), name, labels, columns)"
)


@dataclass(frozen=True)
class ServiceProcess:
    """A running service."""

    process: "subprocess.Popen[str]"
    port: int
    metrics: int

    @property
    def url(self) -> str:
        """The address of the service."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def service_process(model: Path, *options: str) -> Iterator[ServiceProcess]:
    """Run a service until the block ends."""
    command = [PYTHON, "-I", "-m", "verdict", "serve", "--model", str(model), "--port", "0", "--metrics-port", "0"]
    process = subprocess.Popen([*command, *options], cwd=ROOT, stdout=subprocess.PIPE, text=True, bufsize=1)
    try:
        assert process.stdout is not None
        match = re.search(r":(\d+), metrics on port (\d+)", process.stdout.readline())
        assert match is not None
        running = ServiceProcess(process, int(match[1]), int(match[2]))
        urllib.request.urlopen(f"{running.url}/health", timeout=60).close()  # noqa: S310 - from here on signals are taken
        yield running
    finally:
        process.kill()
        process.wait(20)


def make_artifact(folder: Path, name: str, labels: Sequence[str], columns: Sequence[str] = ("text",)) -> Path:
    """Make an artifact of `tests.unit.serving.artifacts` by the Python that has Verdict."""
    arguments = [repr(name), repr(tuple(labels)), repr(tuple(columns))]
    subprocess.run([PYTHON, "-c", _MADE, str(folder), *arguments], cwd=ROOT, check=True, timeout=120)
    return folder
