"""A run to be judged, with its change."""

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
    """A run, its change, and the folder for the verdict.

    The change is compared with `main`: the judge's own commit or, in the merge queue, main with the groups `ahead`.
    `merged` is the change merged with `main`, `committed` the same as a revision.
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

    def write_report(self, text: str) -> None:
        """Write the report."""
        write_text(self.out / verdict.REPORT, text)

    def verdict(self, code: int, title: str, lock: bool = False) -> Verdict:
        """Return a verdict on this case; its title names the base of the comparison if that is not main."""
        compared = f", compared with {self.main.name}" if self.ahead and self.main.name not in title else ""
        return verdict_on(self.run, self.pull, code, f"{title}{compared}", lock)


def verdict_on(run: Run, pull: Pull | None, code: int, title: str, lock: bool = False) -> Verdict:
    """Return a verdict on a run's commit and pull request."""
    number, branch = (pull.number, pull.branch) if pull else (None, "")
    return Verdict(code, title, run.head, number, branch, lock=lock)
