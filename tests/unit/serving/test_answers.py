"""Tests of verdict/serving: the answers are those of `verdict predict`, whatever the way they are asked for."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.serving.service_client import ServiceClient
from verdict.classifier.predict import predict

TEXTS = ["a wonderful lamp", "", "  ", "caf\u00e9 &amp;amp; \U0001f600", "nul \x00", "good " * 2_000, 'quote " and \\']
INFER = "/v2/models/classifier/infer"


def predicted(model: Path, lines: list[str]) -> list[dict[str, Any]]:
    """Labels and probabilities as the command prints them."""
    sink = io.BytesIO()
    predict(model, io.BytesIO("\n".join(lines).encode() + b"\n"), sink, 1)
    rows = [json.loads(line) for line in sink.getvalue().splitlines()]
    return [{name: row[name] for name in ("label", "probabilities")} for row in rows]


def bare(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without version and receipt."""
    return {name: answer[name] for name in ("label", "probabilities")}


def tensor(texts: list[Any], name: str = "text", **changes: object) -> dict[str, object]:
    """An input of the Open Inference Protocol."""
    return {"name": name, "shape": [len(texts)], "datatype": "BYTES", "data": texts, **changes}


def test_one_text_and_many_are_answered_as_predict_does(artifact: Path) -> None:
    """Alone, in a list and by the Open Inference Protocol: the same labels, and the same digits."""
    client, expected = ServiceClient(artifact, release="v1.2.0"), predicted(artifact, TEXTS)
    alone = [client.post("/predict", {"text": text}).json for text in TEXTS]
    assert [bare(answer) for answer in alone] == expected
    together = client.post("/predict", {"texts": TEXTS * 4}).json["predictions"]
    assert [bare(answer) for answer in together] == expected * 4
    assert {answer["version"] for answer in [*alone, *together]} == {"v1.2.0"}
    reply = client.post(INFER, {"inputs": [tensor(TEXTS)]}).json
    label, probabilities, _ = (output["data"] for output in reply["outputs"])
    assert label == [answer["label"] for answer in expected]
    assert probabilities == [value for answer in expected for value in answer["probabilities"].values()]


def test_a_text_of_several_columns_is_an_object(of_mails: Path) -> None:
    """Objects of the columns are joined as in training; one of other keys is refused, and a plain text taken whole."""
    client, mail = ServiceClient(of_mails), {"subject": "letter 1", "body": "a wonderful lamp"}
    expected = predicted(of_mails, [json.dumps(mail)])
    assert bare(client.post("/predict", {"text": mail}).json) == expected[0]
    columns = [tensor([mail[name]], name) for name in mail]
    assert client.post(INFER, {"inputs": columns}).json["outputs"][0]["data"] == [expected[0]["label"]]
    refused = client.post("/predict", {"text": {"subject": "a", "corpse": "b"}})
    assert refused.status == 422
    assert refused.json["error"].endswith("TEXT is a string, or an object of subject, body")
    assert client.post("/predict", {"text": "a wonderful lamp"}).status == 200
    assert client.post(INFER, {"inputs": columns[:1]}).status == 400


def test_the_protocol_names_its_model_and_gives_ids_back(artifact: Path) -> None:
    """Metadata fits what infer takes and gives; an id comes back; outputs are those asked for; nested data are flat."""
    client = ServiceClient(artifact, release="v1.2.0")
    model = client.get("/v2/models/classifier").json
    assert [entry["name"] for entry in model["inputs"]] == ["text"]
    assert (model["versions"], model["platform"]) == (["v1.2.0"], "verdict_linear")
    body = {"id": "a-7", "inputs": [tensor([["good"], ["bad"]], shape=[2, 1])], "outputs": [{"name": "label"}]}
    reply = client.post("/v2/models/classifier/versions/v1.2.0/infer", body).json
    assert reply["id"] == "a-7"
    assert [(entry["name"], entry["shape"]) for entry in reply["outputs"]] == [("label", [2])]
    whole = client.post(INFER, {"inputs": [tensor(["good", "bad"])]}).json
    assert [entry["name"] for entry in whole["outputs"]] == [entry["name"] for entry in model["outputs"]]
    assert "id" not in whole
    for path in ("/v2/health/live", "/v2/health/ready", "/health", "/v2", "/v2/models/classifier/ready", "/docs", "/"):
        assert client.get(path).status == 200, path


@pytest.mark.parametrize(
    "body",
    [
        {"inputs": []},
        {"inputs": [tensor(["a"], "other")]},
        {"inputs": [tensor(["a"]), tensor(["a"])]},
        {"inputs": [tensor(["a"], shape=[2])]},
        {"inputs": [tensor(["a"], shape=[-1])]},
        {"inputs": [tensor(["a"], datatype="FP32")]},
        {"inputs": [tensor([1.5])]},
        {"inputs": [tensor(["a"])], "outputs": [{"name": "logits"}]},
        {"inputs": [tensor(["a"])], "id": 7},
    ],
)
def test_what_does_not_fit_the_metadata_is_a_bad_request(artifact: Path, body: object) -> None:
    """The protocol's own status for a request that the model cannot take is 400, with its `error`."""
    reply = ServiceClient(artifact).post(INFER, body)
    assert (reply.status, list(reply.json)) == (400, ["error"])


@pytest.mark.parametrize("path", ["/v2/models/other/infer", "/v2/models/classifier/versions/v9/infer"])
def test_another_model_is_not_found(artifact: Path, path: str) -> None:
    """Another name or version is 404, for infer, metadata and readiness."""
    client = ServiceClient(artifact)
    assert client.post(path, {"inputs": [tensor(["a"])]}).status == 404
    place = path.removesuffix("/infer")
    assert [client.get(place).status, client.get(f"{place}/ready").status] == [404, 404]


def test_the_version_says_what_answers(artifact: Path) -> None:
    """/version has release, commit, the hash of the manifest, kind, labels and columns."""
    told = ServiceClient(artifact, release="v1.2.0", commit="c0ffee").get("/version").json
    assert (told["version"], told["commit"], told["kind"]) == ("v1.2.0", "c0ffee", "linear")
    assert told["labels"] == ["negative", "neutral", "positive"]
    assert len(told["artifact"]) == 64
    assert told["text"]["columns"] == ["text"]
