"""Which pull request a run belongs to, and what people said of it: from the event and the API, never from the run."""

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
# Its events whose runs are judged.
PULL_REQUEST, MERGE_GROUP = "pull_request", "merge_group"
# GitHub lists no more commits of a pull request than these.
_MOST_COMMITS = 250
# Nor, of one branch, more runs than these, the newest.
_MOST_RUNS = 1000
# Whether a commit of a pull request only merges main into it, by the number of the one and the id of the other.
IsUpdate = Callable[[int, str], bool]


@dataclass(frozen=True)
class Run:
    """A finished run of the workflow `experiment`, as the event `workflow_run` tells it."""

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
        """From the event's payload; `VerdictError` when it is not one."""
        try:
            run = event["workflow_run"]
            head, branch = str(run["head_sha"]), str(run["head_branch"])
            told = str(run["conclusion"])
            if not re.fullmatch(r"[0-9a-f]{40}", head):
                raise ValueError("head_sha is no commit")
            url, attempt = str(run["html_url"]), int(run["run_attempt"])
            return cls(int(run["id"]), str(run["event"]), head, branch, _owner(run), told, url, attempt)
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
        """The rules that a person waves through."""
        return tuple(name for name in APPROVABLE if f"{APPROVE}{name}" in self.labels)


def is_superseded(github: GitHub, run: Run) -> bool:
    """Whether a newer run of the same commit and branch exists: what this one has to say is said by that one.

    One that did nothing, or waits for somebody's leave to run, says nothing; nor does one of another branch with this
    commit, whose pull request may be closed by the time that it is judged.
    """
    asked = {"head_sha": run.head, "event": run.event, "branch": run.branch}
    own = (run.id, run.attempt)
    return any(
        (int(found["id"]), int(found["run_attempt"])) > own
        and found["conclusion"] not in ("skipped", "action_required")
        and _owner(found) == run.owner
        for found in github.pages(f"/actions/workflows/{WORKFLOW}/runs", "workflow_runs", **asked)
    )


def _owner(run: dict[str, Any]) -> str:
    return str((run.get("head_repository") or {}).get("owner", {}).get("login", ""))


def find_pull(github: GitHub, run: Run, is_update: IsUpdate) -> Pull | None:
    """The open pull request into the default branch whose head is still what the run ran; None when there is none.

    The payload's own list is empty for forks, hence the question by branch.
    """
    base = github.get("")["default_branch"]
    found = github.pages("/pulls", state="open", head=f"{run.owner}:{run.branch}", base=base)
    pulls = [pull for pull in found if pull["head"]["sha"] == run.head]
    if not pulls:
        return None
    pull = pulls[0]
    source = (pull["head"]["repo"] or {}).get("full_name")  # None: the fork is gone
    author = pull["user"]["login"]
    labels = _bound(github, pull, run.head, is_update)
    return Pull(int(pull["number"]), str(base), author, run.branch, source == github.repository, labels)


def approvals_of_group(github: GitHub, number: int, is_update: IsUpdate) -> tuple[str, Pull]:
    """The head of a pull request that is in the merge queue, and what people said of it."""
    pull = github.get(f"/pulls/{number}")
    head = str(pull["head"]["sha"])
    labels = _bound(github, pull, head, is_update)
    return head, Pull(number, pull["base"]["ref"], pull["user"]["login"], pull["head"]["ref"], False, labels)


def _bound(github: GitHub, pull: dict[str, Any], head: str, is_update: IsUpdate) -> frozenset[str]:
    """The labels that were set on the present head: one that was set on another commit says nothing of this one.

    Labels carry no commit. But each push starts a run, so the last run before a label tells which commit it was set
    on, also where a commit was pushed, replaced, and pushed again. Runs of a tag of the branch's name, by hand, or from
    before the pull request say nothing. Nobody approves what they wrote, or pushed, themselves.
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
    asked = {"branch": pull["head"]["ref"], "event": PULL_REQUEST}
    runs = list(github.pages(f"/actions/workflows/{WORKFLOW}/runs", "workflow_runs", **asked))
    if len(runs) >= _MOST_RUNS:
        return frozenset()
    pushes = sorted(
        # Times in UTC, in one format: they sort as text.
        (str(found["created_at"]), str(found["head_sha"]), _login(found["actor"]))
        for found in runs
        if (found.get("head_repository") or {}).get("full_name") == source and found["created_at"] >= pull["created_at"]
    )
    writers = _writers(github, pull, pushes, is_update) | {who for _, who in forced}
    newest = max((time for time, _ in forced), default="")
    return frozenset(
        name
        for name, event in last.items()
        if _counts(name, event, writers) and _head_at(event["created_at"], pushes, newest) == head
    )


def _login(account: dict[str, Any] | None) -> str:
    return str((account or {}).get("login"))


def _writers(
    github: GitHub, pull: dict[str, Any], pushes: list[tuple[str, str, str]], is_update: IsUpdate
) -> frozenset[str]:
    """Who opened a pull request, pushed to it, or wrote or committed any of its commits; `*` is anybody.

    The first run of a commit is its push's; later ones are of labels. Who let GitHub merge main into the branch wrote
    nothing: such a merge makes nobody an author, nor a pusher where the commit below it was pushed before.
    """
    number = int(pull["number"])
    commits = list(github.pages(f"/pulls/{number}/commits"))
    if len(commits) >= _MOST_COMMITS:
        return frozenset("*")
    below = {str(one["sha"]): str(one["parents"][0]["sha"]) for one in commits if len(one["parents"]) == 2}
    updates = {commit for commit in below if is_update(number, commit)}
    first: dict[str, str] = {}
    found = {_login(pull["user"])}
    for _, commit, who in pushes:
        if commit not in first and not (commit in updates and below[commit] in first):
            found.add(who)
        first.setdefault(commit, who)
    written = (one for one in commits if one["sha"] not in updates)
    return frozenset(found | {_login(one[role]) for one in written for role in ("author", "committer")})


def _is_ours(name: str) -> bool:
    return name == REPRODUCE or name.startswith(APPROVE)


def _counts(name: str, event: dict[str, Any], writers: frozenset[str]) -> bool:
    """Whether a label is one of ours, still there, and an approval that of a person who wrote nothing of it.

    A bot is nobody: a workflow on the author's own branch could set a label in its name.
    """
    if event["event"] != "labeled" or not _is_ours(name):
        return False
    actor = event["actor"] or {}
    person = actor.get("type") == "User" and not event.get("performed_via_github_app")
    return name == REPRODUCE or (person and not {actor.get("login"), "*"} & writers)


def _head_at(time: str, pushes: list[tuple[str, str, str]], forced: str) -> str | None:
    """The head when a label was set; None where it cannot be told.

    A push that starts no run is not seen here. After one, only a push by force can bring an earlier head back.
    """
    before = [push for push in pushes if push[0] < time]
    if not before or forced > before[-1][0]:
        return None
    return before[-1][1]
