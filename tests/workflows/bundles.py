"""Bundles without a run: what experiment.yml would hand to the judge, as files of a zip archive."""

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
    """The bundle of a run that gives what the author has committed, compared with main."""
    found = outputs(clone.path, resolve(clone.path, base))
    return {**{name: (clone.path / name).read_bytes() for name in found}, **ending(bundle.Header(bundle.REPRODUCED))}


def ending(head: bundle.Header, log: str = "") -> Files:
    """The files that say how a run ended."""
    told = {"version": bundle.VERSION, "outcome": head.outcome, "stage": head.stage, "reason": head.reason}
    return {bundle.HEADER: json.dumps(told).encode(), bundle.RUNS: b"{}", bundle.LOG: log.encode()}


def pack(files: Files, folder: Path) -> Path:
    """The artifact `bundle` in the folder of a run's artifacts."""
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / f"{bundle.NAME}.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return archive


def edit_json(files: Files, name: str, change: Callable[[Any], Any]) -> None:
    """Replace a JSON file of the bundle by what `change` makes of it."""
    files[name] = json.dumps(change(json.loads(files[name]))).encode()
