"""`verdict sweep push` and `pull`: experiments of several machines meet on a git remote, their data on DVC's.

DVC says of the same name with other content that it "has diverged", and exits with 0. Here that is an error.
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
    """Where the experiments of a plan meet: a git remote for commits, a DVC remote for data."""

    plan: Plan
    git_remote: str
    remote: str

    def push(self, names: list[str]) -> int:
        """Send the experiments that are here; what conflicts does not keep the rest from being sent.

        Returns:
            0 when each of them is there, with its data; 1 when a point asked for by name has no experiment here.

        Raises:
            VerdictError: a name stands for something else there, or a remote does not take what it is sent.
        """
        return self._move(names, "push")

    def pull(self, names: list[str]) -> int:
        """Get the experiments that are there, with their data; otherwise as `push`."""
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
        here, there = self._here(points), self._there(points)  # anew: another machine may have been faster than we were
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
        both = [name for name in here if name in there and here[name] != there[name]]
        if both:
            lines = "".join(f"\n  {name}: {here[name]} here, {there[name]} at {self.git_remote}" for name in both)
            what = f"not moved, as the same name stands for different experiments:{lines}"
            remedy = f"give up one: dvc exp remove NAME, or dvc exp remove --git-remote {self.git_remote} NAME"
            raise VerdictError(f"sweep {way}", what, remedy)

    def _require_remote(self) -> None:
        """Asked first: DVC looks for it once the commits are on their way."""
        if self.remote not in settings(self.plan.root):
            remedy = f"dvc remote add {self.remote} URL: a place of its own, where every machine of the sweep may write"
            raise VerdictError(f"DVC remote {self.remote}", "not configured", remedy)
        require_apart(self.plan.root, self.remote, str(settings(self.plan.root)[self.remote].get("url", "")))
