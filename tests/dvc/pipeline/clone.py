"""A clone of this repository in a temporary folder, with a small table."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import warm
from tests.conftest import ROOT, small_params
from tests.corpus import RAW, write_raw
from tests.documents import load, save
from tests.shared import once
from verdict.base.paths import TEST_SET
from verdict.init.command import EXAMPLE

STAGES = ("prepare", "validate", "featurize", "train", "evaluate", "reference")
TIMEOUT = 180  # seconds; a command that hangs fails its test, no test measures time
# The author of every commit, by git's environment variables.
PERSON = {
    f"GIT_{role}_{field}": value
    for role in ("AUTHOR", "COMMITTER")
    for field, value in (("NAME", "Test"), ("EMAIL", "test@localhost"))
}


def declared_outs(document: dict[str, Any], *stages: str) -> Iterator[tuple[str, bool]]:
    """Path of each out of `stages` (none named: of all) in a parsed dvc.yaml, and whether DVC's cache holds it."""
    for stage in stages or document["stages"]:
        body = document["stages"][stage]
        for entry in [*body.get("outs", []), *body.get("metrics", []), *body.get("plots", [])]:
            if isinstance(entry, str):
                yield entry, True
            else:
                for path, options in entry.items():
                    yield path, options.get("cache", True)


def environment(folder: Path) -> dict[str, str]:
    """The environment of commands in a clone: no settings of user or machine, caches next to the clone."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "DVC_", "PYTHONPATH"))}
    return {
        **kept,
        **PERSON,
        "PATH": warm.path(),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(folder.with_name(folder.name + "-site")),
        "DVC_GLOBAL_CONFIG_DIR": str(folder.with_name(folder.name + "-config")),
        "DVC_SYSTEM_CONFIG_DIR": str(folder.with_name(folder.name + "-config")),
    }


def remove(path: Path) -> None:
    """Remove an existing file or folder."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


@dataclass(frozen=True, slots=True)
class Clone:
    """A folder with its own git and DVC repository."""

    path: Path

    def try_run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command here; the result has both streams in one, as in a terminal."""
        return subprocess.run(
            command,
            check=False,
            cwd=self.path,
            env={**environment(self.path), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT,
        )

    def run(self, *command: str) -> str:
        """Run a command here that must succeed, and return what it printed."""
        process = self.try_run(*command)
        assert process.returncode == 0, f"{' '.join(command)}: exit {process.returncode}\n{process.stdout}"
        return process.stdout

    def read_json(self, *command: str) -> Any:  # noqa: ANN401 - JSON
        """The JSON that a command prints on standard output."""
        process = subprocess.run(
            command,
            check=False,
            cwd=self.path,
            env=environment(self.path),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
        assert process.returncode == 0, f"{' '.join(command)}: exit {process.returncode}\n{process.stderr}"
        return json.loads(process.stdout)

    def dag(self) -> dict[str, Any]:
        """dvc.yaml, parsed."""
        document: dict[str, Any] = load(self.path / "dvc.yaml")
        return document

    def lock(self) -> bytes:
        """The bytes of dvc.lock."""
        return (self.path / "dvc.lock").read_bytes()

    def params(self) -> dict[str, Any]:
        """params.yaml, parsed."""
        document: dict[str, Any] = load(self.path / "params.yaml")
        return document

    def write_params(self, document: dict[str, Any]) -> None:
        """Replace params.yaml."""
        save(self.path / "params.yaml", document)

    def commit(self, message: str) -> None:
        """Commit all that git does not ignore."""
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", message)

    def changes(self) -> str:
        """The output of `git status --porcelain`; empty when the tree is clean."""
        return self.run("git", "status", "--porcelain")

    def results(self) -> dict[str, bytes]:
        """The bytes of every file under the declared outs, by path."""
        files = {}
        for name, _ in declared_outs(self.dag()):
            out = self.path / name
            for path in sorted(out.rglob("*")) if out.is_dir() else [out]:
                if path.is_file():
                    files[path.relative_to(self.path).as_posix()] = path.read_bytes()
        return files

    def copy(self, path: Path) -> "Clone":
        """Copy the clone, with cache and history, to another folder."""
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(self.path, path, symlinks=True)
        return Clone(path)


def fresh_clone(path: Path) -> Clone:
    """A new repository with the current files, a small table and its params, without results; committed."""
    path.mkdir(parents=True)
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        timeout=TIMEOUT,
    )
    for name in filter(None, listing.stdout.split("\0")):
        if (ROOT / name).is_file():  # a deleted file stays in the index until the commit
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, path / name)
    clone = Clone(path)
    for stale in (path / "dvc.lock", path / TEST_SET, *path.glob("data/raw/*.dvc")):
        stale.unlink(missing_ok=True)
    for name, cached in declared_outs(clone.dag()):
        if not cached:
            (path / name).unlink(missing_ok=True)
    clone.write_params(small_params())
    write_raw(path / "data" / "raw")
    clone.run("git", "init", "--quiet", "--initial-branch", "main")
    clone.run("dvc", "add", "--quiet", f"data/raw/{RAW}")
    clone.commit("A small table, nothing reproduced")
    clone.run("git", "repack", "-adq")  # else half of the files to copy would be git objects
    return clone


def empty_clone(temporary: Path) -> Clone:
    """A clone without results, made once a run of pytest; do not change it."""
    return Clone(once(temporary, "empty", lambda folder: fresh_clone(folder / "verdict")) / "verdict")


def commented_clone(temporary: Path, path: Path) -> Clone:
    """A copy of `empty_clone` with the committed params.yaml, comments included, that names the example's table."""
    clone = empty_clone(temporary).copy(path)
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    text = re.sub(r"(?m)^  path: \S+", f"  path: {EXAMPLE}", text, count=1)
    (clone.path / "params.yaml").write_text(text, encoding="utf-8")
    clone.commit("The params as they are committed")
    return clone


def finished_clone(temporary: Path) -> Clone:
    """A clone with the whole DAG reproduced and committed, made once a run of pytest; do not change it."""

    def build(folder: Path) -> None:
        clone = empty_clone(temporary).copy(folder / "verdict")
        clone.run("dvc", "repro")
        clone.commit("Reproduced")

    return Clone(once(temporary, "finished", build) / "verdict")
