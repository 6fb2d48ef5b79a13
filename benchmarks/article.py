"""The server that articles show, to compare with: FastAPI, a thread a request, scikit-learn's pipeline from joblib."""

import os

import joblib
from fastapi import FastAPI
from pydantic import BaseModel


class Asked(BaseModel):
    """A request."""

    text: str


def app() -> FastAPI:
    """The application; the environment variable MODEL names the file of the pipeline."""
    service, model = FastAPI(), joblib.load(os.environ["MODEL"])

    @service.post("/predict")
    def predict(asked: Asked) -> dict[str, str]:
        return {"label": str(model.predict([asked.text])[0])}

    return service
