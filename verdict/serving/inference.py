"""The Open Inference Protocol, version 2, of KServe, Seldon and MLServer; texts are BYTES."""

from starlette.exceptions import HTTPException

from verdict.serving.schema import Inference, Inferred, Tensor, Text
from verdict.serving.service import Service
from verdict.serving.settings import NAME

_OUTPUTS = {"label": "BYTES", "probabilities": "FP64", "receipt": "BYTES"}


def metadata(service: Service) -> dict[str, object]:
    """Return the inputs and outputs of the model."""
    outputs = [{"name": name, "datatype": kind, "shape": _shape(service, name, -1)} for name, kind in _OUTPUTS.items()]
    return {
        "name": NAME,
        "versions": [service.settings.release],
        "platform": f"verdict_{service.artifact.manifest.kind}",
        "inputs": [{"name": name, "datatype": "BYTES", "shape": [-1]} for name in service.columns],
        "outputs": outputs,
        "parameters": {"labels": list(service.labels), "artifact": service.artifact.hash},
    }


async def infer(service: Service, request: Inference) -> Inferred:
    """Answer a request; `HTTPException` when it does not fit the metadata."""
    outputs: list[str] = [output["name"] for output in request.get("outputs", [])] or list(_OUTPUTS)
    rows = await service.predictions(_texts(service, request["inputs"]))
    data: dict[str, list[str] | list[float]] = {
        "label": [row["label"] for row in rows],
        "probabilities": [value for row in rows for value in row["probabilities"].values()],
        "receipt": [row["receipt"] for row in rows],
    }
    answer: Inferred = {
        "model_name": NAME,
        "model_version": service.settings.release,
        "outputs": [
            {"name": name, "shape": _shape(service, name, len(rows)), "datatype": _OUTPUTS[name], "data": data[name]}
            for name in outputs
        ],
    }
    if "id" in request:
        answer["id"] = request["id"]
    return answer


def _shape(service: Service, output: str, rows: int) -> list[int]:
    return [rows, len(service.labels)] if output == "probabilities" else [rows]


def _texts(service: Service, inputs: list[Tensor]) -> list[Text]:
    """Return the texts of the input tensors, of which each is a column of the artifact."""
    by_name = {tensor["name"]: _strings(tensor) for tensor in inputs}
    lengths = {len(column) for column in by_name.values()}
    if set(by_name) != set(service.columns) or len(inputs) != len(by_name) or len(lengths) > 1:
        raise HTTPException(422, f"send one input for each of {', '.join(service.columns)}, all of one length")
    return [dict(zip(by_name, row, strict=True)) for row in zip(*by_name.values(), strict=True)]


def _strings(tensor: Tensor) -> list[str]:
    """Return the elements of a tensor of shape [n] or [n, 1], flat or nested."""
    flat = [text for entry in tensor["data"] for text in ([entry] if isinstance(entry, str) else entry)]
    if tensor["shape"] not in ([len(flat)], [len(flat), 1]):
        raise HTTPException(422, "the shape of an input is not [n]: send as many strings as it says")
    return flat
