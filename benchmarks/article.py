"""The usual server of articles, as a baseline: FastAPI, a thread per request, scikit-learn's pipeline from joblib."""

import os

import joblib
from fastapi import FastAPI
from pydantic import BaseModel


class Query(BaseModel):
    """A request."""

    text: str


def app() -> FastAPI:
    """The application; the environment variable MODEL names the file of the pipeline."""
    service, model = FastAPI(), joblib.load(os.environ["MODEL"])

    @service.post("/predict")
    def predict(query: Query) -> dict[str, str]:
        return {"label": str(model.predict([query.text])[0])}

    return service
