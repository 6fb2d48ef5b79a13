"""The real CML, if PATH has it; it reaches only the GitHub of the tests."""

import shlex
import shutil
from pathlib import Path

from tests.workflows.github import GitHub


def folder(github: GitHub, place: Path) -> Path | None:
    """Make a folder in `place` with a `cml` that calls the real one; None where PATH has none.

    CML takes every host but github.com for an enterprise's, behind TLS.
    """
    real = shutil.which("cml")
    if real is None:
        return None
    url, certificate = github.secure()
    variables = {
        "CML_REPO": f"{url}/{github.name}",
        "CML_DRIVER": "github",
        "NODE_EXTRA_CA_CERTS": str(certificate),
        "ITERATIVE_DO_NOT_TRACK": "1",  # no telemetry, even if a workflow forgets to switch it off
    }
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
    made = place / "cml"
    made.mkdir()
    (made / "cml").write_text(f'#!/bin/sh\n{exports}exec {shlex.quote(real)} "$@"\n', encoding="utf-8")
    (made / "cml").chmod(0o755)
    return made
