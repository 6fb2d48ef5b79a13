"""Let each stage read, of the repository, what dvc.yaml declares as its dependencies, and nothing else.

A stage that reads a file which it does not declare has a result that dvc.lock says nothing about; a training that reads
the test split has a score that says nothing at all. `stage_shell.py` takes the place of the shell by which
DVC runs a stage.
"""

import json
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verdict.base import engine
from verdict.base.errors import VerdictError
from verdict.classifier.training import checkpoints
from verdict.repo import git as program
from verdict.repo.isolation import landlock, stage_shell
from verdict.repo.isolation.main_code import MainCode
from verdict.repo.lock.stages import always_runs, require_inside, stage_name
from verdict.repo.lock.visibility import SEEING, forbidden_reads, storage_folders

if TYPE_CHECKING:
    from dvc.repo import Repo
    from dvc.stage import Stage

_SHELL = "SHELL"  # the variable by which DVC finds the shell for a stage's command
_TREES, _OTHERS = "tmp/stages", "tmp/undeclared"
# What keeps a shell from reading the settings of a person, as DVC itself calls it.
_PLAIN = {"bash": ["--noprofile", "--norc"], "zsh": ["--no-rcs"]}
# Where programs keep keys of theirs, from a person's home.
_KEYS = (".aws", ".azure", ".config/gcloud", ".config/gh", ".docker", ".git-credentials", ".netrc", ".pypirc", ".ssh")


@dataclass(frozen=True)
class Confinement:
    """How stages are kept apart; as it stands, by what this kernel offers, which is enough against slips.

    `strict`: by Landlock or not at all, and nothing can be written outside of the stage's folders.
    `main`: a checkout of main, whose code takes the place of the change's where the data is prepared.
    """

    strict: bool = False
    main: MainCode | None = None


BEST_EFFORT, STRICT = Confinement(), Confinement(strict=True)


@contextmanager
def isolated(repo: "Repo", confinement: Confinement = BEST_EFFORT) -> Iterator[None]:
    """While this lasts, DVC runs each stage of `repo` in a folder with its dependencies alone.

    Raises:
        VerdictError: dvc.yaml shows a stage what it must not see; or, where that must be strict, this kernel has no
            Landlock, or the stages would work on a cluster.
    """
    require_landlock(confinement)
    if confinement.strict and os.environ.get(engine.VARIABLE):
        raise VerdictError(engine.VARIABLE, "nothing keeps stages apart on a cluster's machines", "unset it here")
    _require_blind(repo, confinement)
    before = os.environ.get(_SHELL)
    trees = _own_folder(Path(repo.dvc_dir) / _TREES)
    os.environ[_SHELL] = str(_program(trees, repo, before or "/bin/sh", confinement))
    try:
        yield
    finally:
        if confinement.main:
            confinement.main.forget(repo)
        os.environ.pop(_SHELL)
        if before is not None:
            os.environ[_SHELL] = before
        shutil.rmtree(trees, ignore_errors=True)
        with suppress(OSError):  # another run has its own in there
            trees.parent.rmdir()


def require_landlock(confinement: Confinement) -> None:
    """Refuse a kernel that cannot keep stages apart as is wanted; where it need not, say so."""
    if landlock.version() > 0:
        return
    text = "stages run apart, but could read the repository by its full path: this kernel has no Landlock"
    if confinement.strict:
        remedy = "Linux 5.13 or newer with Landlock switched on, in a container that lets it through: docs/runner.md"
        raise VerdictError("this machine", "its kernel offers no Landlock, so nothing keeps stages apart", remedy)
    print(text, file=sys.stderr)


def _require_blind(repo: "Repo", confinement: Confinement) -> None:
    root, stages = Path(repo.root_dir), list(repo.index.stages)
    for stage in stages:
        require_inside(root, stage)
    findings = list(forbidden_reads(root, stages, confinement.main.hashes if confinement.main else ()))
    if confinement.strict:  # it could run once more after evaluate, and learn from what that left behind
        findings += [finding for stage in stages if stage.cmd for finding in always_runs(stage)]
    for finding in findings:
        raise VerdictError(f"dvc.yaml: {finding.stage}: {finding.where}", finding.what, finding.mend)


def _own_folder(folder: Path) -> Path:
    """A folder for the trees of this run, after removing those of runs that were killed."""
    for other in folder.glob("*"):
        if not Path("/proc", other.name).exists():
            shutil.rmtree(other, ignore_errors=True)
    own = folder / str(os.getpid())
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir(parents=True)
    return own


def _program(folder: Path, repo: "Repo", shell: str, confinement: Confinement) -> Path:
    """Write a program that DVC takes for a shell, and the plan that it follows."""
    stages = {str(stage.addressing): stage for stage in repo.index.stages if stage.cmd}
    plan = {
        "root": repo.root_dir,
        "trees": str(folder),
        "others": str(Path(repo.dvc_dir) / _OTHERS),
        "shell": [shell, *_PLAIN.get(Path(shell).name, [])],
        "strict": confinement.strict,
        "cache": os.path.realpath(repo.cache.local.path),
        "closed": _closed(repo),
        "open": [sys.prefix, sys.base_prefix],
        "stages": {address: _plan(stage) for address, stage in stages.items()},
    }
    if confinement.main:
        plan["stages"] |= {
            address: {**plan["stages"][address], **confinement.main.plan(stage, folder)}
            for address, stage in stages.items()
            if confinement.main.runs(stage)
        }
    (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    program = folder / "stage"
    command = shlex.join([sys.executable, "-I", "-S", stage_shell.__file__, str(folder / "plan.json")])
    program.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
    program.chmod(0o700)
    return program


def _closed(repo: "Repo") -> list[str]:
    """Where data and keys lie: the repository, its cache, remotes that are folders of this machine, other checkouts."""
    folders = [repo.root_dir, repo.site_cache_dir, *storage_folders(repo)]
    folders += [*_checkouts(Path(repo.root_dir)), str(Path(__file__).parents[3])]
    folders += [os.environ[name] for name in ("RUNNER_TEMP",) if os.environ.get(name)]
    folders += [str(Path.home() / name) for name in _KEYS]
    devices = [str(path) for path in Path("/dev").iterdir() if path.is_block_device() or path.name in ("mem", "kmem")]
    return [os.path.realpath(Path(repo.dvc_dir) / folder) for folder in [*folders, *devices]]


def _checkouts(root: Path) -> Iterator[str]:
    """The folders of other checkouts of this clone, and where git keeps what all of them share."""
    listed = program.run_git(root, "worktree", "list", "--porcelain")
    if listed.returncode == 0:
        lines = os.fsdecode(listed.stdout).split("\n")
        yield from (line.removeprefix("worktree ") for line in lines if line.startswith("worktree "))
        common = program.git(root, "rev-parse", "--git-common-dir").strip("\n")
        yield str(root / common)


def _states() -> Path:
    """Where a training keeps what it needs to go on after a kill."""
    folder = checkpoints.folder().absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _weights() -> Path:
    """Where Hugging Face's libraries keep what they have downloaded."""
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "huggingface")
    return Path(os.environ.get("HF_HUB_CACHE") or home)


def _plan(stage: "Stage") -> dict[str, Any]:
    """What a stage reads and writes, and the folder that it runs in, all below the repository's."""
    from verdict.classifier.features.pretrained import (
        FOLDER as START,  # with numpy, which not every job of a workflow installs
    )

    root, ignore = stage.repo.root_dir, stage.repo.dvcignore
    outs = [out for out in stage.outs if out.protocol == "local"]
    # Outputs that are there were kept, or written by an earlier line of this very command. Pretrained weights are
    # pinned by the files beside them, which are dependencies.
    weights = [str(path) for path in Path(root, START).glob("*") if path.is_dir()]
    reads = [*(item.fs_path for item in (*stage.deps, *outs)), *weights]
    files = (str(path) for dep in stage.deps for path in stage_shell.files_in(Path(dep.fs_path)))
    makers = [out for other in stage.repo.index.stages for out in other.outs]
    # Who has seen the test split keeps nothing that a training could find.
    states = [] if stage_name(stage) in SEEING else [str(_states()), str(_weights())]
    return {
        "command": None,  # as DVC gives it
        "reads": [(root, name) for name in _names(root, reads)],
        "ignored": _names(root, [path for path in files if ignore.is_ignored_file(path)]),  # no part of a hash
        "cached": _names(root, [out.fs_path for out in makers if out.use_cache]),
        "writes": _names(root, [out.fs_path for out in outs]),
        "folder": os.path.relpath(stage.wdir, root),
        "states": states,
    }


def _names(root: str, paths: list[str]) -> list[str]:
    return [os.path.relpath(path, root) for path in paths]
