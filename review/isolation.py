"""Let each stage read, of the repository, what dvc.yaml declares as its dependencies, and nothing else.

A stage that reads a file which it does not declare has a result that dvc.lock says nothing about; a training that reads
the test split has a score that says nothing at all. `review/stage_shell.py` takes the place of the shell by which DVC
runs a stage.
"""

import json
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from classifier import checkpoints
from classifier.errors import VerdictError
from review import landlock, stage_shell
from review.blind import peeks
from review.stages import files_of, name_of

if TYPE_CHECKING:
    from dvc.repo import Repo
    from dvc.stage import Stage

_SHELL = "SHELL"  # the variable by which DVC finds the shell for a stage's command
_TREES = "tmp/stages"
# What keeps a shell from reading the settings of a person, as DVC itself calls it.
_PLAIN = {"bash": ["--noprofile", "--norc"], "zsh": ["--no-rcs"]}


@contextmanager
def isolated(repo: "Repo") -> Iterator[None]:
    """While this lasts, DVC runs each stage of `repo` in a folder with its dependencies alone."""
    if landlock.version() < 1:
        text = "stages run apart, but could read the repository by its full path: this kernel has no Landlock"
        print(text, file=sys.stderr)
    before = os.environ.get(_SHELL)
    trees = Path(repo.dvc_dir) / _TREES
    shutil.rmtree(trees, ignore_errors=True)  # of a run that was killed
    trees.mkdir(parents=True)
    os.environ[_SHELL] = str(_program(trees, repo, before or "/bin/sh"))
    try:
        yield
    finally:
        os.environ.pop(_SHELL)
        if before is not None:
            os.environ[_SHELL] = before
        shutil.rmtree(trees, ignore_errors=True)


def _program(folder: Path, repo: "Repo", shell: str) -> Path:
    """Write a program that DVC takes for a shell, and the plan that it follows."""
    _require_blind(repo)
    plan = {
        "root": repo.root_dir,
        "trees": str(folder),
        "shell": [shell, *_PLAIN.get(Path(shell).name, [])],
        "closed": _closed(repo),
        "open": [sys.prefix, str(_states(repo))],
        "stages": {str(stage.addressing): _plan(stage) for stage in repo.index.stages if stage.cmd},
    }
    (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    program = folder / "stage"
    command = shlex.join([sys.executable, "-I", "-S", stage_shell.__file__, str(folder / "plan.json")])
    program.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
    program.chmod(0o700)
    return program


def _require_blind(repo: "Repo") -> None:
    for stage in repo.index.stages:
        paths = [os.path.relpath(dep.fs_path, repo.root_dir) for dep in files_of(stage)]
        for finding in peeks(stage, name_of(stage), paths):
            raise VerdictError(f"dvc.yaml: {finding.stage}: {finding.where}", finding.what, finding.mend)


def _closed(repo: "Repo") -> list[str]:
    """Where the repository's data lie: its folder, its cache, and remotes that are folders of this machine."""
    remotes: list[dict[str, Any]] = list(repo.config["remote"].values())
    urls = (str(remote.get("url", "")) for remote in remotes)
    folders = [repo.root_dir, str(repo.cache.local.path), *(url for url in urls if url and "://" not in url)]
    return [os.path.realpath(Path(repo.dvc_dir) / folder) for folder in folders]


def _states(repo: "Repo") -> Path:
    """Where a training keeps what it needs to go on after a kill."""
    folder = Path(os.environ.get(checkpoints.VARIABLE) or Path(repo.root_dir) / checkpoints.FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _plan(stage: "Stage") -> dict[str, Any]:
    """What a stage reads and writes, and the folder that it runs in, all below the repository's."""
    from classifier.start import FOLDER as START  # with numpy, which not every job of a workflow installs

    root = stage.repo.root_dir

    def names(paths: list[str]) -> list[str]:
        return [os.path.relpath(path, root) for path in paths]

    kept = [out.fs_path for out in stage.outs if out.persist]
    # Pretrained weights are pinned by the files beside them, which are dependencies.
    reads = [*(dep.fs_path for dep in stage.deps if dep.protocol == "local"), *kept, str(Path(root) / START)]
    return {
        "reads": names(reads),
        "writes": names([out.fs_path for out in stage.outs if out.protocol == "local"]),
        "folder": os.path.relpath(stage.wdir, root),
    }
