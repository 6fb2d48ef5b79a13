"""Tests of the Open Inference Protocol by NVIDIA's client of it, as JSON."""

import json
import urllib.request
from typing import Any

import numpy as np
import pytest

from tests.clients.conftest import LABELS
from tests.service_process import ServiceProcess

TEXTS = ["a wonderful lamp", "☃ caf\u00e9 &amp; \U0001f600", ""]


def tensor(name: str, values: list[str]) -> Any:  # noqa: ANN401 - the client's
    """An input as the client makes it."""
    from tritonclient.http import InferInput

    made = InferInput(name, [len(values)], "BYTES")
    made.set_data_from_numpy(np.array(values, dtype=object), binary_data=False)
    return made


def client(running: ServiceProcess) -> Any:  # noqa: ANN401 - the client's
    """A client of a service."""
    from tritonclient.http import InferenceServerClient

    return InferenceServerClient(f"127.0.0.1:{running.port}")


def predictions(running: ServiceProcess, texts: list[Any]) -> list[dict[str, Any]]:
    """The answer of /predict."""
    request = urllib.request.Request(f"{running.url}/predict", json.dumps({"texts": texts}).encode())  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310
        found: list[dict[str, Any]] = json.load(reply)["predictions"]
    return found


def test_it_finds_the_server_and_the_model(service: ServiceProcess) -> None:
    """Health, readiness and metadata are what the client reads; another model is not ready."""
    asked = client(service)
    assert asked.is_server_live()
    assert asked.is_server_ready()
    assert asked.is_model_ready("classifier", "v1.2.0")
    assert not asked.is_model_ready("other")
    assert not asked.is_model_ready("classifier", "v9")
    assert asked.get_server_metadata()["name"] == "verdict"
    told = asked.get_model_metadata("classifier")
    assert (told["versions"], told["parameters"]["labels"]) == (["v1.2.0"], list(LABELS))


def test_it_gets_the_answers_of_predict(service: ServiceProcess) -> None:
    """Labels and probabilities are those of /predict, in the shape of the metadata; an id comes back."""
    asked, expected = client(service), predictions(service, TEXTS)
    found = asked.infer("classifier", [tensor("text", TEXTS)], model_version="v1.2.0", request_id="7")
    assert found.get_response()["id"] == "7"
    assert found.as_numpy("label").tolist() == [row["label"] for row in expected]
    assert found.as_numpy("probabilities").tolist() == [list(row["probabilities"].values()) for row in expected]


def test_it_asks_for_one_output_of_several_columns(of_mails: ServiceProcess) -> None:
    """Each column is an input, in any order; the client gets the output that it asked for alone."""
    from tritonclient.http import InferRequestedOutput

    mails = [{"subject": f"letter {number}", "body of it": text} for number, text in enumerate(TEXTS)]
    inputs = [tensor(name, [mail[name] for mail in mails]) for name in ("body of it", "subject")]
    outputs = [InferRequestedOutput("label", binary_data=False)]
    found = client(of_mails).infer("classifier", inputs, outputs=outputs)
    assert found.as_numpy("label").tolist() == [row["label"] for row in predictions(of_mails, mails)]
    assert found.as_numpy("probabilities") is None


def test_it_is_told_why_there_is_no_answer(service: ServiceProcess) -> None:
    """A request that does not fit is the client's own error, with our line: the protocol's `error`."""
    from tritonclient.utils import InferenceServerException

    with pytest.raises(InferenceServerException, match="send one input for each of text") as caught:
        client(service).infer("classifier", [tensor("other", TEXTS)])
    assert caught.value.status() == "400"
