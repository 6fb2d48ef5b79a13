"""A fake GitHub for one repository, with methods to set it up and to look at it."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.workflows.api.objects import app, repository, simple_commit, user
from tests.workflows.api.pulls_and_issues import comment
from tests.workflows.api.state import App, Identity, Json, State, now
from tests.workflows.server import Call, Fault, Router, Servers

NAME = "owner/verdict"
# The default token of a run.
TOKEN = "token-of-the-run"  # noqa: S105 - known to the tests alone


class GitHub:
    """The API of a bare repository; use it in a `with`, or call `stop`."""

    def __init__(self, repo: Path, artifacts: Path, name: str = NAME) -> None:
        self.state = State(name, repo, artifacts)
        self._router = Router(self.state)
        self._servers = Servers(self._router)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Take no more requests."""
        self._servers.stop()

    @property
    def url(self) -> str:
        """The value for GITHUB_API_URL."""
        return self.state.url

    def secure(self) -> tuple[str, Path]:
        """The address of the same API behind TLS, and the certificate for its clients."""
        return self._servers.secure()

    @property
    def name(self) -> str:
        """Owner and name of the repository."""
        return self.state.name

    @property
    def requests(self) -> list[Call]:
        """All requests about the repository, in order; without those for accounts."""
        return [call for call in self._router.calls if not call.path.startswith("/users/")]

    @property
    def violations(self) -> list[str]:
        """Deviations of requests and answers from GitHub's API description."""
        return self._router.violations

    @property
    def issues(self) -> list[Json]:
        """All issues that are no pull request."""
        return list(self.state.issues.values())

    def token(
        self,
        token: str,
        permissions: Mapping[str, str],
        login: str = "github-actions[bot]",
        app: App | None = App(),  # noqa: B008 - frozen
    ) -> str:
        """Register a token; `app=None` makes it a person's."""
        self.state.tokens[token] = Identity(login, app, dict(permissions))
        return token

    @property
    def dispatches(self) -> list[Json]:
        """Each repository_dispatch: its event_type and client_payload."""
        with self.state.lock:
            return list(self.state.dispatches)

    def fail(self, method: str, path: str, status: int = 502, times: int = 1, **headers: str) -> None:
        """Let the next matching requests fail; status 0 breaks the connection. `_` in a header's name becomes `-`."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        self._router.faults.append(Fault(method, re.compile(path), status, times, sent))

    def pull(
        self,
        number: int,
        head_ref: str,
        *,
        head_repo: str | None = None,
        author: str = "author",
        title: str = "A change",
        labels: Iterable[str] = (),
        base_ref: str = "main",
        state: str = "open",
        draft: bool = False,
    ) -> Json:
        """Make a pull request whose commits are those of refs/pull/N/head."""
        sha = self.state.find(f"refs/pull/{number}/head") or self.state.find(f"refs/heads/{head_ref}") or "0" * 40
        self.state.pulls[number] = {
            **{"id": self.state.next_id(), "number": number, "title": title, "body": None, "state": state},
            **{"head_ref": head_ref, "head_repo": head_repo or self.name, "head_sha": sha, "base_ref": base_ref},
            **{"user": user(self.state, author), "labels": [], "draft": draft, "locked": False, "merged": False},
            **{"created_at": now(), "updated_at": now(), "closed_at": None if state == "open" else now()},
            **{"merged_at": None, "author_association": "NONE", "merged_by": None, "comments": 0},
        }
        for name in labels:
            self.label(number, name, author)
        return self.state.pulls[number]

    def label(self, number: int, name: str, actor: str, at: str | None = None) -> None:
        """Put a label on a pull request or an issue."""
        labels = (self.state.pulls.get(number) or self.state.issues[number])["labels"]
        labels.append(self._label(name))
        self._event(number, "labeled", name, actor, at)

    def unlabel(self, number: int, name: str, actor: str, at: str | None = None) -> None:
        """Remove a label."""
        entry = self.state.pulls.get(number) or self.state.issues[number]
        entry["labels"] = [label for label in entry["labels"] if label["name"] != name]
        self._event(number, "unlabeled", name, actor, at)

    def comment(self, number: int, body: str, login: str, via: App | None = None) -> Json:
        """Make a comment by a person, or by an App."""
        written_by = {"user": user(self.state, login), "performed_via_github_app": app(self.state, via)}
        return comment(self.state, number, body, written_by)

    def comments(self, number: int) -> list[Json]:
        """The comments of an issue or a pull request, the oldest first."""
        return list(self.state.notes.get(number, []))

    def check_runs(self, sha: str) -> list[Json]:
        """The check runs of a commit, in the order in which they were made."""
        return [check for check in self.state.checks if check["head_sha"] == sha]

    def run(
        self,
        run_id: int,
        *,
        workflow: str = "experiment.yml",
        event: str = "pull_request",
        head_sha: str,
        head_branch: str,
        head_repo: str | None = None,
        conclusion: str | None = "success",
        jobs: Iterable[Json] = (),
        artifacts_folder: Path | None = None,
        created_at: str | None = None,
        name: str | None = None,
        attempt: int = 1,
        pulls: Iterable[int] = (),
        actor: str = "author",
    ) -> Json:
        """Add a run of a workflow; without a conclusion it is in progress. A fork's has no pulls, as on GitHub."""
        at = created_at or now()
        run = {
            **{"id": run_id, "name": name or workflow, "path": f".github/workflows/{workflow}", "event": event},
            **{"workflow_id": self.state.id_of(("workflow", workflow)), "run_number": 1, "run_attempt": attempt},
            **{"status": "completed" if conclusion else "in_progress", "conclusion": conclusion, "display_title": ""},
            **{"head_sha": head_sha, "head_branch": head_branch, "head_commit": simple_commit(self.state, head_sha)},
            **{"head_repository": repository(self.state, head_repo), "repository": repository(self.state)},
            **{"created_at": at, "updated_at": at, "run_started_at": at},
            **{"actor": user(self.state, actor), "triggering_actor": user(self.state, actor)},
            **{"html_url": self.state.page(f"actions/runs/{run_id}"), "url": self.state.call(f"actions/runs/{run_id}")},
            "pull_requests": [self._short_pull(number) for number in pulls],
        }
        self.state.runs[run_id] = run
        if artifacts_folder:
            self.state.folders[run_id] = artifacts_folder
        self.state.jobs[run_id] = [self._job(run, job) for job in jobs]
        return run

    def _short_pull(self, number: int) -> Json:
        known, place = self.state.pulls[number], {"id": self.state.id_of(("repository", self.name)), "name": self.name}
        repo = {**place, "url": f"{self.url}/repos/{self.name}", "name": self.name.partition("/")[2]}
        head = {"ref": known["head_ref"], "sha": self.state.find(f"refs/pull/{number}/head"), "repo": repo}
        base = {"ref": known["base_ref"], "sha": self.state.find(known["base_ref"]), "repo": repo}
        return {
            "id": known["id"],
            "number": number,
            "url": self.state.call(f"pulls/{number}"),
            "head": head,
            "base": base,
        }

    def _job(self, run: Json, given: Json) -> Json:
        """A job of a run: a name and a conclusion, steps with the same, and perhaps a log, times and a runner."""
        identifier = self.state.next_id()
        self.state.logs[identifier] = given.get("log", "")
        times = {"created_at": run["created_at"], "started_at": run["created_at"], "completed_at": run["updated_at"]}
        steps = [_step(number, step) for number, step in enumerate(given.get("steps", []), 1)]
        known = {"run_id": run["id"], "head_sha": run["head_sha"], "head_branch": run["head_branch"], "labels": []}
        state = {"status": "completed", "conclusion": given["conclusion"], "name": given["name"], "steps": steps}
        place = {"id": identifier, "html_url": self.state.page(f"actions/runs/{run['id']}/job/{identifier}")}
        unknown = dict.fromkeys(("runner_id", "runner_name", "runner_group_id", "runner_group_name"))
        job = {**known, **state, **place, **times, **unknown, "run_attempt": run["run_attempt"]}
        return {**job, **{key: given[key] for key in job if key in given and key not in state}}

    def _label(self, name: str) -> Json:
        return {"id": self.state.id_of(("label", name)), "name": name, "color": "ededed", "default": False}

    def _event(self, number: int, kind: str, label: str, actor: str, at: str | None) -> None:
        event = {"id": self.state.next_id(), "event": kind, "actor": user(self.state, actor), "created_at": at or now()}
        entry: dict[str, Any] = {**event, "label": {"name": label, "color": "ededed"}}
        self.state.events.setdefault(number, []).append(entry)


def _step(number: int, given: Json) -> Json:
    return {"name": given["name"], "status": "completed", "conclusion": given["conclusion"], "number": number}
