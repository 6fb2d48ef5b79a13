"""The routes. FastAPI describes all of them; those that score bypass it, because it is slow for each request."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json
from starlette.exceptions import HTTPException

from verdict.serving import inference
from verdict.serving.schema import Error, Inference, Inferred, Prediction, predict_body
from verdict.serving.service import Service
from verdict.serving.settings import NAME
from verdict.web.front import Front

_TENSORS = '{"inputs": [{"name", "shape", "datatype": "BYTES", "data"}]}, see /docs'


def application(service: Service) -> Front:
    """Return the application of a service: all routes, behind the common checks."""
    errors = _errors(401, 404, 429, 500, 503)
    app = FastAPI(title="verdict", version=service.settings.release, redoc_url=None, responses=errors)
    app.router.redirect_slashes = False  # a redirect would go to the host that the client names
    _add_status(app, service)
    return Front(app, service, _scoring(app, service))


def _add_status(app: FastAPI, service: Service) -> None:
    """Add the routes about what is served, and its health."""
    page, release = Path(__file__).with_name("page.html").read_text(encoding="utf-8"), service.settings.release

    @app.get("/", include_in_schema=False)
    async def root() -> HTMLResponse:
        return HTMLResponse(page)

    app.get("/version")(service.version)

    @app.get("/health")
    @app.get("/v2/health/live")
    async def live() -> dict[str, bool]:
        """Say that the process is there."""
        return {"live": True}

    @app.get("/v2")
    async def server() -> dict[str, Any]:
        """Say who serves."""
        return {"name": "verdict", "version": release, "extensions": []}

    @app.get("/v2/health/ready")
    @app.get(f"/v2/models/{NAME}/ready")
    @app.get(f"/v2/models/{NAME}/versions/{release}/ready")
    async def ready() -> dict[str, Any]:
        """Say whether it takes requests."""
        if service.draining:
            raise HTTPException(503, "the service is about to end: ask another")
        return {"name": NAME, "ready": True}

    @app.get(f"/v2/models/{NAME}")
    @app.get(f"/v2/models/{NAME}/versions/{release}")
    async def model() -> dict[str, Any]:
        """Say what the model takes and gives."""
        return inference.metadata(service)


def _scoring(app: FastAPI, service: Service) -> dict[str, Callable[[bytes], Awaitable[bytes]]]:
    """Add the routes that score; return them by path, as functions from a request's body to the answer's."""

    async def predict(body: Any) -> Prediction | dict[str, list[Prediction]]:  # noqa: ANN401 - see below
        """Classify one text, or several."""
        if "text" in body:
            return (await service.predictions([body["text"]]))[0]
        return {"predictions": await service.predictions(body["texts"])}

    async def infer(body: Inference) -> Inferred:
        """Classify texts, in the words of the Open Inference Protocol."""
        return await inference.infer(service, body)

    predict.__annotations__["body"] = predict_body(service.columns)
    text = f'{{"text": TEXT}} or {{"texts": [TEXT, …]}}: TEXT is a string, or an object of {", ".join(service.columns)}'
    paths = {
        "/predict": _on_bytes(predict, text),
        f"/v2/models/{NAME}/infer": _on_bytes(infer, _TENSORS),
        f"/v2/models/{NAME}/versions/{service.settings.release}/infer": _on_bytes(infer, _TENSORS),
    }
    for path in paths:
        app.post(path, responses=_errors(400, 408, 413, 422))(predict if path == "/predict" else infer)
    return paths


def _on_bytes(endpoint: Callable[[Any], Awaitable[object]], sends: str) -> Callable[[bytes], Awaitable[bytes]]:
    """Return an endpoint as a function of bytes; `HTTPException` where they are not of the endpoint's type."""
    adapter: TypeAdapter[Any] = TypeAdapter(endpoint.__annotations__["body"])

    async def answer(body: bytes) -> bytes:
        try:
            value = adapter.validate_json(body)
        except ValidationError:
            raise HTTPException(422, f"the body is no JSON in UTF-8, or of another shape: send {sends}") from None
        return to_json(await endpoint(value))

    return answer


def _errors(*codes: int) -> dict[int | str, dict[str, Any]]:
    """Return the descriptions of error statuses for FastAPI."""
    return {code: {"model": Error} for code in codes}
