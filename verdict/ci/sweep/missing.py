"""Lists the points of a sweep that have no experiment yet. Each of them is run by a separate job."""

import re
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.experiments.sweep.plan import Plan, plan
from verdict.repo.git import git

MOST = 256  # GitHub's limit of the jobs of a matrix
_SPEC = re.compile(r"sweeps/[A-Za-z0-9_-]+\.ya?ml")


def plan_from_spec(root: Path, spec: str) -> Plan:
    """Return the plan of a spec file of this commit.

    Raises:
        VerdictError: not a file of sweeps/ in this commit, or one that cannot be used.
    """
    if not _SPEC.fullmatch(spec) or not git(root, "ls-tree", "--name-only", "HEAD", "--", spec).strip():
        raise VerdictError(spec, "not a spec file of this commit", "name one of main's, such as sweeps/linear.yaml")
    return plan(root, Path(spec))


def missing(chosen: Plan, git_remote: str, names: list[str]) -> list[str]:
    """Return the names of the points that have no experiment on a git remote.

    Args:
        chosen: the plan.
        git_remote: the git remote of the experiments.
        names: the names of the points to look for; all points if empty.

    Raises:
        VerdictError: more are missing than a matrix can have, or the git remote does not answer.
    """
    points = chosen.only(names)
    listing = git(chosen.root, "ls-remote", "--", git_remote, f"{chosen.namespace}/*")
    present = {line.rpartition("/")[2] for line in listing.splitlines()}
    absent = [point.name for point in points if point.name not in present]
    print(f"{len(points)} points on {chosen.baseline[:7]}, {len(absent)} without an experiment")
    if len(absent) > MOST:
        what = f"{len(absent)} points to run, and a workflow runs at most {MOST} jobs of a matrix"
        raise VerdictError(str(chosen.spec), what, "spread the points over several spec files")
    return absent
