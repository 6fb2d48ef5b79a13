"""Tests of `verdict serve` as a process: its imports, its clients, and its end."""

import http.client
import json
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.service_process import service_process
from tests.shared import once
from tests.unit.stages.runs import build
from verdict.classifier.artifact import load_classifier


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact of the small table."""
    return once(tmp_path_factory.getbasetemp(), "served", build) / "models/classifier"


def finished(command: list[str]) -> subprocess.CompletedProcess[str]:
    """A program that has ended."""
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def probe(port: int) -> None:
    """Wait for an answer: from then on signals are taken."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    client.request("GET", "/health")
    assert client.getresponse().status == 200
    client.close()


def listens(port: int) -> bool:
    """Return whether a server takes connections on a port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=20).close()
    except ConnectionError:
        return False
    return True


def ask(client: http.client.HTTPConnection, path: str, body: object) -> dict[str, object]:
    """An answer over a connection."""
    client.request("POST", path, json.dumps(body))
    reply = client.getresponse()
    found: dict[str, object] = json.loads(reply.read())
    assert reply.status == 200
    return found


def test_32_clients_at_once_each_get_their_own_answers(model: Path) -> None:
    """Each of 32 connections gets its ids back, with the labels and digits of the artifact asked here."""
    texts = [f"a {kind} lamp number {number}" for number in range(320) for kind in ("lovely", "dreadful", "square")]
    expected = dict(zip(texts, load_classifier(model).answers(texts), strict=True))
    with service_process(model) as running:
        port = running.port

        def client(number: int) -> int:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            own = texts[number::32]
            for place, text in enumerate(own):
                tensor = {"name": "text", "shape": [1], "datatype": "BYTES", "data": [text]}
                found = ask(connection, "/v2/models/classifier/infer", {"id": f"{number}-{place}", "inputs": [tensor]})
                outputs = [output["data"] for output in found["outputs"]]  # type: ignore[attr-defined]
                assert found["id"] == f"{number}-{place}"
                assert outputs[0] == [expected[text].label]
                assert outputs[1] == list(expected[text].probabilities.values())
            connection.close()
            return len(own)

        with ThreadPoolExecutor(32) as pool:
            assert sum(pool.map(client, range(32))) == len(texts)
        other = http.client.HTTPConnection("127.0.0.1", running.metrics, timeout=20)
        other.request("GET", "/metrics")
        assert f'verdict_texts_total{{release="unreleased"}} {len(texts)}.0' in other.getresponse().read().decode()
        other.request("GET", "/reference.json")
        assert other.getresponse().read() == model.with_name("reference.json").read_bytes()
        for path in ("/metrics", "/reference.json"):
            public = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            public.request("GET", path)
            assert public.getresponse().status == 404


def test_sigterm_lets_a_request_end_and_takes_no_other(model: Path) -> None:
    """A request that is half there when the signal comes is answered; new connections are not; the process ends."""
    body = b'{"text": "a wonderful lamp"}'
    with (
        service_process(model) as running,
        socket.create_connection(("127.0.0.1", running.port), timeout=20) as connection,
    ):
        process, port = running.process, running.port
        connection.sendall(b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body) + body[:5])
        probe(port)  # of the same loop: behind it the half of the request has been read
        process.send_signal(signal.SIGTERM)
        while listens(port):
            pass
        with pytest.raises(subprocess.TimeoutExpired):  # it waits for the rest
            process.wait(1)
        connection.sendall(body[5:])
        reply = connection.recv(65_536)
        assert reply.startswith(b"HTTP/1.1 200 ")
        assert b'"label"' in reply
        assert process.wait(20) == 0


def test_draining_is_told_before_the_end(model: Path) -> None:
    """With --drain, readiness says no for so long while requests are answered; then the process ends."""
    with service_process(model, "--drain", "2") as running:
        process, port = running.process, running.port
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        process.send_signal(signal.SIGTERM)
        statuses = []
        while 503 not in statuses:
            client.request("GET", "/v2/health/ready")
            reply = client.getresponse()
            reply.read()
            statuses.append(reply.status)
        assert ask(client, "/predict", {"text": "good"})["label"]
        client.close()
        assert process.wait(20) == 0


def test_a_port_that_is_taken_is_told(model: Path) -> None:
    """The command names host and port, and how to choose another."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        command = [sys.executable, "-I", "-m", "verdict", "serve", "--model", str(model), "--port"]
        for options in ([port, "--metrics-port", "0"], ["0", "--metrics-port", port]):
            done = subprocess.run(
                [*command, *options], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
            )
            assert done.returncode == 1
            assert f"127.0.0.1:{port}: cannot listen there" in done.stderr


def test_the_service_imports_no_table_and_no_learner(model: Path) -> None:
    """For a linear artifact a process that has answered holds none of the libraries that an image leaves out."""
    left_out = ["pandas", "pyarrow", "scipy", "sklearn", "torch", "dvc", "transformers", "tokenizers", "matplotlib"]
    code = (
        "import sys; from pathlib import Path; from tests.unit.serving.service_client import ServiceClient;"
        "import verdict.serving.server, verdict.cli;"
        f"assert ServiceClient(Path({str(model)!r})).post('/predict', {{'text': 'a &amp; b'}}).status == 200;"
        f"print([name for name in {left_out!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
