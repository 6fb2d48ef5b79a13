"""Write docs/openapi.json: the service's OpenAPI document without the parts that each release changes.

Run `python -m dev.openapi` after `make repro`. `verdict release plan` compares the file with that of the last release:
if something is missing, the next version is a MAJOR one.
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
    """The OpenAPI document of a service with this artifact, without the description of the artifact."""
    app: Any = application(Service(Settings(model)))._app
    schema: dict[str, Any] = app.openapi()
    return {**schema, "info": {"title": schema["info"]["title"], "version": ""}}


if __name__ == "__main__":
    write_json(FILE, document(Path(ARTIFACT)))
