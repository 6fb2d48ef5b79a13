"""Tests of verdict/serving with artifacts of every kind, of several columns, and of other labels."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.serving.artifacts import FOREIGN, FORTY, NAMES, THREE, artifact
from tests.unit.serving.service_client import ServiceClient
from tests.unit.serving.test_answers import INFER, TEXTS, bare, tensor
from verdict.classifier.artifact import load_classifier

COLUMNS = ("subject", "body of it")
# Of the probabilities of a bag or an encoder, whose last bits depend on what else is in the batch.
TOLERANCE = 1e-5


def same(found: dict[str, Any], expected: dict[str, Any], exact: bool) -> None:
    """Hold an answer against one of the artifact itself."""
    assert found["label"] == expected["label"]
    assert list(found["probabilities"]) == list(expected["probabilities"])
    assert found["probabilities"] == (
        expected["probabilities"] if exact else pytest.approx(expected["probabilities"], abs=TOLERANCE)
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("labels", [THREE, FOREIGN, FORTY], ids=["three", "foreign", "forty"])
def test_every_kind_is_answered_as_the_artifact_answers(tmp_path: Path, name: str, labels: tuple[str, ...]) -> None:
    """Alone, in a list, by the protocol and in company: a linear model's own digits, others' within the tolerance."""
    folder = artifact(tmp_path / "made", name, labels)
    client, exact = ServiceClient(folder), name in ("linear", "hashing")
    expected: list[dict[str, Any]] = [
        {"label": label, "probabilities": row} for label, row in load_classifier(folder).answers(TEXTS)
    ]
    together = client.post("/predict", {"texts": TEXTS}).json["predictions"]

    async def in_company() -> list[dict[str, Any]]:
        bodies = (json.dumps({"text": text}).encode() for text in TEXTS)
        return [reply.json for reply in await asyncio.gather(*(client.reply("POST", "/predict", b) for b in bodies))]

    for found in (
        together,
        [client.post("/predict", {"text": text}).json for text in TEXTS],
        asyncio.run(in_company()),
    ):
        for answer, own in zip(found, expected, strict=True):
            same(bare(answer), own, exact)
    outputs = {output["name"]: output for output in client.post(INFER, {"inputs": [tensor(TEXTS)]}).json["outputs"]}
    assert outputs["label"]["data"] == [own["label"] for own in expected]
    assert outputs["probabilities"]["shape"] == [len(TEXTS), len(labels)]
    flat = [value for own in expected for value in own["probabilities"].values()]
    assert outputs["probabilities"]["data"] == (flat if exact else pytest.approx(flat, abs=TOLERANCE))
    assert client.get("/version").json["labels"] == list(labels)
    assert client.get("/v2/models/classifier").json["parameters"]["labels"] == list(labels)


@pytest.mark.parametrize("name", NAMES)
def test_several_columns_are_joined_for_every_kind(tmp_path: Path, name: str) -> None:
    """An object of the columns and their tensors give what the artifact gives; the schema names them, and no other."""
    folder = artifact(tmp_path / "made", name, FOREIGN, COLUMNS)
    client, mail = ServiceClient(folder), {"subject": "a lamp", "body of it": "not good"}
    (label, probabilities), *_ = load_classifier(folder).answers([mail])
    own, exact = {"label": label, "probabilities": probabilities}, name in ("linear", "hashing")
    same(bare(client.post("/predict", {"text": mail}).json), own, exact)
    same(bare(client.post("/predict", {"texts": ["a", mail]}).json["predictions"][1]), own, exact)
    inputs = [tensor([value], column) for column, value in reversed(mail.items())]
    assert client.post(INFER, {"inputs": inputs}).json["outputs"][0]["data"] == [label]
    columns = client.get("/openapi.json").json["components"]["schemas"]["Columns"]
    assert (columns["required"], columns["additionalProperties"]) == (list(COLUMNS), False)
    for wrong in ({"subject": "a"}, {**mail, "date": "b"}, {**mail, "subject": None}):
        assert client.post("/predict", {"text": wrong}).status == 422
    assert client.post(INFER, {"inputs": [*inputs, inputs[0]]}).status == 400
    assert client.post(INFER, {"inputs": [inputs[0], tensor(["a", "b"], "subject")]}).status == 400


def test_an_encoder_may_stand_beside_and_is_skipped_when_it_is_slow(tmp_path: Path) -> None:
    """What waits for it is bounded: beyond that comparisons are left out and counted, and users have their answers."""
    models = [artifact(tmp_path / name, name) for name in ("linear", "encoder")]
    client = ServiceClient(models[0], beside=models[1], waiting=1)

    async def ask() -> list[int]:
        bodies = [b'{"texts": ["a lamp", "a boat"]}'] * 8
        found = [reply.status for reply in await asyncio.gather(*(client.reply("POST", "/predict", b) for b in bodies))]
        while client.service._comparisons:
            await asyncio.sleep(0.001)
        return found

    assert asyncio.run(ask()) == [200] * 8
    metrics = client.metrics()
    assert 'outcome="skipped"' in metrics
    assert 'outcome="failed"' not in metrics
