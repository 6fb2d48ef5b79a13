"""The merge queue: finds the base that a group is compared with, and the runs with the results of that base.

A group holds one pull request on top of main, or on top of the group ahead of it. Its branch is named by GitHub:
`gh-readonly-queue/<target>/pr-<number>-<commit that it was built on>`. Groups ahead may not be judged yet, so they are
read as data, and none of their code is run here.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from urllib.parse import quote

from verdict.base.errors import VerdictError
from verdict.ci.github.client import GitHub
from verdict.ci.github.pull_request import MERGE_GROUP, WORKFLOW
from verdict.ci.judge import merge
from verdict.repo.git import git, run_git
from verdict.repo.revisions import Revision

_FOLDER = "gh-readonly-queue"
_BRANCH = re.compile(rf"{_FOLDER}/(.+)/pr-(\d+)-([0-9a-f]{{40}})")
_HEADS = "refs/heads/"
# The number of looks, and the seconds between them, at the unfinished run of a group ahead.
_LOOKS, _PAUSE = 40, 30
_AGAIN = "the queue makes a new group by itself where it has to; else take the pull request out of it and add it again"


@dataclass(frozen=True)
class Group:
    """A merge group: `number` is the pull request on top, `base` the commit that it was built on."""

    target: str
    number: int
    base: str

    @classmethod
    def of(cls, branch: str) -> "Group":
        """Read the name of a branch; `VerdictError` if it is no group's."""
        match = _BRANCH.fullmatch(branch)
        if not match:
            raise VerdictError("the merge queue", f"{branch[:200]} is not the branch of a group", _AGAIN)
        return cls(match[1], int(match[2]), match[3])


@dataclass(frozen=True)
class Base:
    """The base of a comparison; `ahead` are the commits of the groups below this one, the nearest first."""

    revision: Revision
    ahead: tuple[str, ...] = ()


def base_of(github: GitHub, main: Revision, group: Group, fetch: Callable[[str], str]) -> Base:
    """Return the commit that the group was built on: main, or a group ahead of it that lies on main.

    Args:
        github: the API.
        main: the judge's own commit.
        group: the group that is judged.
        fetch: fetches a ref, and returns its commit.

    Raises:
        VerdictError: the group was built on any other commit.
    """
    if group.base == main.commit:
        return Base(main)
    refs = {commit: ref for ref, commit in _heads(main.root, group.target)}
    ref = refs.get(group.base)
    if ref is None or fetch(ref) != group.base or not _descends(main, group.base):
        what = f"it was built on {group.base[:10]}, which is neither main nor a group on top of it"
        raise VerdictError("the merge group", what, _AGAIN)
    _require_all_green(github, group.target)
    ahead = [group.base]
    while (branch := _BRANCH.fullmatch(refs.get(ahead[-1], "").removeprefix(_HEADS))) and branch[3] not in ahead:
        if branch[3] == main.commit:
            break
        ahead.append(branch[3])
    nearest = _BRANCH.fullmatch(ref.removeprefix(_HEADS))
    name = f"the queue up to #{nearest[2]}" if nearest else "main"
    built = merge.merge(main.root, str(main.commit), group.base)
    return Base(Revision(main.root, name, merge.as_committed(built), alias=group.base), tuple(ahead))


def _heads(root: Path, target: str) -> list[tuple[str, str]]:
    """Return the target branch and the branches of its queue, with their commits."""
    lines = git(root, "ls-remote", "origin", f"{_HEADS}{target}", f"{_HEADS}{_FOLDER}/{target}/*").splitlines()
    return [(ref, commit) for commit, _, ref in (line.partition("\t") for line in lines)]


def _descends(main: Revision, commit: str) -> bool:
    return run_git(main.root, "merge-base", "--is-ancestor", str(main.commit), commit).returncode == 0


def _require_all_green(github: GitHub, target: str) -> None:
    """Refuse a queue that merges a group if only its last entry is green: the entries ahead would not be judged."""
    for rule in github.pages(f"/rules/branches/{quote(target, safe='')}"):
        if rule["type"] == "merge_queue" and rule["parameters"]["grouping_strategy"] != "ALLGREEN":
            what = "it merges pull requests that failed, where the last of their group passes"
            remedy = "ruleset of main, merge queue: only merge non-failing pull requests (docs/github.md, section 6)"
            raise VerdictError("the merge queue", what, remedy)


def finished_run(github: GitHub, commit: str) -> int | None:
    """Wait for the newest run of a group ahead, and return its id; None if there is no run."""
    for looks_left in reversed(range(_LOOKS)):
        runs = github.pages(f"/actions/workflows/{WORKFLOW}/runs", "workflow_runs", head_sha=commit, event=MERGE_GROUP)
        newest = max(runs, key=lambda run: int(run["id"]), default=None)
        if newest is None or newest["status"] == "completed":
            return int(newest["id"]) if newest else None
        if looks_left:
            sleep(_PAUSE)
    what = f"its run of {WORKFLOW} has not ended, and this change is compared with what comes out of it"
    raise VerdictError(f"the group ahead at {commit[:10]}", what, "wait for that run, then Re-run all jobs of report")
