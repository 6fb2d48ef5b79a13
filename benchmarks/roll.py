"""A roll under load on this machine: a good release, planted bad ones, and a rollback, with the users' view.

python -m benchmarks.roll [--rolls N] [--faults NAME …]

Needs wrk (apt-get install wrk). haproxy, servers and the guard are real; the artifact is that of this checkout.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.serving import MODEL, Load, wrk_script
from benchmarks.workspace import ROOT
from tests.dvc.delivery.host_harness import HostHarness
from verdict.base.errors import exit_code
from verdict.base.files import read_table

FAULTS = ("fails", "rarely", "slow", "crashes", "nan", "never")
_CONNECTIONS = 16


@contextmanager
def under_load(port: int, lua: Path) -> Iterator[list[Load]]:
    """Send requests until the block ends; then the yielded list holds what users saw."""
    command = ["wrk", "-t1", f"-c{_CONNECTIONS}", "-d3600s", "-s", str(lua), f"http://127.0.0.1:{port}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    loads: list[Load] = []
    try:
        time.sleep(1)
        yield loads
    finally:
        process.send_signal(2)
        out, _ = process.communicate(timeout=30)
        requests, spent, median, p99, errors = out.split("RESULT ")[1].split()
        loads.append(Load(int(requests), float(spent), float(median), float(p99), int(errors)))


def command(host: Path, *arguments: str) -> int:
    """A command of this host, and its exit code."""
    called = [sys.executable, "-I", "-m", "verdict", *arguments, "--host", str(host)]
    return subprocess.run(called, cwd=ROOT, stdout=subprocess.DEVNULL, check=False).returncode


def deploy(harness: HostHarness, host: Path, version: str) -> tuple[int, float]:
    """`verdict deploy`; its exit code, and seconds."""
    path, began = harness.folder / f"{version}.json", time.perf_counter()
    path.write_text(json.dumps(asdict(harness.release(version))))
    return command(host, "deploy", version, "--release", str(path)), time.perf_counter() - began


def print_line(harness: HostHarness, name: str, code: int, seconds: float, seen: Load) -> None:
    """Print a line of the table."""
    state = harness.store.state.read()
    assert state is not None  # noqa: S101 - for mypy
    print(
        f"{name:<10} exit {code}, {state.outcome}, {seconds:5.1f} s | {seen.requests:,} requests, "
        f"{seen.requests / seen.seconds:,.0f}/s, {seen.errors} failed, p99 {seen.p99:.0f} ms | {state.reason}"
    )


def reaction(harness: HostHarness) -> str:
    """Milliseconds from the decision of the last way back to weight 0, and requests that the canary had got."""
    events: list[dict[str, Any]] = harness.store.events(40)
    for place in range(len(events) - 1, -1, -1):
        if events[place]["what"] == "settled":
            weighed = [event for event in events[place:] if event.get("action") == "weigh" and event.get("weight") == 0]
            if not weighed:
                return "never got a request"
            begun, ended = (datetime.fromisoformat(event["time"]) for event in (events[place], weighed[0]))
            spent, asked = (ended - begun).total_seconds(), events[place]["canary"]["requests"]
            return f"decision to weight 0 {spent * 1000:.0f} ms, {asked} requests"
    return ""


def roll_back(host: Path, env: dict[str, str] | None = None) -> tuple[float, int, float]:
    """`verdict rollback`: seconds until what served before has all requests, the exit code, and seconds in all."""
    began, alone = time.perf_counter(), float("nan")
    command = [sys.executable, "-I", "-m", "verdict", "rollback", "--host", str(host)]
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            if "answers all requests" in line:
                alone = time.perf_counter() - began
    return alone, process.returncode, time.perf_counter() - began


def measure(rolls: int, faults: list[str]) -> None:
    """Roll, roll back, and plant faults, and print a line for each."""
    texts = read_table(ROOT / "data/prepared/test.parquet", "dvc repro prepare")["text"].tolist()[:1_000]
    with TemporaryDirectory() as name, HostHarness(Path(name), MODEL).running_proxy() as harness:
        host, lua = harness.write_config(planted=True), wrk_script(Path(name), texts)
        guard = subprocess.Popen(
            [sys.executable, "-I", "-m", "verdict", "guard", "--host", str(host)], cwd=ROOT, stdout=subprocess.DEVNULL
        )
        try:
            deploy(harness, host, "v1.0.0")
            for number in range(rolls):
                with under_load(harness.port, lua) as seen:
                    code, seconds = deploy(harness, host, f"v1.{number + 1}.0")
                print_line(harness, "good", code, seconds, seen[0])
            if rolls:
                with under_load(harness.port, lua) as seen:
                    alone, code, seconds = roll_back(host)
                print_line(harness, "rollback", code, seconds, seen[0])
                print(f"{'':<10} what served before had all requests after {alone:.1f} s")
            for fault in faults:
                with under_load(harness.port, lua) as seen:
                    code, seconds = deploy(harness, host, f"v2.0.0+{fault}")
                    time.sleep(1)
                print_line(harness, fault, code, seconds, seen[0])
                print(f"{'':<10} {reaction(harness)}")
        finally:
            guard.kill()
            guard.wait()


def main() -> None:
    """Parse the command line, and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rolls", type=int, default=1, help="good releases, one after the other")
    parser.add_argument("--faults", nargs="*", default=list(FAULTS), choices=FAULTS, help="which bad ones are planted")
    options = parser.parse_args()
    measure(options.rolls, options.faults)


if __name__ == "__main__":
    sys.exit(exit_code(main))
