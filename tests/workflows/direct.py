"""The same team, whose runs are the commands of experiment.yml and report.yml, called without act.

For what a verdict says and a comment shows the files of .github do not matter; what those do is seen where act runs
them. Here main's code runs the change's stages, in a process of its own, as there; judge and publisher are called here.
"""

import io
import os
import shutil
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.conftest import ROOT
from tests.pipeline.clone import Clone, environment
from tests.workflows import act, events
from tests.workflows.events import Event
from tests.workflows.origin import Origin, git
from tests.workflows.outcome import Outcome
from tests.workflows.site import Site
from tests.workflows.workflow import Workflow
from verdict.base.errors import VerdictError
from verdict.ci.github.client import GitHub as Client
from verdict.ci.judge.triage import judge
from verdict.ci.publish.commit_results import commit_lock
from verdict.ci.publish.publish import comment, publish
from verdict.ci.run.precheck import plan

_KEPT = (".dvc/cache", ".dvc/tmp/verdict-runs.json")  # what the step of actions/cache keeps


class Direct(Site):
    """A site without act: plan and stages of a change, judge, publisher and the commit of the lock."""

    def _ran(self, event: Event, **more: Any) -> Outcome:  # noqa: ANN401
        """experiment.yml: plan, and where something is to run, the stages from main's or an earlier push's results."""
        run_id = act.next_id()
        pull = event.payload.get("pull_request", {})
        asked = "reproduce" in [label["name"] for label in pull.get("labels", [])]
        place = Clone(self.origin.checkout(event.sha, act.folder(self.origin, run_id) / "repository", event.ref))
        jobs = {"plan": "success", "gpu": "skipped", "fork": "skipped"}
        job = "gpu" if event.trusted else "fork"
        printed = {"plan": "", job: ""}
        base = event.payload.get("merge_group", {}).get("base_sha", "HEAD^1")
        with self._environment(place.path), _captured(printed, "plan"):
            try:
                needed = plan(place.path, base, asked)
            except VerdictError as error:
                print(error)
                jobs["plan"], needed = "failure", False
        if needed:
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
        self._keep(place.path, scopes[0])
        target = self.origin.artifacts / str(run_id) / "bundle.zip"
        target.parent.mkdir(parents=True)
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(path for path in bundle.rglob("*") if path.is_file()):
                archive.write(path, path.relative_to(bundle).as_posix())
        return done.returncode, done.stdout

    def main(self, **more: Any) -> Outcome:  # noqa: ANN401
        """main.yml after a push to main; it keeps no results of a main that is false."""
        run_id = act.next_id()
        place = Clone(self.origin.checkout(self.origin.sha("main"), act.folder(self.origin, run_id) / "repository"))
        self._restore(place.path, "main")
        done = place.try_run("python", "-I", "-m", "verdict", "ci", "main", **self._variables(trusted=True))
        if done.returncode == 0:
            self._keep(place.path, "main")
        return _outcome({"reproduce": "failure" if done.returncode else "success"}, {"reproduce": done.stdout}, run_id)

    def _variables(self, trusted: bool) -> dict[str, str]:
        return {"PIP_NO_INDEX": "1", **self.env, **(self.secrets if trusted else {})}

    def report(self, ran: Outcome | int, **more: Any) -> Outcome:  # noqa: ANN401
        """report.yml after a run: the judge on a checkout of main, the publisher, and the commit of the lock."""
        run = ran if isinstance(ran, int) else ran.run_id
        event, run_id = events.workflow_run(self.github, run).payload, act.next_id()
        folder = act.folder(self.origin, run_id)
        place, out = folder / "repository", folder / "verdict"
        git(folder, "clone", "--quiet", "--branch", "main", str(self.origin.folder), str(place))
        self._restore(place, "main")
        jobs = {"judge": "success", "publish": "success", "commit-lock": "skipped"}
        printed = dict.fromkeys(jobs, "")
        with self._environment(place):
            with _captured(printed, "judge"), chdir(place):
                found = judge(place, self._client("judge", run_id), event, out, first=False)
                print(found and (f"nothing to tell: {found.skip}" if found.skip else found.title))
            with _captured(printed, "publish"):
                client = self._client("publish", run_id)
                _, number = publish(client, client, event, out)
                if number:
                    comment(client, out)
            if found and found.lock:
                jobs["commit-lock"], printed["commit-lock"] = self._commit_lock(out)
        return _outcome(jobs, printed, run_id)

    def _commit_lock(self, out: Path) -> tuple[str, str]:
        try:
            client = Client(self.github.name, self.env["STANDIN_APP_TOKEN"], self.github.url)
            return "success", commit_lock(client, out)
        except VerdictError as error:
            return "failure", str(error)

    def _client(self, job: str, run_id: int) -> Client:
        """The API, with the permissions of a job of report.yml."""
        granted = Workflow(ROOT, "report.yml").jobs[job]["permissions"]
        permissions = {name.replace("-", "_"): level for name, level in granted.items()}
        return Client(self.github.name, self.github.token(f"{job}-of-{run_id}", permissions), self.github.url)

    @contextmanager
    def _environment(self, place: Path) -> Iterator[None]:
        """The environment of a step; the judge forgets its keys."""
        own = {**environment(place), **self._variables(trusted=True)}
        with patch.dict(os.environ, own, clear=True):
            yield

    def _restore(self, place: Path, *scopes: str) -> None:
        """The results of the first scope that has any."""
        for scope in scopes:
            source = self.origin.root / "unpacked" / scope
            if source.exists():
                shutil.copytree(source, place, dirs_exist_ok=True)
                return

    def _keep(self, place: Path, scope: str) -> None:
        target = self.origin.root / "unpacked" / scope
        shutil.rmtree(target, ignore_errors=True)
        for name in _KEPT:
            source = place / name
            if source.is_dir():
                shutil.copytree(source, target / name)
            elif source.exists():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target / name)


def unpack(origin: Origin) -> None:
    """Lay out what main's workflow left in actions/cache, for runs without act."""
    (archive,) = origin.caches.rglob("*.tar")
    with tarfile.open(archive) as opened:
        opened.extractall(origin.root / "unpacked" / "main")  # noqa: S202 - our own


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
