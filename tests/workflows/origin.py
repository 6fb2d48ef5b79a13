"""github.com as a folder: bare repositories with branches, pull requests, forks and a merge queue."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT
from tests.dvc.pipeline.clone import PERSON
from tests.workflows.github import NAME

_TIMEOUT = 120


def git(at: Path, *arguments: str, check: bool = True) -> str:
    """Run git in a folder without settings of user or machine; return its output."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment = {**kept, **PERSON, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    process = subprocess.run(
        ["git", *arguments], check=False, cwd=at, env=environment, capture_output=True, text=True, timeout=_TIMEOUT
    )
    assert not check or process.returncode == 0, f"git {' '.join(arguments)}: {process.stderr}"
    return process.stdout.strip() if process.returncode == 0 else ""


@dataclass(frozen=True)
class Origin:
    """A bare repository as github.com/<name>, and the folders of its workflow runs."""

    root: Path
    name: str = NAME

    @property
    def hub(self) -> Path:
        """The folder that https://github.com/ is mapped to."""
        return self.root / "github.com"

    @property
    def folder(self) -> Path:
        """The bare repository."""
        return self.place(self.name)

    @property
    def artifacts(self) -> Path:
        """The artifacts of all runs, by run."""
        return self.root / "artifacts"

    @property
    def caches(self) -> Path:
        """Entries of actions/cache, by scope."""
        return self.root / "cache"

    @property
    def kept(self) -> Path:
        """Caches of runs without act, by scope."""
        return self.root / "kept"

    def place(self, name: str) -> Path:
        """The bare repository of a name, this one or a fork."""
        return self.hub / f"{name}.git"

    def git(self, *arguments: str) -> str:
        """Run git in the bare repository; return its output."""
        return git(self.folder, *arguments)

    def sha(self, revision: str) -> str:
        """The commit of a revision."""
        return self.git("rev-parse", "--verify", f"{revision}^{{commit}}")

    def push(self, clone: Path, branch: str, revision: str = "HEAD", repo: str | None = None) -> str:
        """Push a commit of a clone to a branch, by force as authors do; return its id."""
        git(clone, "push", "--quiet", "--force", str(self.place(repo or self.name)), f"{revision}:refs/heads/{branch}")
        return git(clone, "rev-parse", revision)

    def fork(self, name: str) -> str:
        """Fork the repository as it is; return the fork's name."""
        _bare(self.folder, self.place(name))
        return name

    def pull(self, number: int, branch: str, repo: str | None = None, base: str = "main") -> str:
        """(Re)make refs/pull/N/head and, if it merges without conflict, refs/pull/N/merge; return the head's id."""
        head, source = f"refs/pull/{number}/head", str(self.place(repo or self.name))
        self.git("fetch", "--quiet", source, f"+refs/heads/{branch}:{head}")
        merged = self._merged(f"refs/heads/{base}", head)
        if merged:
            self.git("update-ref", f"refs/pull/{number}/merge", merged)
        else:
            self.git("update-ref", "-d", f"refs/pull/{number}/merge")
        return self.sha(head)

    def queue(self, number: int, base: str = "main", ahead: str | None = None, method: str = "merge") -> str:
        """Put a pull request into the merge queue, on main or on the group ahead; return the branch of its group."""
        onto = self.sha(ahead or base)
        commit = {"merge": self._merged, "squash": self._squashed, "rebase": self._rebased}[method](
            onto, f"refs/pull/{number}/head"
        )
        assert commit, f"pull request {number} does not merge"
        ref = f"refs/heads/gh-readonly-queue/{base}/pr-{number}-{onto}"
        self.git("update-ref", ref, commit)
        return ref

    def checkout(self, sha: str, path: Path, ref: str = "refs/heads/main") -> Path:
        """Clone at a commit, on a branch of the ref's name, with https://github.com as its remote."""
        git(self.root, "clone", "--quiet", "--shared", "--no-checkout", str(self.folder), str(path))
        git(path, "remote", "set-url", "origin", f"https://github.com/{self.name}")
        branch = ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else "merged"
        git(path, "checkout", "--quiet", "-B", branch, sha)
        return path

    def _merged(self, base: str, head: str) -> str:
        """A merge commit without a branch; empty after a conflict."""
        tree = git(self.folder, "merge-tree", "--write-tree", base, head, check=False)
        if not tree:
            return ""
        message = f"Merge {self.sha(head)} into {self.sha(base)}"
        return self.git("commit-tree", tree, "-p", self.sha(base), "-p", self.sha(head), "-m", message)

    def _squashed(self, base: str, head: str) -> str:
        """A squash of all commits of a pull request; empty after a conflict."""
        merged = self._merged(base, head)
        return merged and self.git("commit-tree", f"{merged}^{{tree}}", "-p", base, "-m", f"Squash {head}")

    def _rebased(self, base: str, head: str) -> str:
        """The commits of a pull request rebased one by one; empty after a conflict."""
        for commit in self.git("rev-list", "--reverse", "--no-merges", f"{base}..{head}").split():
            # Beside the commit, so that what lies below it is what both have in common.
            beside = self.git("commit-tree", f"{base}^{{tree}}", "-p", f"{commit}^", "-m", "Where it is to go")
            merged = self._merged(beside, commit)
            if not merged:
                return ""
            base = self.git("commit-tree", f"{merged}^{{tree}}", "-p", base, "-m", f"Rebase {commit}")
        return base


def make_origin(root: Path, clone: Path, name: str = NAME) -> Origin:
    """Put a clone on github.com with all its branches."""
    origin = Origin(root, name)
    _bare(clone, origin.folder)
    return origin


def _bare(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    git(target.parent, "clone", "--quiet", "--bare", "--no-hardlinks", str(source), str(target))
    git(target, "remote", "remove", "origin")
    git(target, "config", "uploadpack.allowAnySHA1InWant", "true")
    git(target, "config", "gc.auto", "0")
    # GitHub also serves a repository without `.git`; git finds it in a folder, DVC does not.
    target.with_name(target.name.removesuffix(".git")).symlink_to(target.name)


def seed_cache(origin: Origin, clone: Path, key: str, paths: list[str], scope: str = "refs/heads/main") -> None:
    """Save a cache entry as a run in that scope would; the paths must be those of the workflow's step."""
    inputs = json.dumps({"key": key, "path": "\n".join(paths)})
    place = {"GITHUB_WORKSPACE": str(clone), "STANDIN_CACHE": str(origin.caches), "STANDIN_SCOPES": scope}
    command = [sys.executable, "-m", "tests.workflows.standins.cache", "save"]
    subprocess.run(
        command, check=True, cwd=ROOT, env={**os.environ, **place, "STANDIN_INPUTS": inputs}, timeout=_TIMEOUT
    )
