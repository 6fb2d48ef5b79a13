"""The routes. FastAPI describes all of them; those that score are called without what it does for each request."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json
from starlette.exceptions import HTTPException

from verdict.serving.inference import inferred, metadata
from verdict.serving.schema import Error, Inference, Inferred, Prediction, one_or_many
from verdict.serving.service import Service
from verdict.serving.settings import NAME
from verdict.web.front import Front

_TENSORS = '{"inputs": [{"name", "shape", "datatype": "BYTES", "data"}]}, see /docs'


def application(service: Service) -> Front:
    """All routes of a service, behind what every request passes."""
    errors = _errors(401, 404, 429, 500, 503)
    app = FastAPI(title="verdict", version=service.settings.release, redoc_url=None, responses=errors)
    app.router.redirect_slashes = False  # to the host that the client names
    _add_status(app, service)
    return Front(app, service, _scoring(app, service))


def _add_status(app: FastAPI, service: Service) -> None:
    """The routes that say what is served, and whether it goes well."""
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
        return metadata(service)


def _scoring(app: FastAPI, service: Service) -> dict[str, Callable[[bytes], Awaitable[bytes]]]:
    """The routes that score, by path: from the body of a request to that of an answer."""

    async def predict(asked: Any) -> Prediction | dict[str, list[Prediction]]:  # noqa: ANN401 - see below
        """Classify one text, or several."""
        if "text" in asked:
            return (await service.predictions([asked["text"]]))[0]
        return {"predictions": await service.predictions(asked["texts"])}

    async def infer(asked: Inference) -> Inferred:
        """Classify texts, in the words of the Open Inference Protocol."""
        return await inferred(service, asked)

    predict.__annotations__["asked"] = one_or_many(service.columns)
    text = f'{{"text": TEXT}} or {{"texts": [TEXT, …]}}: TEXT is a string, or an object of {", ".join(service.columns)}'
    paths = {
        "/predict": _answering(predict, text),
        f"/v2/models/{NAME}/infer": _answering(infer, _TENSORS),
        f"/v2/models/{NAME}/versions/{service.settings.release}/infer": _answering(infer, _TENSORS),
    }
    for path in paths:
        app.post(path, responses=_errors(400, 408, 413, 422))(predict if path == "/predict" else infer)
    return paths


def _answering(endpoint: Callable[[Any], Awaitable[object]], sends: str) -> Callable[[bytes], Awaitable[bytes]]:
    """What an endpoint does, from bytes to bytes; `HTTPException` where they are not of the type that it takes."""
    adapter: TypeAdapter[Any] = TypeAdapter(endpoint.__annotations__["asked"])

    async def answer(body: bytes) -> bytes:
        try:
            asked = adapter.validate_json(body)
        except ValidationError:
            raise HTTPException(422, f"the body is no JSON in UTF-8, or of another shape: send {sends}") from None
        return to_json(await endpoint(asked))

    return answer


def _errors(*codes: int) -> dict[int | str, dict[str, Any]]:
    """Statuses as FastAPI describes them."""
    return {code: {"model": Error} for code in codes}
