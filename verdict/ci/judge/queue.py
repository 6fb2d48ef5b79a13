"""The merge queue: what a group is compared with, and where the results of that are.

A group holds one pull request on top of main, or on top of the group ahead of it. Its branch is named by GitHub:
`gh-readonly-queue/<target>/pr-<number>-<commit that it was built on>`. What is ahead was not judged yet, or is judged
beside this one, so it is taken as data alone, and none of its code is run here.
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
# How often, and how many seconds apart, the run of a group ahead is asked whether it has ended.
_LOOKS, _PAUSE = 40, 30
_AGAIN = "the queue makes a new group by itself where it has to; else take the pull request out of it and add it again"


@dataclass(frozen=True)
class Group:
    """A merge group by the name of its branch: `number` is the pull request on top, `base` what it was built on."""

    target: str
    number: int
    base: str

    @classmethod
    def of(cls, branch: str) -> "Group":
        """From the name; `VerdictError` where it is no group's."""
        found = _BRANCH.fullmatch(branch)
        if not found:
            raise VerdictError("the merge queue", f"{branch[:200]} is not the branch of a group", _AGAIN)
        return cls(found[1], int(found[2]), found[3])


@dataclass(frozen=True)
class Base:
    """What a group is compared with; `ahead` are the commits of the groups that it lies on, the nearest first."""

    revision: Revision
    ahead: tuple[str, ...] = ()


def base_of(github: GitHub, main: Revision, group: Group, fetch: Callable[[str], str]) -> Base:
    """What the group was built on: main, or a group ahead of it that lies on main.

    Args:
        github: the API.
        main: the judge's own commit.
        group: the group that is judged.
        fetch: fetches a ref, and says which commit it names.

    Raises:
        VerdictError: it was built on something else, which nobody may be compared with.
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
    while (under := _BRANCH.fullmatch(refs.get(ahead[-1], "").removeprefix(_HEADS))) and under[3] not in ahead:
        if under[3] == main.commit:
            break
        ahead.append(under[3])
    number = _BRANCH.fullmatch(ref.removeprefix(_HEADS))
    name = f"the queue up to #{number[2]}" if number else "main"
    built = merge.merge(main.root, str(main.commit), group.base)
    return Base(Revision(main.root, name, merge.as_committed(built), alias=group.base), tuple(ahead))


def _heads(root: Path, target: str) -> list[tuple[str, str]]:
    """The branches of the queue, and its target, with their commits."""
    listed = git(root, "ls-remote", "origin", f"{_HEADS}{target}", f"{_HEADS}{_FOLDER}/{target}/*").splitlines()
    return [(ref, commit) for commit, _, ref in (line.partition("\t") for line in listed)]


def _descends(main: Revision, commit: str) -> bool:
    return run_git(main.root, "merge-base", "--is-ancestor", str(main.commit), commit).returncode == 0


def _require_all_green(github: GitHub, target: str) -> None:
    """Refuse a queue that merges a group whose last entry alone is green: then what is ahead is judged by nobody."""
    for rule in github.pages(f"/rules/branches/{quote(target, safe='')}"):
        if rule["type"] == "merge_queue" and rule["parameters"]["grouping_strategy"] != "ALLGREEN":
            what = "it merges pull requests that failed, where the last of their group passes"
            remedy = "ruleset of main, merge queue: only merge non-failing pull requests (docs/github.md, section 6)"
            raise VerdictError("the merge queue", what, remedy)


def finished_run(github: GitHub, commit: str) -> int | None:
    """The number of the newest run of a group ahead, once it has ended; None where there is none."""
    for left in reversed(range(_LOOKS)):
        runs = github.pages(f"/actions/workflows/{WORKFLOW}/runs", "workflow_runs", head_sha=commit, event=MERGE_GROUP)
        newest = max(runs, key=lambda found: int(found["id"]), default=None)
        if newest is None or newest["status"] == "completed":
            return int(newest["id"]) if newest else None
        if left:
            sleep(_PAUSE)
    what = f"its run of {WORKFLOW} has not ended, and this change is compared with what comes out of it"
    raise VerdictError(f"the group ahead at {commit[:10]}", what, "wait for that run, then Re-run all jobs of report")
