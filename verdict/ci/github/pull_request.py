"""Finds the pull request of a run, and its labels: from the event and the API, never from the run's own data."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from verdict.base.errors import VerdictError
from verdict.base.outcome import APPROVABLE
from verdict.ci.github.client import GitHub

REPRODUCE = "reproduce"
APPROVE = "approve: "
WORKFLOW = "experiment.yml"
# The events whose runs are judged.
PULL_REQUEST, MERGE_GROUP = "pull_request", "merge_group"
# GitHub's limits of its lists: commits of a pull request, and runs of a branch, the newest.
_MOST_COMMITS = 250
_MOST_RUNS = 1000
# Takes the number of a pull request and a commit of it; true if the commit only merges main into the branch.
IsUpdate = Callable[[int, str], bool]


@dataclass(frozen=True)
class Run:
    """A finished run of the workflow `experiment`, as described by the event `workflow_run`."""

    id: int
    event: str
    head: str
    branch: str
    owner: str
    conclusion: str
    url: str
    attempt: int = 1

    @classmethod
    def from_event(cls, event: dict[str, Any]) -> "Run":
        """Read an event's payload; `VerdictError` if it is no `workflow_run`."""
        try:
            run = event["workflow_run"]
            head, branch = str(run["head_sha"]), str(run["head_branch"])
            conclusion = str(run["conclusion"])
            if not re.fullmatch(r"[0-9a-f]{40}", head):
                raise ValueError("head_sha is no commit")
            url, attempt = str(run["html_url"]), int(run["run_attempt"])
            return cls(int(run["id"]), str(run["event"]), head, branch, _owner(run), conclusion, url, attempt)
        except (KeyError, TypeError, ValueError) as error:
            raise VerdictError("event", f"not a workflow_run: {error!r}", "run this in report.yml") from None


@dataclass(frozen=True)
class Pull:
    """An open pull request into `base`, and the labels that were set on its present head."""

    number: int
    base: str
    author: str
    branch: str
    same_repository: bool
    labels: frozenset[str]

    @property
    def approvals(self) -> tuple[str, ...]:
        """The rules that a person waives."""
        return tuple(name for name in APPROVABLE if f"{APPROVE}{name}" in self.labels)


def is_superseded(github: GitHub, run: Run) -> bool:
    """Return whether a newer run of the same commit and branch reports in place of this one.

    Runs that did nothing or wait for a person's approval do not count, nor do runs of another branch with this commit:
    its pull request may be closed by the time that they are judged.
    """
    query = {"head_sha": run.head, "event": run.event, "branch": run.branch}
    return any(
        (int(other["id"]), int(other["run_attempt"])) > (run.id, run.attempt)
        and other["conclusion"] not in ("skipped", "action_required")
        and _owner(other) == run.owner
        for other in github.pages(f"/actions/workflows/{WORKFLOW}/runs", "workflow_runs", **query)
    )


def _owner(run: dict[str, Any]) -> str:
    return str((run.get("head_repository") or {}).get("owner", {}).get("login", ""))


def find_pull(github: GitHub, run: Run, is_update: IsUpdate) -> Pull | None:
    """Return the open pull request into the default branch whose head is still the run's commit, or None.

    It is looked up by branch: the list in the event's payload is empty for forks.
    """
    base = github.get("")["default_branch"]
    pulls = github.pages("/pulls", state="open", head=f"{run.owner}:{run.branch}", base=base)
    pull = next((pull for pull in pulls if pull["head"]["sha"] == run.head), None)
    if pull is None:
        return None
    source = (pull["head"]["repo"] or {}).get("full_name")  # None: the fork is gone
    author = pull["user"]["login"]
    labels = _labels_of_head(github, pull, run.head, is_update)
    return Pull(int(pull["number"]), str(base), author, run.branch, source == github.repository, labels)


def queued_pull(github: GitHub, number: int, is_update: IsUpdate) -> tuple[str, Pull]:
    """Return the head of a pull request in the merge queue, and the pull request."""
    pull = github.get(f"/pulls/{number}")
    head = str(pull["head"]["sha"])
    labels = _labels_of_head(github, pull, head, is_update)
    return head, Pull(number, pull["base"]["ref"], pull["user"]["login"], pull["head"]["ref"], False, labels)


def _labels_of_head(github: GitHub, pull: dict[str, Any], head: str, is_update: IsUpdate) -> frozenset[str]:
    """Return the labels that were set on the present head, not those that were set on an earlier commit.

    Labels carry no commit. But each push starts a run, so the last run before a label tells the commit that it was set
    on, even if a commit was pushed, replaced and pushed again. Runs of a tag of the branch's name, runs by hand, and
    runs from before the pull request do not count. Nobody can approve what they wrote or pushed themselves.
    """
    last: dict[str, Any] = {}
    forced: list[tuple[str, str]] = []
    for event in github.pages(f"/issues/{pull['number']}/events"):
        if event["event"] in ("labeled", "unlabeled"):
            last[event["label"]["name"]] = event
        elif event["event"] == "head_ref_force_pushed":
            forced.append((event["created_at"], _login(event["actor"])))
    if not any(event["event"] == "labeled" and _is_ours(name) for name, event in last.items()):
        return frozenset()
    if pull["head"]["repo"] is None:  # the fork is gone, and its runs look like those of any other that is gone
        return frozenset()
    source = pull["head"]["repo"]["full_name"]
    query = {"branch": pull["head"]["ref"], "event": PULL_REQUEST}
    runs = list(github.pages(f"/actions/workflows/{WORKFLOW}/runs", "workflow_runs", **query))
    if len(runs) >= _MOST_RUNS:
        return frozenset()
    pushes = sorted(
        # Times in UTC, in one format: they sort as text.
        (str(run["created_at"]), str(run["head_sha"]), _login(run["actor"]))
        for run in runs
        if (run.get("head_repository") or {}).get("full_name") == source and run["created_at"] >= pull["created_at"]
    )
    writers = _writers(github, pull, pushes, is_update) | {login for _, login in forced}
    last_forced = max((time for time, _ in forced), default="")
    return frozenset(
        name
        for name, event in last.items()
        if _counts(name, event, writers) and _head_at(event["created_at"], pushes, last_forced) == head
    )


def _login(account: dict[str, Any] | None) -> str:
    return str((account or {}).get("login"))


def _writers(
    github: GitHub, pull: dict[str, Any], pushes: list[tuple[str, str, str]], is_update: IsUpdate
) -> frozenset[str]:
    """Return all who opened a pull request, pushed to it, or wrote or committed any of its commits; `*` is anybody.

    The first run of a commit is that of its push; later ones are of labels. A merge of main by GitHub has no author
    here, and no pusher if the commit below it was pushed before.
    """
    number = int(pull["number"])
    commits = list(github.pages(f"/pulls/{number}/commits"))
    if len(commits) >= _MOST_COMMITS:
        return frozenset("*")
    below = {str(commit["sha"]): str(commit["parents"][0]["sha"]) for commit in commits if len(commit["parents"]) == 2}
    updates = {sha for sha in below if is_update(number, sha)}
    writers, pushed = {_login(pull["user"])}, set[str]()
    for _, sha, login in pushes:
        if sha not in pushed and not (sha in updates and below[sha] in pushed):
            writers.add(login)
        pushed.add(sha)
    written = (commit for commit in commits if commit["sha"] not in updates)
    return frozenset(writers | {_login(commit[role]) for commit in written for role in ("author", "committer")})


def _is_ours(name: str) -> bool:
    return name == REPRODUCE or name.startswith(APPROVE)


def _counts(name: str, event: dict[str, Any], writers: frozenset[str]) -> bool:
    """Return whether a label is one of ours and still set, and an approval is by a person who wrote none of the change.

    Labels by bots do not count: a workflow on the author's branch could set them.
    """
    if event["event"] != "labeled" or not _is_ours(name):
        return False
    actor = event["actor"] or {}
    person = actor.get("type") == "User" and not event.get("performed_via_github_app")
    return name == REPRODUCE or (person and not {actor.get("login"), "*"} & writers)


def _head_at(time: str, pushes: list[tuple[str, str, str]], last_forced: str) -> str | None:
    """Return the head at the time when a label was set; None if it is not known.

    A push that starts no run is not seen here. After one, only a push by force can bring an earlier head back.
    """
    before = [push for push in pushes if push[0] < time]
    if not before or last_forced > before[-1][0]:
        return None
    return before[-1][1]
