"""Bundles without a run: the files that experiment.yml would hand to the judge, in a zip archive."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.dvc.pipeline.clone import Clone
from verdict.ci.run import bundle
from verdict.ci.run.reproduce import outputs
from verdict.repo.revisions import resolve

Files = dict[str, bytes]


def honest(clone: Clone, base: str = "HEAD^") -> Files:
    """The bundle of a run that reproduces the author's committed results."""
    names = outputs(clone.path, resolve(clone.path, base))
    return {**{name: (clone.path / name).read_bytes() for name in names}, **ending(bundle.Header(bundle.REPRODUCED))}


def ending(head: bundle.Header, log: str = "") -> Files:
    """The files that say how a run ended."""
    fields = {"version": bundle.VERSION, "outcome": head.outcome, "stage": head.stage, "reason": head.reason}
    return {bundle.HEADER: json.dumps(fields).encode(), bundle.RUNS: b"{}", bundle.LOG: log.encode()}


def pack(files: Files, folder: Path) -> Path:
    """Write the artifact `bundle` into the folder of a run's artifacts."""
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / f"{bundle.NAME}.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in files.items():
            target.writestr(name, content)
    return archive


def edit_json(files: Files, name: str, change: Callable[[Any], Any]) -> None:
    """Replace a JSON file of the bundle by the result of `change`."""
    files[name] = json.dumps(change(json.loads(files[name]))).encode()
