"""Events that start workflows: the payload as GitHub sends it, with ref, commit and cache scopes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.workflows.api.objects import commit, repository, user
from tests.workflows.api.pulls_and_issues import pull
from tests.workflows.api.state import Json
from tests.workflows.github import GitHub
from tests.workflows.openapi import complete, description, wrong

_MAIN = "refs/heads/main"


@dataclass(frozen=True)
class Event:
    """An event, and ref, commit and cache scopes of its run."""

    name: str
    payload: Json
    ref: str
    sha: str
    actor: str = "author"
    readable: tuple[str, ...] = (_MAIN,)  # scopes of caches besides the ref's own
    trusted: bool = True  # a fork's run has no secrets, and a token that writes nothing
    branches: tuple[str, ...] = ()  # for `branches:` filters
    inputs: Mapping[str, str] | None = None

    @property
    def scopes(self) -> list[str]:
        """Scopes of caches, the run's own first."""
        return list(dict.fromkeys([self.ref, *self.readable]))

    def at(self, sha: str) -> "Event":
        """The event for another commit, such as a rerun after main has moved on."""
        return replace(self, sha=sha)


def pull_request(github: GitHub, number: int, action: str = "opened", actor: str = "author", label: str = "") -> Event:
    """An event of a pull request that merges without conflict; with one GitHub starts no run."""
    state = github.state
    sha = state.find(f"refs/pull/{number}/merge")
    assert sha, f"refs/pull/{number}/merge is missing: GitHub starts no run for a conflict"
    proposed = pull(state, number)
    known: Json = {"action": action, "number": number, "pull_request": proposed}
    if action in ("labeled", "unlabeled"):
        known["label"] = {"name": label}
    if action == "synchronize":
        known |= {"before": "0" * 40, "after": proposed["head"]["sha"]}
    fork = proposed["head"]["repo"]["full_name"] != github.name
    base = str(proposed["base"]["ref"])
    payload = _payload(github, f"pull-request-{action}", known, actor)
    scopes = (f"refs/heads/{base}", _MAIN)
    ref = f"refs/pull/{number}/merge"
    return Event("pull_request", payload, ref, sha, actor, scopes, trusted=not fork, branches=(base,))


def merge_group(github: GitHub, ref: str, base: str = "main") -> Event:
    """A pull request enters the merge queue; `ref` is the result of `origin.queue`."""
    sha, base_sha = github.state.find(ref), ref.rpartition("-")[2]
    assert sha, f"{ref} is missing"
    group = {"head_sha": sha, "head_ref": ref, "base_sha": base_sha, "base_ref": f"refs/heads/{base}"}
    known = {"action": "checks_requested", "merge_group": {**group, "head_commit": _head(github, sha)}}
    payload = _payload(github, "merge-group-checks-requested", known, "github-merge-queue[bot]")
    return Event("merge_group", payload, ref, sha, "github-merge-queue[bot]", (f"refs/heads/{base}",), branches=(base,))


def push(github: GitHub, branch: str = "main", before: str | None = None, actor: str = "maintainer") -> Event:
    """A push of a branch."""
    ref = f"refs/heads/{branch}"
    sha = github.state.find(ref)
    assert sha, f"{ref} is missing"
    head = _head(github, sha)
    known: Json = {"ref": ref, "before": before or "0" * 40, "after": sha, "head_commit": head, "commits": [head]}
    known |= {"created": False, "deleted": False, "forced": False, "base_ref": None}
    known["pusher"] = {"name": actor}
    return Event("push", _payload(github, "push", known, actor), ref, sha, actor, branches=(branch,))


def workflow_run(github: GitHub, run_id: int, action: str = "completed") -> Event:
    """A run that `github.run` knows ended (or began); the run that follows is main's and trusted."""
    run = github.state.runs[run_id]
    known = {"action": action, "workflow_run": run, "workflow": _workflow(run)}
    payload = _payload(github, f"workflow-run-{action}".replace("_", "-"), known, run["actor"]["login"])
    branches = (str(run["head_branch"]),)
    return Event("workflow_run", payload, _MAIN, _main(github), run["actor"]["login"], branches=branches)


def schedule(github: GitHub, cron: str = "0 3 * * *") -> Event:
    """A schedule; GitHub publishes no schema for this payload."""
    known = {"schedule": cron, "repository": repository(github.state), "workflow": "unknown"}
    return Event("schedule", known, _MAIN, _main(github), "maintainer")


def workflow_dispatch(
    github: GitHub, inputs: Mapping[str, str] | None = None, branch: str = "main", actor: str = "maintainer"
) -> Event:
    """A start by hand."""
    ref = f"refs/heads/{branch}"
    sha = github.state.find(ref)
    assert sha, f"{ref} is missing"
    known = {"inputs": dict(inputs or {}), "ref": ref, "workflow": ".github/workflows/unknown.yml"}
    payload = _payload(github, "workflow-dispatch", known, actor)
    return Event("workflow_dispatch", payload, ref, sha, actor, branches=(branch,), inputs=dict(inputs or {}))


def repository_dispatch(github: GitHub, action: str, payload: Mapping[str, str]) -> Event:
    """A dispatch by an App; GitHub publishes a schema for an example's action only."""
    known = {"action": action, "branch": "main", "client_payload": dict(payload)}
    people = {"repository": repository(github.state), "sender": user(github.state, "relay[bot]")}
    return Event("repository_dispatch", {**known, **people}, _MAIN, _main(github), "relay[bot]")


def _payload(github: GitHub, name: str, known: Json, actor: str) -> Json:
    """The payload with every field that GitHub's description requires, checked against it."""
    people = {"repository": repository(github.state), "sender": user(github.state, actor)}
    schema = description().webhook(name)
    payload: dict[str, Any] = complete(schema, {**people, **known})
    problems = wrong(schema, payload)
    assert not problems, f"{name}: {problems}"
    return payload


def _head(github: GitHub, sha: str) -> Json:
    head = commit(github.state, sha)
    people = {role: {key: head[role][key] for key in ("name", "email")} for role in ("author", "committer")}
    rest = {"id": sha, "tree_id": head["tree"]["sha"], "timestamp": head["committer"]["date"], "distinct": True}
    return {**rest, **people, "message": head["message"], "url": head["html_url"]}


def _workflow(run: Json) -> Json:
    return {"id": run["workflow_id"], "name": run["name"], "path": run["path"], "state": "active"}


def _main(github: GitHub) -> str:
    sha = github.state.find(_MAIN)
    assert sha, "there is no main"
    return sha
