"""A repository after its first release, by act: a folder is the registry, a git hook the ruleset of tags."""

import hashlib
import itertools
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.dvc.pipeline.clone import Clone
from tests.shared import once
from tests.workflows import act, events
from tests.workflows.api.state import App, Json
from tests.workflows.conftest import copy_of_project, link_or_copy
from tests.workflows.in_process import InProcessProject
from tests.workflows.origin import git
from tests.workflows.outcome import Outcome, load
from tests.workflows.workflow import STANDINS
from verdict.ci.github.client import GitHub

APP, TOKEN = "verdict-release[bot]", "token-of-the-app"
REGISTRY = "registry.test/owner/verdict"
FIRST = "classifier@v1.0.0"
_VERDICT = ("python", "-I", "-m", "verdict", "release")
# Fields of GitHub's state that are saved with the repository.
_KEPT = ("releases", "runs", "attestations", "pulls", "merges", "checks")
_RULESET = f"""#!/bin/sh
while read -r old new ref; do
  case "$ref" in
    "refs/tags/classifier@"* | "refs/tags/classifier#"*)
      if [ "$GITHUB_TOKEN" != "{TOKEN}" ] || [ -z "${{old##*[!0]*}}" ]; then
        echo "GH013: Repository rule violations found for $ref" >&2
        exit 1
      fi ;;
  esac
done
"""


@dataclass
class Releases:
    """The project, a clone with all tags, and the environment of its commands."""

    project: InProcessProject
    clone: Clone
    env: dict[str, str]

    def try_release(self, *words: str, at: Clone | None = None, **more: str) -> "subprocess.CompletedProcess[str]":
        """Run `verdict release`; it may fail."""
        return (at or self.clone).try_run(*_VERDICT, *words, **{**self.env, **more})

    def release(self, *words: str, **more: str) -> str:
        """Run `verdict release`, which must succeed; return its output."""
        done = self.clone.try_run(*_VERDICT, *words, **{**self.env, **more})
        assert done.returncode == 0, done.stdout
        return done.stdout

    def verify(self, name: str = "v1.0.0", **more: str) -> tuple[int, dict[str, str]]:
        """Run `verdict release verify`; return its exit code, and the finding of each claim that does not hold."""
        done = self.clone.try_run(*_VERDICT, "verify", name, **{**self.env, **more})
        rows = [line.split(maxsplit=1) for line in done.stdout.splitlines() if line.startswith(("FALSE", "CANNOT"))]
        return done.returncode, {row[1][:12].strip(): row[1][13:] for row in rows}

    def image(self, reference: str) -> Path:
        """The file of an image in the registry."""
        return Path(self.env["STANDIN_REGISTRY"]) / "registry" / reference.replace("/", "+")

    @property
    def tag_message(self) -> Json:
        """The JSON message of the first release's tag."""
        message: Json = json.loads(self.project.origin.git("tag", "--list", "--format=%(contents)", FIRST))
        return message

    def retag(self, message: Json, commit: str = "", tagger: str = APP, name: str = FIRST) -> None:
        """Set the tag again, around the ruleset."""
        git(self.clone.path, "fetch", "--quiet", "origin", "main")
        committer = {"GIT_COMMITTER_NAME": tagger, "GIT_COMMITTER_EMAIL": "x@localhost"}
        tag = ("git", "tag", "--force", "--annotate", "--message", json.dumps(message, indent=2), name)
        done = self.clone.try_run(*tag, commit or message["commit"], **committer)
        assert done.returncode == 0, done.stdout
        self.git_without_ruleset("push", "--quiet", "--force", str(self.project.origin.folder), f"refs/tags/{name}")

    def git_without_ruleset(self, *arguments: str) -> None:
        """Run git in the clone without the ruleset."""
        hook = self.project.origin.folder / "hooks" / "pre-receive"
        hook.rename(hook.with_suffix(".off"))
        git(self.clone.path, *arguments)
        hook.with_suffix(".off").rename(hook)

    def upload(self, name: str, content: bytes, login: str = APP) -> None:
        """Replace a file of the release."""
        assets = self.project.github.state.releases[0]["assets"]
        (asset,) = [asset for asset in assets if asset["name"] == name]
        asset["digest"] = f"sha256:{hashlib.sha256(content).hexdigest()}"
        asset["uploader"] = {**asset["uploader"], "login": login}

    def commit(self, message: str = "A change") -> str:
        """Commit the clone's changes on main; no tag moves."""
        self.clone.run("git", "add", "--all")
        self.clone.run("git", "commit", "--quiet", "--allow-empty", "--message", message)
        self.git_without_ruleset("push", "--quiet", str(self.project.origin.folder), "HEAD:refs/heads/main")
        return git(self.clone.path, "rev-parse", "HEAD")


def green(project: InProcessProject, commit: str, **more: Any) -> int:  # noqa: ANN401 - of a run
    """Add a finished run of main.yml; return its id."""
    run_id = act.next_id()
    known = {"conclusion": "success", "event": "push", "head_branch": "main", **more}
    project.github.run(run_id, workflow="main.yml", name="main", head_sha=commit, created_at=project.now(), **known)
    return run_id


def install_app(project: InProcessProject) -> dict[str, str]:
    """Install the App that registers, with a registry and the ruleset; return the environment of commands."""
    folder = project.origin.root / "registry"
    project.variables |= {"RELEASE_CLIENT_ID": "Iv1.release", "RELEASE_REGISTRY": REGISTRY}
    project.secrets["RELEASE_PRIVATE_KEY"] = "key-of-the-app"
    token = project.github.token(TOKEN, {"contents": "write"}, APP, App("verdict-release", 6))
    project.env |= {"STANDIN_APP_TOKEN": token, "STANDIN_APP_SLUG": APP.removesuffix("[bot]")}
    project.env |= {"STANDIN_REGISTRY": str(folder)}
    hook = project.origin.folder / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(_RULESET, encoding="utf-8")
    hook.chmod(0o755)
    reads = dict.fromkeys(("contents", "actions", "pull_requests", "checks"), "read")
    variables = {"GITHUB_REPOSITORY": project.github.name, "GITHUB_API_URL": project.github.url, "RELEASE_APP": APP}
    variables["GITHUB_TOKEN"] = project.github.token("token-that-reads", reads, "somebody", None)
    return {**variables, "RELEASE_REGISTRY": REGISTRY, "STANDIN_REGISTRY": str(folder)}


def run(project: InProcessProject, run_id: int, **more: Any) -> Outcome:  # noqa: ANN401
    """Run release.yml after a run of main.yml."""
    event = events.workflow_run(project.github, run_id)
    settings = {"secrets": project.secrets, "variables": project.variables, "env": project.env}
    return act.run(project.origin, "release.yml", event, github=project.github, **{**settings, **more})


def build(base: Path, folder: Path) -> None:
    """Make the first release, of a merged pull request, and save GitHub's state."""
    with copy_of_project(base, folder) as project:
        install_app(project)
        shutil.copy(STANDINS / "images.py", project.clone.path / "verdict/delivery/images.py")
        project.clone.run("git", "add", "--all")
        project.clone.run("git", "commit", "--quiet", "--allow-empty", "--message", "A registry that is a folder")
        project.origin.push(project.clone.path, "change")
        head = project.origin.pull(1, "change")
        commit = project.origin.push(project.clone.path, "main")
        project.github.pull(1, "change", state="closed").update(merged=True, merged_at=project.now())
        project.github.state.merges[1] = commit
        check(project, head)
        run(project, green(project, commit)).save(folder / "run.json")
        keep(project, folder)


def build_next(before: Path, folder: Path, register: bool = False) -> None:
    """Make a commit with other pins, main's run of it, and its release: built, and registered if asked."""
    with released(before, folder) as releases:
        (releases.clone.path / "requirements/serving.txt").write_text("# other pins\n", encoding="utf-8")
        green(releases.project, releases.commit())
        shutil.copytree(releases.project.clone.path / ".dvc/cache", releases.clone.path / ".dvc/cache")
        assert '"version": "v1.0.1"' in releases.release("build")
        if register:
            releases.release("register", GITHUB_TOKEN=TOKEN)
        keep(releases.project, folder)


def keep(project: InProcessProject, folder: Path) -> None:
    """Save the state of GitHub beside the repository."""
    kept = {name: _plain(getattr(project.github.state, name)) for name in _KEPT}
    (folder / "kept.json").write_text(json.dumps(kept), encoding="utf-8")
    # Each test copies the folder: keep it small.
    project.origin.git("repack", "-a", "-d", "--quiet")
    for path in [project.origin.root / "runs", *(path for path in project.clone.path.iterdir() if path.name != ".dvc")]:
        if path.is_dir():
            shutil.rmtree(path)
        elif path.exists():
            path.unlink()


def check(project: InProcessProject, head: str) -> None:
    """Make the judge's check on the head of a pull request."""
    project.github.token("token-of-the-judge", {"checks": "write"}, "verdict[bot]", App("verdict", 4))
    body = {"name": "verdict", "head_sha": head, "status": "completed", "conclusion": "success"}
    GitHub(project.github.name, "token-of-the-judge", project.github.url).post("/check-runs", body)


def _plain(value: object) -> object:
    return list(value.items()) if isinstance(value, dict) else value


@contextmanager
def released(folder: Path, place: Path) -> Iterator[Releases]:
    """A copy of the repository after the first release."""
    with copy_of_project(folder / "site", place) as project:
        env = install_app(project)
        kept = deepcopy(json.loads((folder / "kept.json").read_text(encoding="utf-8")))
        project.github.state._ids = itertools.count(1_000_001)  # above the saved ids
        for name, value in kept.items():
            field = getattr(project.github.state, name)
            (field.update if isinstance(field, dict) else field.extend)(value)
        path = place / "clone"
        if (folder / "clone").exists():
            shutil.copytree(folder / "clone", path, symlinks=True, copy_function=link_or_copy)
            git(path, "remote", "set-url", "origin", f"file://{project.origin.folder}")
            yield Releases(project, Clone(path), env)
        else:
            yield Releases(project, clone_with_remote(project, path), env)


def clone_with_remote(project: InProcessProject, path: Path, *options: str) -> Clone:
    """Clone main; the DVC remote, a folder in the clone, is full."""
    git(path.parent, "clone", "--quiet", *options, f"file://{project.origin.folder}", str(path))
    shutil.copytree(project.clone.path / ".dvc/cache/files", path / ".remote/files")
    return Clone(path)


def outcome(folder: Path) -> Outcome:
    """The outcome of the first release's run."""
    return load(folder / "run.json")


@pytest.fixture(scope="session")
def once_released(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository after its first release, made once; do not change it."""
    return once(tmp_path_factory.getbasetemp(), "released", lambda folder: build(base, folder))


@pytest.fixture
def releases(once_released: Path, tmp_path: Path) -> Iterator[Releases]:
    """A copy of the repository after its first release."""
    with released(once_released, tmp_path) as copy:
        yield copy
