"""`verdict serve` beside the server that articles show, in one run: requests a CPU-second, latency, start, memory.

python -m benchmarks.serving [--rounds N] [--kills N]

Needs wrk, and haproxy for --kills: apt-get install wrk haproxy. What the service says is compared with the stored
predictions first: of each test text alone, in batches, and asked for by 32 clients at once.
"""

import argparse
import contextlib
import http.client
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import psutil
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.pipeline import Pipeline, make_pipeline, make_union

from benchmarks.workspace import ROOT
from verdict.base.errors import VerdictError, exit_code
from verdict.base.files import read_table
from verdict.classifier.artifact import load_classifier
from verdict.classifier.features.negation import mark
from verdict.classifier.features.tfidf import TfIdf

MODEL = ROOT / "models/classifier"
CONNECTIONS = (1, 32)
_SECONDS = 3
_BODIES = 1_000
_LUA = """
local at = 0
wrk.method, wrk.headers["content-type"] = "POST", "application/json"
request = function() at = at % #bodies + 1; return wrk.format(nil, "/predict", nil, bodies[at]) end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT %d %f %f %f %d\\n", summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, e.connect + e.read + e.write + e.status + e.timeout))
end
"""
_HAPROXY = """
defaults
  mode http
  timeout connect 500ms
  timeout client 10s
  timeout server 10s
  option http-buffer-request
  option redispatch 1
  retries 3
frontend in
  bind 127.0.0.1:{port}
  default_backend be
backend be
  retry-on all-retryable-errors
  option httpchk GET /health
  default-server check inter 200ms fall 1 rise 1
{servers}
"""


class Load(NamedTuple):
    """The results of wrk; times in milliseconds, but `seconds`."""

    requests: int
    seconds: float
    median: float
    p99: float
    errors: int


@dataclass(frozen=True)
class Running:
    """A server that answers."""

    process: psutil.Process
    port: int
    started: float

    def cpu(self) -> float:
        """Seconds of processor time so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def ask(self, body: object) -> Any:  # noqa: ANN401 - JSON
        """Ask once, over a new connection."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        client.request("POST", "/predict", json.dumps(body), {"content-type": "application/json"})
        answer = json.loads(client.getresponse().read())
        client.close()
        return answer


def free_port() -> int:
    """A free port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def running(command: list[str], port: int, **environment: str) -> Iterator[Running]:
    """Run a server as a separate process until the block ends."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
    try:
        while True:
            with contextlib.suppress(OSError):
                client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                client.request("GET", "/openapi.json" if environment else "/v2/health/ready")
                client.getresponse().read()
                break
            if process.poll() is not None:
                raise VerdictError(" ".join(command), "did not start, see above", "make serve")
            time.sleep(0.005)
        yield Running(psutil.Process(process.pid), port, time.perf_counter() - begun)
    finally:
        process.kill()
        process.wait()


def service(port: int) -> list[str]:
    """The command of the service."""
    return [sys.executable, "-I", "-m", "verdict", "serve", "--port", str(port), "--metrics-port", "0"]


def article(port: int) -> list[str]:
    """The command of the article's server, without its access log."""
    app = ["benchmarks.article:app", "--factory", "--port", str(port), "--no-access-log", "--log-level", "error"]
    return [sys.executable, "-m", "uvicorn", *app]


def trained(folder: Path) -> dict[str, Path]:
    """The pipelines of the article's server: one with the artifact's own features, and one of 50,000 terms."""
    table = read_table(ROOT / "data/prepared/train.parquet", "dvc repro prepare")
    featurizer = load_classifier(MODEL).featurizer
    if not isinstance(featurizer, TfIdf):
        raise VerdictError(str(MODEL), "reads no TF-IDF: the article's server has nothing else", "train.model: linear")
    settings = featurizer.params
    marked = partial(mark, negation_span=settings.negation_span, repeat_after_but=settings.repeat_after_but)
    common = {"preprocessor": marked, "sublinear_tf": True}
    word, char = settings.word, settings.char
    whole = r"\S+"
    words = TfidfVectorizer(token_pattern=whole, ngram_range=word.ngrams, min_df=word.min_df, **common)
    chars = TfidfVectorizer(analyzer="char_wb", ngram_range=char.ngrams, min_df=char.min_df, **common)
    pipelines: dict[str, Pipeline] = {
        "same features": make_pipeline(make_union(words, chars), SGDClassifier(loss="log_loss", alpha=1e-5)),
        "50,000 terms": make_pipeline(
            TfidfVectorizer(ngram_range=(1, 2), max_features=50_000), LogisticRegression(max_iter=200)
        ),
    }
    files: dict[str, Path] = {}
    for name, pipeline in pipelines.items():
        files[name] = folder / f"{len(files)}.joblib"
        joblib.dump(pipeline.fit(table["text"].tolist(), table["label"].tolist()), files[name])
    return files


def wrk_script(folder: Path, texts: list[str]) -> Path:
    """Lua for wrk, which asks for the texts in turn."""
    path = folder / "bodies.lua"
    bodies = ",\n".join(f"[===[{json.dumps({'text': text})}]===]" for text in texts)
    path.write_text(f"local bodies = {{\n{bodies}\n}}\n{_LUA}", encoding="utf-8")
    return path


def loaded(port: int, connections: int, lua: Path, seconds: float = _SECONDS) -> Load:
    """Send requests for so many seconds."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "-s", str(lua), f"http://127.0.0.1:{port}"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    requests, spent, median, p99, errors = out.split("RESULT ")[1].split()
    return Load(int(requests), float(spent), float(median), float(p99), int(errors))


def compare(server: Running) -> None:
    """Print how many answers differ from the stored predictions: alone, in batches, and asked for at once."""
    table = read_table(ROOT / "data/prepared/test.parquet", "dvc repro prepare")
    stored = read_table(ROOT / "data/predictions/test.parquet", "dvc repro evaluate")
    texts, labels = table["text"].tolist(), load_classifier(MODEL).labels
    expected = stored[list(labels)].round(6).to_numpy().tolist()

    def differ(places: list[int]) -> int:
        answers = server.ask({"texts": [texts[place] for place in places]})["predictions"]
        rows = [list(answer["probabilities"].values()) for answer in answers]
        return sum(row != expected[place] for row, place in zip(rows, places, strict=True))

    def alone(place: int) -> int:
        return int(list(server.ask({"text": texts[place]})["probabilities"].values()) != expected[place])

    places = list(range(len(texts)))
    print(f"stored predictions: {len(texts):,}; answers that differ:")
    print(f"  alone {sum(map(alone, places))}", end="")
    for size in (2, 7, 64):
        parts = [places[start : start + size] for start in range(0, len(places), size)]
        print(f", in batches of {size} {sum(map(differ, parts))}", end="")
    with ThreadPoolExecutor(32) as pool:
        print(f", 32 clients at once {sum(pool.map(alone, places))}")


def killed(folder: Path, lua: Path, kills: int) -> None:
    """Kill one of two servers behind haproxy again and again, under load, and count what users saw."""
    ports, front = [free_port(), free_port()], free_port()
    lines = [f"  server s{number} 127.0.0.1:{port}" for number, port in enumerate(ports)]
    config = folder / "haproxy.cfg"
    config.write_text(_HAPROXY.format(port=front, servers="\n".join(lines)), encoding="utf-8")
    proxy = subprocess.Popen(["haproxy", "-db", "-f", str(config)], stderr=subprocess.DEVNULL)
    try:
        with ThreadPoolExecutor(1) as pool, ExitStack() as stack:
            servers = [ExitStack() for _ in ports]
            for server, port in zip(servers, ports, strict=True):
                stack.push(server)
                server.enter_context(running(service(port), port))
            time.sleep(1)
            load = pool.submit(loaded, front, 16, lua, kills * 3.0)
            done = 0
            while not load.done() and done < kills:
                number = done % 2
                servers[number].close()  # kill -9
                servers[number].enter_context(running(service(ports[number]), ports[number]))
                time.sleep(0.6)
                done += 1
            result = load.result()
    finally:
        proxy.kill()
        proxy.wait()
    users = f"{result.requests:,} requests, {result.errors} failed, p99 {result.p99:.0f} ms"
    print(f"{done} x kill -9 behind haproxy: {users}")


def main() -> None:
    """Compare, then load the three servers in turn, round by round."""
    parser = argparse.ArgumentParser(description="The service beside the article's.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kills", type=int, default=0)
    options = parser.parse_args()
    if shutil.which("wrk") is None or (options.kills and shutil.which("haproxy") is None):
        raise VerdictError("wrk, haproxy", "not installed: they make the load", "apt-get install wrk haproxy")
    texts = read_table(ROOT / "data/prepared/test.parquet", "dvc repro prepare")["text"].tolist()[:_BODIES]
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        lua = wrk_script(folder, texts)
        servers: dict[str, Running] = {}
        for label, file in {"verdict": None, **trained(folder)}.items():
            port = free_port()
            command = service(port) if file is None else article(port)
            environment = {} if file is None else {"MODEL": str(file)}
            servers[label] = stack.enter_context(running(command, port, **environment))
        compare(servers["verdict"])
        results: dict[tuple[str, int], list[tuple[float, Load]]] = {}
        for _ in range(options.rounds):
            for connections in CONNECTIONS:
                for label, server in servers.items():
                    before = server.cpu()
                    load = loaded(server.port, connections, lua)
                    spent = server.cpu() - before
                    results.setdefault((label, connections), []).append((load.requests / spent, load))
        show(servers, results)
        if options.kills:
            killed(folder, lua, options.kills)


def show(servers: dict[str, Running], results: dict[tuple[str, int], list[tuple[float, Load]]]) -> None:
    """Print the medians, and the ratios to the first server."""
    for label, server in servers.items():
        memory = server.process.memory_info().rss / 1e6
        print(f"{label}: ready after {server.started:.2f} s, {memory:.0f} MB resident")
    for connections in CONNECTIONS:
        for label in servers:
            rounds = results[label, connections]
            per_cpu = statistics.median(rate for rate, _ in rounds)
            ratio = statistics.median(
                ours[0] / rate for ours, (rate, _) in zip(results["verdict", connections], rounds, strict=True)
            )
            loads = [load for _, load in rounds]
            rate = statistics.median(load.requests / load.seconds for load in loads)
            median, p99 = (statistics.median(getattr(load, name) for load in loads) for name in ("median", "p99"))
            errors = sum(load.errors for load in loads)
            print(
                f"  {connections:>2} connections, {label:>13}: {rate:>6,.0f} a second, {per_cpu:>6,.0f} a CPU-second"
                f" (verdict has {ratio:.1f} times as many), median {median:.2f} ms, p99 {p99:.1f} ms, {errors} errors"
            )


if __name__ == "__main__":
    sys.exit(exit_code(main))
