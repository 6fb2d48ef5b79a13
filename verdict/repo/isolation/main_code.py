"""Run main's code instead of a candidate's in the stages that make the data: it must not choose its test data.

Such a stage gets main's files and command, with the candidate's data, and the candidate's settings of these stages in
main's params.yaml. dvc.lock then names the candidate's code, with the outputs of main's: if the two codes write
different outputs, the lock differs from the one that the author committed.
"""

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verdict.base.documents import dump, mapping
from verdict.base.errors import VerdictError
from verdict.base.paths import PARAMS
from verdict.repo.dvc import repository
from verdict.repo.lock.contents import hash_of
from verdict.repo.lock.entries import lock_entries
from verdict.repo.lock.lockfile import LOCK, record_path
from verdict.repo.lock.stages import file_deps, stage_name
from verdict.repo.lock.visibility import PREPARE, VALIDATE, guarded_hashes
from verdict.repo.raw_data import DATA_GROUPS, data_path

if TYPE_CHECKING:
    from dvc.output import Output
    from dvc.repo import Repo
    from dvc.stage import Stage

DATA_LABEL = "approve: data"
_REMEDY = (
    f"the label `{DATA_LABEL}`, set by a reviewer, has the change's own code do it; or land the code by itself first"
)


class MainCode:
    """A checkout of main whose code replaces the candidate's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.used: set[str] = set()  # stages whose code differed and was replaced

    @cached_property
    def hashes(self) -> set[str]:
        """The hashes of the data that main guards."""
        with repository(self.folder) as repo:
            return guarded_hashes(self.folder, repo.index.stages)

    @cached_property
    def _stages(self) -> Mapping[str, dict[str, Any]]:
        """The facts on main's stages that a plan needs."""
        with repository(self.folder) as repo:
            data = [Path(out.fs_path) for stage in repo.index.stages for out in stage.outs]
            return {stage_name(stage): self._read(stage, data) for stage in repo.index.stages if stage.cmd}

    def _read(self, stage: "Stage", data: list[Path]) -> dict[str, Any]:
        deps = _names(self.folder, file_deps(stage))
        from_stages = {name for name in deps if any((self.folder / name).is_relative_to(out) for out in data)}
        return {
            "command": _command(stage),
            "code": [name for name in deps if name not in from_stages],
            "data": sorted(from_stages),
            "params": _names(self.folder, stage.params),
            "outs": _names(self.folder, stage.outs),
            "folder": os.path.relpath(stage.wdir, self.folder),
        }

    def runs(self, stage: "Stage") -> bool:
        """Return whether main's code must replace a stage's own, because they differ."""
        name = stage_name(stage)
        if name not in (PREPARE, VALIDATE):
            return False
        root, main_stage = Path(stage.repo.root_dir), self._stages.get(name)
        if main_stage is None:
            raise VerdictError(f"dvc.yaml: {name}", "main has no such stage, so main's code cannot run it", _REMEDY)
        if sorted(_names(root, stage.outs)) != sorted(main_stage["outs"]):
            raise VerdictError(f"dvc.yaml: {name}", "it has other outs than on main, whose code runs it", _REMEDY)
        same = _command(stage) == main_stage["command"] and main_stage["folder"] == os.path.relpath(stage.wdir, root)
        own_code, code = {*_names(root, file_deps(stage))} - {*self._data(root, main_stage)}, main_stage["code"]
        if not (same and own_code == set(code) and all(self._is_same(root, path) for path in code)):
            self.used.add(name)
        return name in self.used

    def _is_same(self, root: Path, path: str) -> bool:
        sides = [root / path, self.folder / path]
        return all(side.is_file() and not side.is_symlink() for side in sides) and len(set(map(hash_of, sides))) == 1

    def plan(self, stage: "Stage", folder: Path) -> dict[str, Any]:
        """Return the changes to the plan of such a stage; write the files for it into `folder`."""
        name, root = stage_name(stage), str(stage.repo.root_dir)
        main_stage = self._stages[name]
        print(f"{name}: main's code runs it, since the change's own is another and lacks the label {DATA_LABEL}")
        written = folder / name
        written.mkdir()
        (written / PARAMS).write_text(self._params(Path(root)), encoding="utf-8")
        return {
            "command": main_stage["command"],
            "reads": [
                *((str(written), path) for path in main_stage["params"] if path == PARAMS),
                *((str(self.folder), path) for path in (*main_stage["code"], *main_stage["params"]) if path != PARAMS),
                *((root, path) for path in self._data(Path(root), main_stage)),
            ],
            "folder": main_stage["folder"],
            "states": [],
        }

    def _data(self, root: Path, main_stage: Mapping[str, Any]) -> list[str]:
        """Return the data that main's stage reads, with the candidate's raw data instead of main's."""
        main, candidate = (data_path(_params(place), f"{PARAMS} of {place}") for place in (self.folder, root))
        return [candidate if path == main else path for path in main_stage["data"]]

    def _params(self, root: Path) -> str:
        settings = _params(root)
        return dump({**_params(self.folder), **{group: settings[group] for group in DATA_GROUPS if group in settings}})

    def forget(self, repo: "Repo") -> None:
        """Delete DVC's records of these runs: they name the candidate's code, but the outputs of main's."""
        lock = Path(repo.root_dir) / LOCK
        entries = lock_entries(lock.read_text(encoding="utf-8"), "the run") if lock.is_file() else {}
        for name in self.used & set(entries):
            (Path(repo.stage_cache.cache_dir) / record_path(entries[name])).unlink(missing_ok=True)

    def explained(self, stage: str | None, reason: str) -> str:
        """Return why a stage failed; if main's code made the data, with that fact and a remedy."""
        if not self.used:
            return reason
        stages = "it" if stage in self.used else " and ".join(sorted(self.used))
        return f"{reason} (main's code ran {stages} with the change's settings and data; {_REMEDY})"


def _params(folder: Path) -> dict[str, Any]:
    return mapping((folder / PARAMS).read_text(encoding="utf-8"), PARAMS, f"git diff {PARAMS}")


def _names(root: Path, items: "list[Output]") -> list[str]:
    return [os.path.relpath(item.fs_path, root) for item in items]


def _command(stage: "Stage") -> str:
    return str(stage.cmd) if isinstance(stage.cmd, str) else "\n".join(["set -e", *stage.cmd])
