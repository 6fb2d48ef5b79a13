"""Expensive folders, made once a run of pytest for all of its workers."""

import os
import shutil
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


def once(temporary: Path, name: str, build: Callable[[Path], object]) -> Path:
    """The folder that `build` makes, by the first worker that needs it; do not change it, take copies.

    Args:
        temporary: `tmp_path_factory.getbasetemp()`.
        name: of the folder.
        build: makes the folder at the given path, whose parents exist.
    """
    # A worker's folder is in that of the run.
    run = temporary.parent if "PYTEST_XDIST_WORKER" in os.environ else temporary
    shared = run / "shared"
    folder, ready, failed = (shared / f"{name}{end}" for end in ("", ".ready", ".failed"))
    shared.mkdir(exist_ok=True, parents=True)
    # The lock ends with its process: a folder that a killed worker left unfinished is made again.
    with FileLock(shared / f"{name}.lock"):
        if failed.exists():
            pytest.fail(f"{name}: another test could not make it:\n{failed.read_text(encoding='utf-8')}", pytrace=False)
        if not ready.exists():
            shutil.rmtree(folder, ignore_errors=True)
            try:
                build(folder)
            except BaseException:
                failed.write_text(traceback.format_exc(), encoding="utf-8")
                raise
            ready.touch()
    return folder
