"""The Open Inference Protocol, version 2: what clients of KServe, Seldon and MLServer speak. Texts are BYTES."""

from collections.abc import Mapping
from typing import Any

from verdict.serving.asked import INFER, Inference, Inferred, Output, Tensor, Text
from verdict.serving.bodies import checked
from verdict.serving.refusals import Refusal
from verdict.serving.service import Service
from verdict.serving.settings import NAME

_EXPECTED = '{"inputs": [{"name", "shape", "datatype": "BYTES", "data"}]}, see /docs'


def metadata(service: Service) -> dict[str, object]:
    """What the model takes and gives."""
    wide = [-1, len(service.labels)]
    outputs = (("label", "BYTES", [-1]), ("probabilities", "FP64", wide), ("receipt", "BYTES", [-1]))
    return {
        "name": NAME,
        "versions": [service.settings.release],
        "platform": f"verdict_{service.manifest.kind}",
        "inputs": [{"name": name, "datatype": "BYTES", "shape": [-1]} for name in service.columns],
        "outputs": [{"name": name, "datatype": kind, "shape": shape} for name, kind, shape in outputs],
        "parameters": {"labels": list(service.labels), "artifact": service.hash},
    }


def require_model(service: Service, path: Mapping[str, str]) -> None:
    """Refuse the name or the version of another model."""
    if path["name"] != NAME or path.get("version", service.settings.release) != service.settings.release:
        message = f"there is {NAME} in version {service.settings.release}: ask /v2/models/{NAME}"
        raise Refusal(404, "unknown", message)


async def inferred(service: Service, body: bytes) -> Inferred:
    """Answer a request; `Refusal` (400) when it does not fit the metadata."""
    asked: Inference = checked(INFER, body, 400, _EXPECTED)
    given = _texts(service, asked["inputs"])
    wanted = [output["name"] for output in asked.get("outputs", [])] or ["label", "probabilities", "receipt"]
    if not set(wanted) <= {"label", "probabilities", "receipt"}:
        raise Refusal(400, "malformed", "an output that is not there: ask for label, probabilities, receipt")
    predictions = await service.predictions(given, 400)
    number = len(predictions)
    columns: dict[str, Output] = {
        name: {"name": name, "shape": [number], "datatype": "BYTES", "data": [str(row[name]) for row in predictions]}
        for name in ("label", "receipt")
    }
    flat = [value for row in predictions for value in row["probabilities"].values()]
    shape = [number, len(service.labels)]
    columns["probabilities"] = {"name": "probabilities", "shape": shape, "datatype": "FP64", "data": flat}
    found: Inferred = {
        "model_name": NAME,
        "model_version": service.settings.release,
        "outputs": [columns[name] for name in wanted],
    }
    if "id" in asked:
        found["id"] = asked["id"]
    return found


def _texts(service: Service, inputs: list[Tensor]) -> list[Text]:
    """The texts of the input tensors: one for each column of the artifact."""
    by_name = {tensor["name"]: _strings(tensor) for tensor in inputs}
    if set(by_name) != set(service.columns) or len(inputs) != len(by_name):
        raise Refusal(400, "malformed", f"send one input for each of {', '.join(service.columns)}, and no other")
    if len({len(column) for column in by_name.values()}) > 1:
        raise Refusal(400, "malformed", "the inputs differ in length: send one text of each for each row")
    if len(service.columns) == 1:
        return list(by_name[service.columns[0]])
    return [dict(zip(by_name, row, strict=True)) for row in zip(*by_name.values(), strict=True)]


def _strings(tensor: Tensor) -> list[str]:
    """The elements of a tensor of shape [n] or [n, 1], flat or nested."""
    flat: list[Any] = []
    for entry in tensor["data"]:
        flat += [entry] if isinstance(entry, str) else entry
    shape = tensor["shape"]
    if tensor["datatype"] != "BYTES" or shape not in ([len(flat)], [len(flat), 1]):
        raise Refusal(400, "malformed", "an input is no BYTES of shape [n]: send as many strings as the shape says")
    return flat
