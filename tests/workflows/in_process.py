"""A GitHub project whose runs are the commands of experiment.yml, report.yml and main.yml, called without act.

The texts of verdicts and comments do not depend on the files of .github; `project.act` runs those. `bundle_files` is
the bundle of a run that need not be made, since it would reproduce the author's results. Otherwise main's code runs
the change's stages in another process; judge and publisher run in this one.
"""

import io
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.conftest import ROOT
from tests.dvc.pipeline.clone import Clone, environment
from tests.workflows import act, bundles, events
from tests.workflows.bundles import Files
from tests.workflows.events import Event
from tests.workflows.github_project import GitHubProject
from tests.workflows.origin import git
from tests.workflows.outcome import Outcome
from tests.workflows.workflow import Workflow
from verdict.base.errors import VerdictError
from verdict.ci import audit as mainline
from verdict.ci.github.client import GitHub as Client
from verdict.ci.judge.triage import judge
from verdict.ci.publish.commit_results import commit_lock
from verdict.ci.publish.publish import comment, publish
from verdict.ci.publish.verdict import REPORT, Verdict
from verdict.ci.run.precheck import plan

KEPT = (".dvc/cache", ".dvc/tmp/verdict-runs.json")  # the paths of the actions/cache step


class InProcessProject(GitHubProject):
    """A project without act: plan and stages of a change, judge, publisher and the commit of the lock."""

    @property
    def act(self) -> GitHubProject:
        """The same project with its workflow files run by act."""
        return GitHubProject(**vars(self))

    def honest(self, base: str = "HEAD^") -> Files:
        """The bundle of a run that reproduces the clone's committed results."""
        return bundles.honest(self.clone, base)

    def add_finished_run(self, head: str, files: Files | None, **more: Any) -> int:  # noqa: ANN401
        """Add a finished run of experiment.yml with this bundle; return its id."""
        run_id = act.next_id()
        if files is not None:
            bundles.pack(files, self.artifacts(run_id))
        known: dict[str, Any] = {"head_branch": "change", "conclusion": "success" if files else "failure", **more}
        folder = self.artifacts(run_id)
        self.github.run(
            run_id, name="experiment", head_sha=head, artifacts_folder=folder, created_at=self.now(), **known
        )
        return run_id

    def _run_experiment(self, event: Event, **more: Any) -> Outcome:  # noqa: ANN401
        """experiment.yml: the plan, and if needed the stages, from the results of main or of an earlier push.

        `bundle_files` takes the place of the stages.
        """
        bundle_files: Files | None = more.get("bundle_files")
        run_id = act.next_id()
        pull = event.payload.get("pull_request", {})
        reproduce_label = "reproduce" in [label["name"] for label in pull.get("labels", [])]
        place = Clone(self.origin.checkout(event.sha, act.folder(self.origin, run_id) / "repository", event.ref))
        jobs = {"plan": "success", "gpu": "skipped", "fork": "skipped"}
        job = "gpu" if event.trusted else "fork"
        printed = {"plan": "", job: ""}
        base = event.payload.get("merge_group", {}).get("base_sha", "HEAD^1")
        with self.environment(place.path), _captured(printed, "plan"):
            try:
                needed = plan(place.path, base, reproduce_label)
            except VerdictError as error:
                print(error)
                jobs["plan"], needed = "failure", False
        if needed and bundle_files is not None:
            bundles.pack(bundle_files, self.artifacts(run_id))
            jobs[job] = "success"
        elif needed:
            code, printed[job] = self._reproduce(place, event, run_id, base)
            jobs[job] = "failure" if code else "success"
        return _outcome(jobs, printed, run_id)

    def _reproduce(self, place: Clone, event: Event, run_id: int, base: str) -> tuple[int, str]:
        number = event.payload.get("number", run_id)
        scopes = [f"pull-{number}", "main"]
        self._restore(place.path, *scopes)
        bundle = place.path / "bundle"
        bundle.mkdir()
        labels = [label["name"] for label in event.payload.get("pull_request", {}).get("labels", [])]
        options = [*(["--remote"] if event.trusted else []), *(["--own-data"] if "approve: data" in labels else [])]
        main = Clone(place.path.with_name("main"))
        git(place.path, "worktree", "add", "--quiet", "--detach", str(main.path), base)
        command = ["reproduce", "--root", str(place.path), "--base", base, *options, "--out", str(bundle)]
        done = main.try_run("python", "-I", "-m", "verdict", "ci", *command, **self._variables(event.trusted))
        (bundle / "log.txt").write_text(done.stdout, encoding="utf-8")
        self.keep(place, scopes[0])
        files = {path.relative_to(bundle).as_posix(): path for path in sorted(bundle.rglob("*")) if path.is_file()}
        bundles.pack({name: path.read_bytes() for name, path in files.items()}, self.artifacts(run_id))
        return done.returncode, done.stdout

    def main(self, **more: Any) -> Outcome:  # noqa: ANN401
        """main.yml after a push to main: its steps, up to the first that fails; then the cache."""
        run_id, printed = act.next_id(), ""
        place = Clone(self.origin.checkout(self.origin.sha("main"), act.folder(self.origin, run_id) / "repository"))
        self._restore(place.path, "main")
        for step in ("main", "push"):
            done = place.try_run("python", "-I", "-m", "verdict", "ci", step, **self._variables(trusted=True))
            printed += done.stdout
            if done.returncode:
                return _outcome({"reproduce": "failure"}, {"reproduce": printed}, run_id)
        self.keep(place, "main")
        return _outcome({"reproduce": "success"}, {"reproduce": printed}, run_id)

    def audit(self) -> Outcome:
        """audit.yml: the run from nothing, and its issue."""
        run_id = act.next_id()
        place = Clone(self.origin.checkout(self.origin.sha("main"), act.folder(self.origin, run_id) / "repository"))
        out = self.artifacts(run_id) / "audit.json"
        command = ["python", "-I", "-m", "verdict", "ci", "audit", "--out", str(out)]
        done = place.try_run(*command, **self._variables(trusted=True))
        self.report_audit(run_id)
        jobs = {"reproduce": "failure" if done.returncode else "success", "report": "success"}
        return _outcome(jobs, {"reproduce": done.stdout}, run_id)

    def report_audit(self, run_id: int) -> None:
        """The job of audit.yml that reports the result of the run."""
        client = self._client("report", "audit.yml")
        mainline.report(client, self.artifacts(run_id) / "audit.json", f"https://github.com/runs/{run_id}")

    def _variables(self, trusted: bool) -> dict[str, str]:
        return {"PIP_NO_INDEX": "1", **self.env, **(self.secrets if trusted else {})}

    def judge(self, run: int, place: Path, out: Path) -> tuple[Verdict | None, str]:
        """Judge a run in a checkout of main at `place`, made if missing; return verdict and report."""
        if not place.exists():
            git(place.parent, "clone", "--quiet", "--branch", "main", str(self.origin.folder), str(place))
            self._restore(place, "main")
        event = events.workflow_run(self.github, run).payload
        with self.environment(place), chdir(place):
            verdict = judge(place, self._client("judge"), event, out, first=False)
        report = out / REPORT
        return verdict, report.read_text(encoding="utf-8") if report.exists() else ""

    def report(self, ran: Outcome | int, **more: Any) -> Outcome:  # noqa: ANN401
        """report.yml after a run: judge, publisher, and the commit of the lock."""
        run = ran if isinstance(ran, int) else ran.run_id
        event, run_id = events.workflow_run(self.github, run).payload, act.next_id()
        folder = act.folder(self.origin, run_id)
        place, out = folder / "repository", folder / "verdict"
        jobs = {"judge": "success", "publish": "success", "commit-lock": "skipped"}
        printed = dict.fromkeys(jobs, "")
        with _captured(printed, "judge"):
            verdict, _ = self.judge(run, place, out)
            print(verdict and (f"nothing to tell: {verdict.skip}" if verdict.skip else verdict.title))
        with self.environment(place), _captured(printed, "publish"):
            client = self._client("publish")
            _, number = publish(client, client, event, out)
            if number:
                comment(client, out)
        if verdict and verdict.lock:
            jobs["commit-lock"], printed["commit-lock"] = self._commit_lock(out)
        return _outcome(jobs, printed, run_id)

    def _commit_lock(self, out: Path) -> tuple[str, str]:
        try:
            client = Client(self.github.name, self.env["STANDIN_APP_TOKEN"], self.github.url)
            return "success", commit_lock(client, out)
        except VerdictError as error:
            return "failure", str(error)

    def _client(self, job: str, file: str = "report.yml") -> Client:
        """A client of the API with the permissions of a job."""
        granted = Workflow(ROOT, file).jobs[job]["permissions"]
        permissions = {name.replace("-", "_"): level for name, level in granted.items()}
        return Client(self.github.name, self.github.token(f"token-of-{job}", permissions), self.github.url)

    @contextmanager
    def environment(self, place: Path) -> Iterator[None]:
        """Set the environment of a step until the end of the block."""
        variables = {**environment(place), **self._variables(trusted=True)}
        with patch.dict(os.environ, variables, clear=True):
            yield

    def _restore(self, place: Path, *scopes: str) -> None:
        """Restore the results of the first scope that has any."""
        for scope in scopes:
            source = self.origin.kept / scope
            if source.exists():
                shutil.copytree(source, place, dirs_exist_ok=True)
                return

    def keep(self, place: Clone, scope: str) -> None:
        """Save the results of a checkout as a run in that scope would, replacing earlier ones."""
        target = self.origin.kept / scope
        shutil.rmtree(target, ignore_errors=True)
        for source in (place.path / name for name in KEPT):
            if source.is_dir():
                shutil.copytree(source, target / source.relative_to(place.path))
            elif source.exists():
                (target / source.relative_to(place.path)).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target / source.relative_to(place.path))


@contextmanager
def _captured(printed: dict[str, str], job: str) -> Iterator[None]:
    with redirect_stdout(io.StringIO()) as stream:
        try:
            yield
        finally:
            printed[job] += stream.getvalue()


def _outcome(jobs: Mapping[str, str], logs: Mapping[str, str], run_id: int) -> Outcome:
    steps: dict[str, dict[str, str]] = {job: {} for job in jobs}
    return Outcome(jobs, steps, {}, {}, logs, "".join(logs.values()), 0.0, run_id, 0)
