"""Runs the service."""

import gc

from verdict.serving.routes import application
from verdict.serving.service import Service
from verdict.serving.settings import Settings
from verdict.web.server import run


def serve(settings: Settings) -> None:
    """Answer until the process is told to end.

    Raises:
        VerdictError: an artifact is damaged or foreign, or a port is taken.
    """
    service = Service(settings)
    gc.freeze()  # collections need not look through the vocabulary
    gc.set_threshold(10_000, 20, 20)
    run(application(service), service, f"serve: {settings.release}, artifact {service.artifact.hash[:12]}")
