"""A run that is judged, with the change that it belongs to."""

from dataclasses import dataclass
from pathlib import Path

from verdict.base.files import write_text
from verdict.ci.github.client import GitHub
from verdict.ci.github.pull_request import Pull, Run
from verdict.ci.judge import merge
from verdict.ci.publish import verdict
from verdict.ci.publish.verdict import Verdict
from verdict.repo.revisions import Revision


@dataclass(frozen=True)
class Case:
    """A run, the change that it belongs to, and where the verdict goes.

    `main` is what the change is compared with: the judge's own commit, or in the merge queue what lies below it, of
    which `ahead` are the groups. `merged` is the change merged with that, `committed` the same as a revision.
    """

    root: Path
    github: GitHub
    run: Run
    pull: Pull | None
    approvals: tuple[str, ...]
    out: Path
    main: Revision
    merged: merge.Merge
    committed: Revision
    ahead: tuple[str, ...] = ()

    def tell(self, text: str) -> None:
        """Write the report."""
        write_text(self.out / verdict.REPORT, text)

    def verdict(self, code: int, title: str, lock: bool = False) -> Verdict:
        """A verdict on this case; where it was not compared with main, it says with what."""
        with_what = f", compared with {self.main.name}" if self.ahead and self.main.name not in title else ""
        return verdict_on(self.run, self.pull, code, f"{title}{with_what}", lock)


def verdict_on(run: Run, pull: Pull | None, code: int, title: str, lock: bool = False) -> Verdict:
    """A verdict on a run's commit, and on the pull request that it belongs to."""
    number, branch = (pull.number, pull.branch) if pull else (None, "")
    return Verdict(code, title, run.head, number, branch, lock=lock)
