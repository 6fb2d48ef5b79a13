"""A project on the fake GitHub: propose changes, run workflows, look at checks and comments."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.dvc.pipeline.clone import Clone
from tests.workflows import act, events
from tests.workflows.api.state import instant
from tests.workflows.events import Event
from tests.workflows.github import GitHub
from tests.workflows.origin import Origin
from tests.workflows.outcome import Outcome
from verdict.ci.publish.publish import ADVISORY, CHECK

Change = Callable[[Clone], object]
FORK = "outsider/verdict"
_BEGIN = datetime(2026, 11, 21, 8, tzinfo=UTC)


@dataclass
class GitHubProject:
    """A repository on GitHub, an author's clone, and the repository's settings."""

    origin: Origin
    github: GitHub
    clone: Clone
    secrets: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    clock: Iterator[int] = field(default_factory=itertools.count)

    def now(self) -> str:
        """The current time of the test: each call is a minute later."""
        return instant(_BEGIN + timedelta(minutes=next(self.clock)))

    def artifacts(self, run_id: int) -> Path:
        """The folder of a run's artifacts."""
        return self.origin.artifacts / str(run_id)

    def propose(self, change: Change, number: int = 1, branch: str = "change", fork: bool = False) -> str:
        """Make, commit and push a change; open its pull request if there is none. Return the head."""
        change(self.clone)
        self.clone.run("git", "add", "--all")
        self.clone.run("git", "commit", "--quiet", "--allow-empty", "--message", "Change")
        repo = FORK if fork else None
        if fork and not self.origin.place(FORK).exists():
            self.origin.fork(FORK)
        self.origin.push(self.clone.path, branch, repo=repo)
        head = self.origin.pull(number, branch, repo)
        if number in self.github.state.pulls:
            self.github.state.pulls[number]["head_sha"] = head
        else:
            pull = self.github.pull(number, branch, head_repo=repo, author="outsider" if fork else "author")
            pull["created_at"] = self.now()
        return head

    def advance(self, change: Change) -> str:
        """Push another author's commit to main; the clone stays as it is."""
        tip = self.origin.sha("main")
        other = Clone(self.origin.checkout(tip, self.origin.root / f"other-{tip}"))
        change(other)
        other.commit("Another author's change")
        return self.origin.push(other.path, "main")

    def label(self, number: int, name: str, actor: str = "maintainer") -> None:
        """Set a label now."""
        self.github.label(number, name, actor, at=self.now())

    def experiment(self, number: int = 1, action: str = "opened", label: str = "", **more: Any) -> Outcome:  # noqa: ANN401
        """Run experiment.yml for a pull request; afterwards GitHub lists the run."""
        began = self.now()
        event = events.pull_request(self.github, number, action, label=label)
        ran = self._run_experiment(event, **more)
        head = event.payload["pull_request"]["head"]
        repo = head["repo"]["full_name"]
        self.register_run(ran, head["sha"], head["ref"], began, head_repo=repo if repo != self.github.name else None)
        return ran

    def group(self, ref: str, **more: Any) -> tuple[Outcome, str]:  # noqa: ANN401
        """Run experiment.yml for a group of the merge queue (`ref` is from `origin.queue`); return run and commit."""
        event, began = events.merge_group(self.github, ref), self.now()
        ran = self._run_experiment(event, **more)
        self.register_run(ran, event.sha, ref.removeprefix("refs/heads/"), began, event="merge_group")
        return ran, event.sha

    def _run_experiment(self, event: Event, **more: Any) -> Outcome:  # noqa: ANN401
        return act.run(self.origin, "experiment.yml", event, **self._settings(), **more)

    def register_run(self, ran: Outcome, head: str, branch: str, began: str, **more: Any) -> None:  # noqa: ANN401
        """Add a finished run of experiment.yml to GitHub."""
        self.github.run(
            ran.run_id,
            head_sha=head,
            head_branch=branch,
            name="experiment",
            conclusion=ran.conclusion,
            jobs=ran.job_list,
            artifacts_folder=self.artifacts(ran.run_id),
            created_at=began,
            **more,
        )

    def report(self, ran: Outcome | int, **more: Any) -> Outcome:  # noqa: ANN401
        """Run report.yml after a run."""
        run_id = ran if isinstance(ran, int) else ran.run_id
        event = events.workflow_run(self.github, run_id)
        return act.run(self.origin, "report.yml", event, **{**self._settings(), **more})

    def main(self, **more: Any) -> Outcome:  # noqa: ANN401
        """Run main.yml after a push to main."""
        return act.run(self.origin, "main.yml", events.push(self.github), **{**self._settings(), **more})

    def audit(self) -> Outcome:
        """Run audit.yml on its schedule."""
        return act.run(self.origin, "audit.yml", events.schedule(self.github), **self._settings())

    def _settings(self) -> dict[str, Any]:
        shared = {"secrets": self.secrets, "variables": self.variables, "env": self.env}
        return {"github": self.github, **shared}

    def checks(self, number: int = 1) -> list[tuple[str, str]]:
        """Conclusions and titles of the judge's checks on the head of a pull request, oldest first."""
        head = self.origin.sha(f"refs/pull/{number}/head")
        runs = [run for run in self.github.check_runs(head) if run["name"] in (CHECK, ADVISORY)]
        return [(run["conclusion"], run["output"]["title"]) for run in runs]

    def comment(self, number: int = 1) -> str:
        """The judge's comment, of which there must be one."""
        bodies = [str(comment["body"]) for comment in self.github.comments(number)]
        (body,) = [body for body in bodies if "CML watermark verdict" in body]
        return body
