"""Let each stage read only its dependencies in dvc.yaml, and nothing else of the repository.

If a stage reads an undeclared file, dvc.lock does not describe its result; if a training reads the test split, its
score means nothing. DVC runs each stage by `stage_shell.py` instead of a shell.
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
from verdict.base.paths import PRETRAINED
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
# Options that keep a shell from reading the user's settings, as DVC itself passes them.
_PLAIN = {"bash": ["--noprofile", "--norc"], "zsh": ["--no-rcs"]}
# Where programs keep keys in the user's home.
_KEYS = (".aws", ".azure", ".config/gcloud", ".config/gh", ".docker", ".git-credentials", ".netrc", ".pypirc", ".ssh")


@dataclass(frozen=True)
class Confinement:
    """The degree to which stages are kept apart; by default what this kernel offers, which is enough against mistakes.

    `strict`: Landlock is required, and nothing can be written outside of the stage's folders.
    `main`: a checkout of main, whose code replaces the candidate's in the stages that prepare the data.
    """

    strict: bool = False
    main: MainCode | None = None


BEST_EFFORT, STRICT = Confinement(), Confinement(strict=True)


@contextmanager
def isolated(repo: "Repo", confinement: Confinement = BEST_EFFORT) -> Iterator[None]:
    """Within this context, DVC runs each stage of `repo` in a folder with its dependencies alone.

    Raises:
        VerdictError: dvc.yaml shows a stage what it must not see; or, if strict, this kernel has no Landlock, or the
            stages would run on a cluster.
    """
    require_landlock(confinement)
    if confinement.strict and os.environ.get(engine.VARIABLE):
        raise VerdictError(engine.VARIABLE, "nothing keeps stages apart on a cluster's machines", "unset it here")
    _require_no_forbidden_reads(repo, confinement)
    before = os.environ.get(_SHELL)
    trees = _make_run_folder(Path(repo.dvc_dir) / _TREES)
    os.environ[_SHELL] = str(_write_shell(trees, repo, before or "/bin/sh", confinement))
    try:
        yield
    finally:
        if confinement.main:
            confinement.main.forget(repo)
        os.environ.pop(_SHELL)
        if before is not None:
            os.environ[_SHELL] = before
        shutil.rmtree(trees, ignore_errors=True)
        with suppress(OSError):  # another run has its trees in there
            trees.parent.rmdir()


def require_landlock(confinement: Confinement) -> None:
    """Refuse a kernel without Landlock if the confinement is strict; else print a warning."""
    if landlock.version() > 0:
        return
    warning = "stages run apart, but could read the repository by its full path: this kernel has no Landlock"
    if confinement.strict:
        remedy = "Linux 5.13 or newer with Landlock switched on, in a container that lets it through: docs/runner.md"
        raise VerdictError("this machine", "its kernel offers no Landlock, so nothing keeps stages apart", remedy)
    print(warning, file=sys.stderr)


def _require_no_forbidden_reads(repo: "Repo", confinement: Confinement) -> None:
    root, stages = Path(repo.root_dir), list(repo.index.stages)
    for stage in stages:
        require_inside(root, stage)
    findings = list(forbidden_reads(root, stages, confinement.main.hashes if confinement.main else ()))
    if confinement.strict:  # it could run again after evaluate, and read what that left behind
        findings += [finding for stage in stages if stage.cmd for finding in always_runs(stage)]
    for finding in findings:
        raise VerdictError(f"dvc.yaml: {finding.stage}: {finding.where}", finding.what, finding.mend)


def _make_run_folder(folder: Path) -> Path:
    """Make a folder for the trees of this run, and remove those of runs that were killed."""
    for other in folder.glob("*"):
        if not Path("/proc", other.name).exists():
            shutil.rmtree(other, ignore_errors=True)
    run_folder = folder / str(os.getpid())
    shutil.rmtree(run_folder, ignore_errors=True)
    run_folder.mkdir(parents=True)
    return run_folder


def _write_shell(folder: Path, repo: "Repo", shell: str, confinement: Confinement) -> Path:
    """Write the program that DVC runs as a shell, and its plan."""
    stages = {str(stage.addressing): stage for stage in repo.index.stages if stage.cmd}
    plan = {
        "root": repo.root_dir,
        "trees": str(folder),
        "others": str(Path(repo.dvc_dir) / _OTHERS),
        "shell": [shell, *_PLAIN.get(Path(shell).name, [])],
        "strict": confinement.strict,
        "cache": os.path.realpath(repo.cache.local.path),
        "closed": _closed_paths(repo),
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


def _closed_paths(repo: "Repo") -> list[str]:
    """Return paths of data and keys: the repository, its cache, remotes that are local folders, other checkouts."""
    folders = [repo.root_dir, repo.site_cache_dir, *storage_folders(repo)]
    folders += [*_checkouts(Path(repo.root_dir)), str(Path(__file__).parents[3])]
    folders += [os.environ[name] for name in ("RUNNER_TEMP",) if os.environ.get(name)]
    folders += [str(Path.home() / name) for name in _KEYS]
    devices = [str(path) for path in Path("/dev").iterdir() if path.is_block_device() or path.name in ("mem", "kmem")]
    return [os.path.realpath(Path(repo.dvc_dir) / folder) for folder in [*folders, *devices]]


def _checkouts(root: Path) -> Iterator[str]:
    """Yield the folders of other checkouts of this clone, and git's folder that all of them share."""
    listed = program.run_git(root, "worktree", "list", "--porcelain")
    if listed.returncode == 0:
        lines = os.fsdecode(listed.stdout).split("\n")
        yield from (line.removeprefix("worktree ") for line in lines if line.startswith("worktree "))
        common = program.git(root, "rev-parse", "--git-common-dir").strip("\n")
        yield str(root / common)


def _states() -> Path:
    """Make the folder of the state from which a killed training goes on."""
    folder = checkpoints.folder().absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _weights() -> Path:
    """Return the folder of Hugging Face's downloads."""
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "huggingface")
    return Path(os.environ.get("HF_HUB_CACHE") or home)


def _plan(stage: "Stage") -> dict[str, Any]:
    """Return the plan of a stage: its inputs, outputs and folder, relative to the repository."""
    root, ignore = stage.repo.root_dir, stage.repo.dvcignore
    outs = [out for out in stage.outs if out.protocol == "local"]
    # Existing outputs were kept, or written by an earlier line of the same command. Pretrained weights are pinned by
    # the files beside them, which are dependencies.
    weights = [str(path) for path in Path(root, PRETRAINED).glob("*") if path.is_dir()]
    reads = [*(item.fs_path for item in (*stage.deps, *outs)), *weights]
    files = (str(path) for dep in stage.deps for path in stage_shell.files_in(Path(dep.fs_path)))
    makers = [out for other in stage.repo.index.stages for out in other.outs]
    # A stage that sees the test split gets no folder in which it could leave something for a training.
    states = [] if stage_name(stage) in SEEING else [str(_states()), str(_weights())]
    return {
        "command": None,  # DVC's own
        "reads": [(root, name) for name in _names(root, reads)],
        "ignored": _names(root, [path for path in files if ignore.is_ignored_file(path)]),  # not part of a hash
        "cached": _names(root, [out.fs_path for out in makers if out.use_cache]),
        "writes": _names(root, [out.fs_path for out in outs]),
        "folder": os.path.relpath(stage.wdir, root),
        "states": states,
    }


def _names(root: str, paths: list[str]) -> list[str]:
    return [os.path.relpath(path, root) for path in paths]
