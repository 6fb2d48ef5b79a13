"""A real CML, where there is one on PATH: it speaks to the GitHub of the tests, and to nobody else."""

import shlex
import shutil
from pathlib import Path

from tests.workflows.github import GitHub


def folder(github: GitHub, place: Path) -> Path | None:
    """A folder, made in `place`, with a `cml` that calls the real one; None where there is none.

    CML knows github.com alone by its API's address, and takes every other host for an enterprise's, behind TLS.
    """
    real = shutil.which("cml")
    if real is None:
        return None
    url, certificate = github.secure()
    variables = {
        "CML_REPO": f"{url}/{github.name}",
        "CML_DRIVER": "github",
        "NODE_EXTRA_CA_CERTS": str(certificate),
        "ITERATIVE_DO_NOT_TRACK": "1",  # nothing leaves the machine, whatever a workflow forgets
    }
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
    made = place / "cml"
    made.mkdir()
    (made / "cml").write_text(f'#!/bin/sh\n{exports}exec {shlex.quote(real)} "$@"\n', encoding="utf-8")
    (made / "cml").chmod(0o755)
    return made
