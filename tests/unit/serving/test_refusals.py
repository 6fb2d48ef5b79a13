"""Tests of verdict/serving: whatever is sent, the answer is a line of JSON that says what to do, not what came."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.serving.service_client import ServiceClient
from verdict.base.errors import VerdictError
from verdict.cli import main
from verdict.serving.service import Service
from verdict.serving.settings import MOST_CHARACTERS, MOST_TEXTS, Settings
from verdict.web.protocol import MOST_BYTES

SECRET = "xyzzy-plugh"  # noqa: S105 - a text that must show nowhere
BAD: dict[str, tuple[bytes, int]] = {
    "empty": (b"", 422),
    "blank": (b"  ", 422),
    "half": (b'{"text": "xyzzy-plugh', 422),
    "no JSON": (b"xyzzy-plugh", 422),
    "form": (b"text=xyzzy-plugh", 422),
    "null": (b"null", 422),
    "number": (b"7", 422),
    "string": (b'"xyzzy-plugh"', 422),
    "list": (b'["xyzzy-plugh"]', 422),
    "no key": (b"{}", 422),
    "other key": (b'{"xyzzy-plugh": 1}', 422),
    "surplus key": (b'{"text": "a", "xyzzy-plugh": 1}', 422),
    "both": (b'{"text": "a", "texts": ["xyzzy-plugh"]}', 422),
    "text is null": (b'{"text": null}', 422),
    "text is a number": (b'{"text": 5}', 422),
    "text is true": (b'{"text": true}', 422),
    "text is a list": (b'{"text": ["xyzzy-plugh"]}', 422),
    "other columns": (b'{"text": {"xyzzy-plugh": "b"}}', 422),
    "a column is a number": (b'{"text": {"text": 5}}', 422),
    "texts is a string": (b'{"texts": "xyzzy-plugh"}', 422),
    "texts holds a number": (b'{"texts": ["xyzzy-plugh", 5]}', 422),
    "not UTF-8": (b'{"text": "xyzzy-plugh \xff\xfe"}', 422),
    "UTF-16": ('{"text": "xyzzy-plugh"}'.encode("utf-16"), 422),
    "lone surrogate": (b'{"text": "xyzzy-plugh \\ud800"}', 422),
    "bare NUL": (b'{"text": "xyzzy-plugh \x00"}', 422),
    "NaN": (b'{"text": NaN}', 422),
    "infinite": (b'{"text": 1e999}', 422),
    "nested": (b"[" * 100_000, 422),
    "nested objects": (b'{"text":' * 50_000, 422),
    "5,000 digits": (b'{"text":' + b"9" * 5_000 + b"}", 422),
    "two documents": (b'{"text": "a"}{"text": "xyzzy-plugh"}', 422),
    "too many": (json.dumps({"texts": [SECRET] * (MOST_TEXTS + 1)}).encode(), 413),
    "too long": (json.dumps({"text": SECRET * MOST_CHARACTERS})[:MOST_BYTES].encode() + b'"}', 413),
    "too long a text": (json.dumps({"text": (SECRET * MOST_CHARACTERS)[: MOST_CHARACTERS + 1]}).encode(), 413),
    "too large": (json.dumps({"text": "a" * MOST_BYTES}).encode(), 413),
}


@pytest.fixture(scope="module")
def client(artifact: Path) -> ServiceClient:
    """A service."""
    return ServiceClient(artifact)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_body_is_refused_in_one_line_without_its_text(client: ServiceClient, name: str) -> None:
    """Each kind has its status of 4xx, on both routes; the line says what to send, and repeats nothing."""
    body, status = BAD[name]
    reply = client.post("/predict", body)
    assert reply.status == status
    assert reply.body.count(b"\n") == 1
    assert reply.body.endswith(b"\n")
    assert "send" in reply.json["error"]
    assert SECRET.encode() not in reply.body
    inferred = client.post("/v2/models/classifier/infer", body)
    assert 400 <= inferred.status < 500
    assert SECRET.encode() not in inferred.body


def test_what_is_nowhere_or_asked_otherwise_is_an_error_in_json(client: ServiceClient) -> None:
    """404 and 405 have the shape of all others."""
    assert [client.get("/xyzzy").status, client.get("/predict").status, client.post("/version", b"").status] == [
        *(404, 405, 405)
    ]
    assert list(client.get("/xyzzy").json) == ["error"]


def test_a_token_keeps_all_out_who_do_not_bring_it(artifact: Path) -> None:
    """With a token, answers, metadata and documentation need it; health and the page do not."""
    client = ServiceClient(artifact, token=b"open sesame")
    closed = ["/version", "/docs", "/openapi.json", "/v2/models/classifier"]
    assert [client.get(path).status for path in closed] == [401] * 4
    for given in ({}, {"authorization": "Bearer open"}, {"authorization": "open sesame"}):
        refused = client.post("/predict", {"text": SECRET}, **given)
        assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert client.post("/predict", {"text": "good"}, authorization="Bearer open sesame").status == 200
    assert [client.get(path).status for path in ("/", "/health", "/v2/health/ready")] == [200] * 3
    assert 'verdict_failures_total{kind="token"} 7.0' in client.metrics()


def test_too_many_requests_at_a_time_are_told_to_come_again(artifact: Path) -> None:
    """Beyond the bound the answer is 429, with the seconds to wait."""
    reply = ServiceClient(artifact, requests=0).post("/predict", {"text": "good"})
    assert (reply.status, reply.headers["retry-after"]) == (429, "1")


def test_a_defect_shows_no_text(
    artifact: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A crash while scoring is 500 for its own request; neither answer, log nor metrics hold the text."""
    client = ServiceClient(artifact)

    def crash(*_: object) -> None:
        raise ValueError(SECRET)

    monkeypatch.setattr(type(client.service.artifact.classifier), "answers", crash)
    reply = client.post("/predict", {"text": SECRET})
    monkeypatch.undo()
    out, err = capfd.readouterr()
    assert reply.status == 500
    assert "ValueError at " in err
    assert SECRET not in reply.body.decode() + out + err + client.metrics()
    assert 'verdict_failures_total{kind="defect"} 1.0' in client.metrics()
    assert client.post("/predict", {"text": "good"}).status == 200


def test_probabilities_that_are_not_finite_are_no_answer(artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NaN is 500 and counted by its own name: JSON has no such number."""
    client = ServiceClient(artifact)
    wrong = np.full((1, 3), np.nan)
    monkeypatch.setattr(type(client.service.artifact.classifier), "probabilities", lambda *_: wrong)
    assert client.post("/predict", {"text": "good"}).status == 500
    assert 'verdict_failures_total{kind="not_finite"} 1.0' in client.metrics()


def test_the_access_log_has_a_line_for_each_request_and_no_text(
    artifact: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Route, method, status and time are there; body, query and unknown paths are not."""
    client = ServiceClient(artifact, access_log=True)
    client.post("/predict", {"text": SECRET})
    client.get(f"/{SECRET}")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["route"], line["method"], line["status"]) for line in lines] == [
        ("/predict", "POST", 200),
        ("other", "GET", 404),
    ]
    assert SECRET not in str(lines)


def test_a_service_that_ends_is_not_ready(artifact: Path) -> None:
    """Once it drains, readiness is 503, and requests are answered all the same."""
    client = ServiceClient(artifact)
    client.service.draining = True
    assert [client.get("/v2/health/ready").status, client.get("/v2/health/live").status] == [503, 200]
    assert client.post("/predict", {"text": "good"}).status == 200


def damage(folder: Path, how: str) -> None:
    """Damage a copied artifact."""
    weights = folder / "weights.safetensors"
    if how == "half copied":
        (folder / "manifest.json").unlink()
    elif how == "truncated":
        weights.write_bytes(weights.read_bytes()[:-1])
    elif how == "exchanged":
        (folder / "vocabulary.json").write_text("{}")
    else:
        (folder / "evil.pkl").write_bytes(b"")


@pytest.mark.parametrize("how", ["half copied", "truncated", "exchanged", "surplus"])
@pytest.mark.parametrize("place", ["model", "beside"])
def test_a_damaged_artifact_is_not_served(
    artifact: Path, tmp_path: Path, how: str, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether it answers users or stands beside: the command names the file, and ends with 1."""
    folder = tmp_path / "classifier"
    folder.mkdir()
    for path in artifact.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    damage(folder, how)
    given: dict[str, Any] = {"model": folder} if place == "model" else {"model": artifact, "beside": folder}
    with pytest.raises(VerdictError, match=str(folder)):
        Service(Settings(**given))
    options = [part for name, value in given.items() for part in (f"--{name}", str(value))]
    assert main(["serve", *options, "--port", "0", "--metrics-port", "0"]) == 1
    assert str(folder) in capsys.readouterr().err


def test_two_artifacts_of_other_columns_do_not_stand_together(artifact: Path, of_mails: Path) -> None:
    """What stands beside must read the same requests."""
    with pytest.raises(VerdictError, match="subject, body"):
        Service(Settings(artifact, beside=of_mails))
