"""A stage as DVC has loaded it: its name, its dependencies, and the commands that bring it up to date."""

import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from verdict.base.errors import VerdictError
from verdict.repo.lock.finding import Finding

if TYPE_CHECKING:
    from dvc.output import Output
    from dvc.stage import Stage


def stage_name(stage: "Stage") -> str:
    """Return DVC's name of a stage as seen from the root, whatever the current folder is."""
    file = Path(stage.path).relative_to(stage.repo.root_dir).as_posix()
    name = getattr(stage, "name", None)
    return file if name is None else str(name) if file == "dvc.yaml" else f"{file}:{name}"


def file_deps(stage: "Stage") -> "list[Output]":
    """Return a stage's dependencies without params."""
    params = stage.params
    return [dep for dep in stage.deps if dep not in params]


def require_inside(root: Path, stage: "Stage") -> None:
    """Refuse a path outside the repository before it is read; templates are resolved only now.

    The source of an import is not checked: its pointer holds the hash of the data.
    """
    for item in [*([] if stage.is_import else stage.deps), *stage.outs]:
        inside = item.protocol == "local" and Path(os.path.normpath(item.fs_path)).is_relative_to(root)
        if not inside or type(item).__name__ in ("RepoDependency", "DatasetDependency", "DbDependency"):
            what = f"{item.def_path} leads out of the repository"
            raise VerdictError(stage_name(stage), what, "name files of the repository; data by a pointer (dvc add)")


def always_runs(stage: "Stage") -> Iterator[Finding]:
    """Yield a finding for a stage that DVC runs each time, and never calls up to date."""
    if stage.is_callback:
        mend = "in dvc.yaml, name what it reads or writes, then dvc repro"
        yield Finding(stage_name(stage), "dvc.yaml", "has neither dependencies nor outputs: DVC always runs it", mend)
    elif stage.always_changed:
        mend = "in dvc.yaml, name what it depends on instead of always_changed, then dvc repro"
        yield Finding(stage_name(stage), "dvc.yaml", "always_changed: DVC never calls it up to date", mend)


def update_command(stage: "Stage") -> str:
    """Return the command that brings a stage, an import or a pointer up to date."""
    name = shlex.quote(stage_name(stage))
    if stage.is_import:
        return f"dvc update {name}"
    if not stage.cmd:
        return f"dvc commit --force {name} && dvc repro"
    return f"dvc unfreeze {name} && dvc repro {name} && dvc freeze {name}" if stage.frozen else f"dvc repro {name}"


def revert_command(stage: "Stage", path: str) -> str:
    """Return the command for data that differ from the recorded ones."""
    revert = shlex.join(["dvc", "checkout", "--force", path])
    if stage.frozen or stage.is_import:
        return revert
    return update_command(stage) if stage.cmd else f"{update_command(stage)}, or to take it back: {revert}"
