"""Write docs/openapi.json: what the service answers to, as it says itself, but for what a release changes.

`python -m dev.openapi`, after `make repro`. `verdict release plan` compares it with that of the last release: where
something is missing, the next version is a MAJOR one.
"""

from pathlib import Path
from typing import Any

from verdict.base.files import write_json
from verdict.base.paths import ARTIFACT
from verdict.serving.routes import application
from verdict.serving.service import Service
from verdict.serving.settings import Settings

FILE = Path("docs/openapi.json")


def document(model: Path) -> dict[str, Any]:
    """The OpenAPI document of a service of this artifact, without what is said of the artifact."""
    app: Any = application(Service(Settings(model)))._app
    found: dict[str, Any] = app.openapi()
    return {**found, "info": {"title": found["info"]["title"], "version": ""}}


if __name__ == "__main__":
    write_json(FILE, document(Path(ARTIFACT)))
