"""The routes. Those that score are plain ones, without what FastAPI does for each request; their schema is here."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from verdict.serving.asked import PREDICT, Error, Inference, Inferred, Many, One, Prediction, Predictions
from verdict.serving.bodies import body_of, checked
from verdict.serving.front import Front
from verdict.serving.inference import inferred, metadata, require_model
from verdict.serving.refusals import Refusal, refuse, respond
from verdict.serving.service import Service
from verdict.serving.settings import NAME

_PAGE = Path(__file__).with_name("page.html")
_MODEL = "/v2/models/{name}"
_EXPECTED = '{"text": TEXT} or {"texts": [TEXT, …]}, where TEXT is a string, or an object of the columns'


class Scoring:
    """A plain route: the whole body in, one JSON object out."""

    def __init__(self, service: Service, answer: Callable[[Service, Scope, bytes], Awaitable[Any]]) -> None:
        self._service, self._answer = service, answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse."""
        try:
            answer = await self._answer(self._service, scope, await body_of(scope, receive))
        except Refusal as refusal:
            self._service.counters.failure(refusal.kind)
            await refuse(send, refusal)
        else:
            await respond(send, 200, to_json(answer))


async def predict(service: Service, _: Scope, body: bytes) -> Prediction | Predictions:
    """One answer, or a list of them."""
    asked = checked(PREDICT, body, 422, _EXPECTED)
    if "text" in asked:
        return (await service.predictions([asked["text"]]))[0]
    return {"predictions": await service.predictions(asked["texts"])}


async def infer(service: Service, scope: Scope, body: bytes) -> Inferred:
    """The same, in the words of the Open Inference Protocol."""
    require_model(service, scope.get("path_params", {"name": NAME}))
    return await inferred(service, body)


def application(service: Service) -> Front:
    """All routes of a service, behind what every request passes."""
    app = FastAPI(title="verdict", version=service.settings.release, redoc_url=None, description=_about(service))
    _add_told(app, service)
    scoring = {"/predict": predict, f"{_MODEL}/infer": infer, f"{_MODEL}/versions/{{version}}/infer": infer}
    plain = {path: Scoring(service, answer) for path, answer in scoring.items()}
    for path, route in plain.items():
        app.router.add_route(path, route, methods=["POST"])  # type: ignore[arg-type]
    app.openapi = _described(service).openapi  # type: ignore[method-assign]

    @app.exception_handler(HTTPException)
    async def failed(_: Request, error: HTTPException) -> JSONResponse:
        what = {404: "no such path: see /docs", 405: "no such method here: see /docs"}.get(error.status_code, "refused")
        return JSONResponse({"error": what}, error.status_code, error.headers)

    @app.exception_handler(Refusal)
    async def refused(_: Request, error: Refusal) -> JSONResponse:
        return JSONResponse({"error": error.message}, error.status)

    return Front(app, service, {("POST", path.replace("{name}", NAME)): route for path, route in plain.items()})


def _about(service: Service) -> str:
    return f"Answers of a text classifier: {', '.join(service.labels)}. Artifact {service.hash[:12]}."


def _add_told(app: FastAPI, service: Service) -> None:
    """The routes that say what is served, and whether it goes well."""
    page = _PAGE.read_text(encoding="utf-8")

    @app.get("/", include_in_schema=False)
    async def root() -> HTMLResponse:
        policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"
        return HTMLResponse(page, headers={"content-security-policy": policy + "; base-uri 'none'; form-action 'none'"})

    @app.get("/version")
    async def version() -> dict[str, Any]:
        """Say which release, commit and artifact answer, and with which labels."""
        return service.about()

    @app.get("/health")
    @app.get("/v2/health/live")
    async def live() -> dict[str, bool]:
        """Say that the process is there."""
        return {"live": True}

    @app.get("/v2/health/ready", responses=_errors(503))
    @app.get(f"{_MODEL}/ready", responses=_errors(404, 503))
    @app.get(f"{_MODEL}/versions/{{version}}/ready", responses=_errors(404, 503))
    async def ready(request: Request) -> dict[str, Any]:
        """Say whether it takes requests."""
        if request.path_params:
            require_model(service, request.path_params)
        if service.draining:
            raise Refusal(503, "draining", "the service is about to end: ask another")
        return {"name": NAME, "ready": True}

    @app.get("/v2")
    async def server() -> dict[str, Any]:
        """Say who serves."""
        return {"name": "verdict", "version": service.settings.release, "extensions": []}

    @app.get(_MODEL, responses=_errors(404))
    @app.get(f"{_MODEL}/versions/{{version}}", responses=_errors(404))
    async def model(request: Request) -> dict[str, Any]:
        """Say what the model takes and gives."""
        require_model(service, request.path_params)
        return metadata(service)


def _errors(*codes: int) -> dict[int | str, dict[str, Any]]:
    """Statuses as FastAPI describes them."""
    return {code: {"model": Error} for code in codes}


def _described(service: Service) -> FastAPI:
    """An application that is never run: FastAPI writes the OpenAPI document of the plain routes from it."""
    app = FastAPI(title="verdict", version=service.settings.release, description=_about(service))
    failures = _errors(401, 408, 413, 429, 500)

    @app.post("/predict", responses=failures | _errors(422))
    async def predict(asked: One | Many) -> Prediction | Predictions:  # type: ignore[empty-body]
        """Classify one text, or several."""

    @app.post(f"{_MODEL}/infer", responses=failures | _errors(400, 404))
    async def infer(name: str, asked: Inference) -> Inferred:  # type: ignore[empty-body]
        """Classify texts, in the words of the Open Inference Protocol."""

    @app.post(f"{_MODEL}/versions/{{version}}/infer", responses=failures | _errors(400, 404))
    async def infer_version(name: str, version: str, asked: Inference) -> Inferred:  # type: ignore[empty-body]
        """Classify texts by a version, in the words of the Open Inference Protocol."""

    _add_told(app, service)
    return app
