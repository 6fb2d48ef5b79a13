"""The first check of a change, within seconds: that dvc.lock is consistent, and that something needs to run."""

from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.ci.github.output import output
from verdict.repo.changed_files import affecting_results
from verdict.repo.lock.check import check
from verdict.repo.lock.lockfile import LOCK
from verdict.repo.revisions import Revision, resolve


def plan(root: Path, base_name: str, asked: bool) -> bool:
    """Return whether the DAG has to be reproduced, and set the step's output `reproduce`.

    Args:
        root: a checkout of the merge of a change with main.
        base_name: main, such as HEAD^1 of a merge with it.
        asked: reproduce even if dvc.lock is stale, since CI was asked to write it.

    Raises:
        VerdictError: dvc.lock is stale, with the command to run.
    """
    files = affecting_results(resolve(root, base_name), Revision(root, "HEAD", resolve(root, "HEAD").commit))
    output("reproduce", "true" if files else "false")
    if not files:
        print("nothing that can reach a result differs from main: nothing to run")
        return False
    print(f"{len(files)} files that can reach a result differ from main: {', '.join(files[:10])}")
    findings = check(root)
    for finding in findings:
        print(finding)
    if findings and not asked:
        what = f"not consistent with this tree, {len(findings)} findings, see above"
        remedy = "make repro, and commit dvc.lock, metrics/ and plots/; or ask for the label reproduce"
        raise VerdictError(LOCK, what, remedy)
    return True
