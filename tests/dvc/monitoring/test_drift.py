"""Tests of `verdict drift` as a command, with a service that has counted, and of what is kept of texts: nothing."""

import http.client
import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.corpus import SIZES, rows
from tests.documents import load, save
from tests.shared import once
from tests.unit.stages.runs import build

CANARY = "Qzxcanary7c1f09"
# In a folder that is no checkout.
_PROGRAM = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from verdict.cli import main; sys.exit(main(sys.argv[1:]))"
VERDICT = [sys.executable, "-c", _PROGRAM]
FOREIGN = "le chat est sur la table avec le chien"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which all stages have run on the small table."""
    return once(tmp_path_factory.getbasetemp(), "served", build)


def usual(count: int) -> list[str]:
    """Texts of the kind that the model was trained on, in the same mix."""
    drawn = [row for seed in range(5, 14) for domain, size in SIZES.items() for row in rows(domain, size, seed)]
    return [str(row["text"]) for row in drawn][:count]


def foreign(count: int) -> list[str]:
    """The same texts with every fifth one in foreign words."""
    return [FOREIGN if place % 5 == 0 else text for place, text in enumerate(usual(count))]


@contextmanager
def serving(place: Path, log: Path) -> Iterator[tuple[int, int]]:
    """A service and all that it prints in a file: its ports."""
    options = ["--model", str(place / "models/classifier"), "--port", "0", "--metrics-port", "0", "--release", "v1.2.0"]
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen([*VERDICT, "serve", *options, "--access-log"], cwd=ROOT, stdout=file, stderr=file)
    try:
        yield ports(log, r"http://127\.0\.0\.1:(\d+), metrics on port (\d+)", process)
    finally:
        process.kill()
        process.wait(20)


def ports(log: Path, pattern: str, process: "subprocess.Popen[bytes]") -> tuple[int, int]:
    """The ports in the first line that a process prints."""
    while (found := re.search(pattern, log.read_text(encoding="utf-8"))) is None:
        assert process.poll() is None, log.read_text(encoding="utf-8")
        time.sleep(0.02)
    return int(found[1]), int(found[len(found.groups())])


def post(port: int, *bodies: bytes) -> list[int]:
    """The status of each request, over one connection."""
    client, found = http.client.HTTPConnection("127.0.0.1", port, timeout=60), []
    for body in bodies:
        client.request("POST", "/predict", body)
        reply = client.getresponse()
        reply.read()
        found.append(reply.status)
    client.close()
    return found


def many(texts: list[str]) -> list[bytes]:
    """Bodies of 200 texts each."""
    return [json.dumps({"texts": texts[start : start + 200]}).encode() for start in range(0, len(texts), 200)]


def metrics(port: int) -> str:
    """The metrics on a port, in Prometheus' format."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        text: str = answer.read().decode()
        return text


def drift(place: Path, *options: str, folder: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """The command, with the reference of the place, in a folder without params unless one is given."""
    command = [*VERDICT, "drift", "--reference", str(place / "models/reference.json"), *options]
    return subprocess.run(command, cwd=folder or place.parent, capture_output=True, text=True, check=False, timeout=120)


def test_a_service_is_asked_what_it_has_counted(place: Path, tmp_path: Path) -> None:
    """Exit 2 below 500 texts, 0 of usual ones, 1 with foreign ones; JSON, a table, and a page that loads nothing."""
    with serving(place, tmp_path / "log") as (port, metrics_port):
        source = ("--from", f"http://127.0.0.1:{metrics_port}/metrics")
        few = drift(place, *source)
        assert (few.returncode, few.stdout) == (2, "")
        assert "too few texts: 0 were counted, 500 are needed" in few.stderr
        post(port, *many(usual(4000)))
        same = drift(place, *source, "--json")
        found = json.loads(same.stdout)
        assert same.returncode == 0, same.stdout + same.stderr
        assert found["texts"] > 3500
        assert set(found["mix"]) == set(SIZES)
        post(port, *many(foreign(4000)))
        other = drift(place, *source, "--html", str(tmp_path / "drift.html"))
    assert other.returncode == 1, other.stderr
    assert re.search(r"(?m)^DRIFT +unknown ", other.stdout)
    page = (tmp_path / "drift.html").read_text(encoding="utf-8")
    assert page.count('src="data:image/svg+xml;base64,') == 5
    assert "http://" not in re.sub(r"base64,[^\"]*", "", page)


def test_a_table_of_text_is_scored_here(place: Path, tmp_path: Path) -> None:
    """Without any service; a floor above what is expected is drift, and a column that is not there is named."""
    table = tmp_path / "new.csv"
    table.write_text("text\n" + "\n".join(usual(1500)) + "\n", encoding="utf-8")
    options = ("--texts", str(table), "--model", str(place / "models/classifier"))
    done = drift(place, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1,500 texts" in done.stdout
    low = drift(place, *options, "--floor", "1.01")
    assert low.returncode == 1
    assert re.search(r"(?m)^DRIFT +expected ", low.stdout)
    table.write_text("body\none\n", encoding="utf-8")
    wrong = drift(place, *options)
    assert wrong.returncode == 2
    assert 'no column "text"' in wrong.stderr


def test_the_floor_is_that_of_the_checkout(place: Path, tmp_path: Path) -> None:
    """Without `--floor`, the gate's floor of all rows in params.yaml counts."""
    table, document = tmp_path / "new.csv", load(place / "params.yaml")
    table.write_text("text\n" + "\n".join(usual(1500)) + "\n", encoding="utf-8")
    document["gate"]["floors"]["overall"] = 0.998
    save(tmp_path / "params.yaml", document)
    options = ("--texts", str(table), "--model", str(place / "models/classifier"), "--json")
    found = json.loads(drift(place, *options, folder=tmp_path).stdout)
    assert found["findings"][0]["limit"] == 0.998
    found = json.loads(drift(place, *options, "--floor", "0.5", folder=tmp_path).stdout)
    assert (found["findings"][0]["kind"], found["findings"][0]["limit"]) == ("expected", 0.5)


def test_a_text_is_kept_nowhere(place: Path, tmp_path: Path) -> None:
    """A word of good and bad requests is in no log, metric, state file or page, also after a kill -9 of both."""
    state, told = tmp_path / "state.json", tmp_path / "told"
    bad = [
        b'{"text": "' + CANARY.encode(),
        b'{"texts": "' + CANARY.encode() + b'"}',
        b'{"' + CANARY.encode() + b'": 1}',
    ]
    good = [f"{CANARY} {text} {CANARY.lower()}" for text in usual(4000)]
    with serving(place, tmp_path / "log") as (port, metrics_port):
        source = f"http://127.0.0.1:{metrics_port}/metrics"
        command = [*VERDICT, "drift", "--watch", "--every", "0.05", "--port", "0", "--state", str(state)]
        command += ["--reference", str(place / "models/reference.json"), "--from", source]
        with told.open("w", encoding="utf-8") as file:
            watch = subprocess.Popen(command, cwd=tmp_path, stdout=file, stderr=file)
        try:
            (own, _) = ports(told, r"told on http://127\.0\.0\.1:(\d+)/metrics", watch)
            assert set(post(port, *many(good))) == {200}
            assert set(post(port, *bad * 30)) <= {400, 422}
            post(port, *many(good))
            while "verdict_drift_in_a_row" not in (seen := metrics(own)) or "windows_total{" not in seen:
                assert watch.poll() is None
                time.sleep(0.05)
            (tmp_path / "metrics").write_text(metrics(metrics_port) + metrics(own), encoding="utf-8")
            drift(place, "--from", source, "--html", str(tmp_path / "page.html"))
        finally:
            watch.send_signal(signal.SIGKILL)
            watch.wait(20)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"log", "told", "state.json", "metrics", "page.html"} <= {path.name for path in files}
    assert '"status": 422' in (tmp_path / "log").read_text(encoding="utf-8")
    for path in files:
        assert CANARY.lower() not in path.read_text(encoding="utf-8").lower(), path
