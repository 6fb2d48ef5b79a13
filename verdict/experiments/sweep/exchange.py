"""`verdict sweep push` and `pull`: exchange experiments by a git remote, and their data by a DVC remote.

If a name has other content there, DVC says that it "has diverged", and exits with 0. Here that is an error.
"""

from dataclasses import dataclass

from verdict.base.errors import VerdictError
from verdict.experiments.sweep.plan import Plan
from verdict.experiments.sweep.remotes import require_apart, settings
from verdict.experiments.sweep.worker import commit_of
from verdict.repo.dvc import dvc
from verdict.repo.git import git


@dataclass(frozen=True)
class Exchange:
    """The experiments of a plan, a git remote for their commits, and a DVC remote for their data."""

    plan: Plan
    git_remote: str
    remote: str

    def push(self, names: list[str]) -> int:
        """Send the experiments that are here; a conflict does not keep the others from being sent.

        Returns:
            0 when all of them are there with their data; 1 when a point that was named has no experiment here.

        Raises:
            VerdictError: a name has other content there, or a remote refuses what it is sent.
        """
        return self._move(names, "push")

    def pull(self, names: list[str]) -> int:
        """Get the experiments that are there, with their data; else like `push`."""
        return self._move(names, "pull")

    def _move(self, names: list[str], way: str) -> int:
        points = [point.name for point in self.plan.only(names)]
        self._require_remote()
        here, there = self._here(points), self._there(points)
        self._require_same(here)
        sources, targets = (here, there) if way == "push" else (there, here)
        agreeing = [name for name in sources if targets.get(name, sources[name]) == sources[name]]
        if agreeing:
            dvc(self.plan.root, "exp", way, "--no-run-cache", "--remote", self.remote, self.git_remote, *agreeing)
        moved = [name for name in agreeing if name not in targets]
        here, there = self._here(points), self._there(points)  # again: another machine may have been faster
        self._refuse_other_content(here, there, way)
        self._require_same(here)
        print(f"{way}: {len(moved)} new, {len(agreeing) - len(moved)} were there, {len(points) - len(sources)} not run")
        return 1 if names and len(sources) < len(points) else 0

    def _require_same(self, here: dict[str, str]) -> None:
        for name, commit in here.items():
            self.plan.require_same(name, commit)

    def _here(self, names: list[str]) -> dict[str, str]:
        return {name: commit for name in names if (commit := commit_of(self.plan.root, self.plan.ref(name)))}

    def _there(self, names: list[str]) -> dict[str, str]:
        listing = git(self.plan.root, "ls-remote", "--", self.git_remote, f"{self.plan.namespace}/*")
        commits = {ref.rpartition("/")[2]: commit for commit, ref in map(str.split, listing.splitlines())}
        return {name: commits[name] for name in names if name in commits}

    def _refuse_other_content(self, here: dict[str, str], there: dict[str, str], way: str) -> None:
        conflicts = [name for name in here if name in there and here[name] != there[name]]
        if conflicts:
            lines = "".join(f"\n  {name}: {here[name]} here, {there[name]} at {self.git_remote}" for name in conflicts)
            what = f"not moved, as the same name stands for different experiments:{lines}"
            remedy = f"give up one: dvc exp remove NAME, or dvc exp remove --git-remote {self.git_remote} NAME"
            raise VerdictError(f"sweep {way}", what, remedy)

    def _require_remote(self) -> None:
        """Check the remote first: DVC would do so only after sending the commits."""
        if self.remote not in settings(self.plan.root):
            remedy = f"dvc remote add {self.remote} URL: a place of its own, where every machine of the sweep may write"
            raise VerdictError(f"DVC remote {self.remote}", "not configured", remedy)
        require_apart(self.plan.root, self.remote, str(settings(self.plan.root)[self.remote].get("url", "")))
