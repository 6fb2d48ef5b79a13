"""Run a workflow file of the repository, unchanged, with act on this machine: no Docker, no network."""

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
# Of each worker other ones: a run may follow, in a copy, what another worker ran.
_RUN_IDS = itertools.count(9_000_000_001 + 1_000_000 * int("0" + os.environ.get("PYTEST_XDIST_WORKER", "")[2:]))
_FLAGS = (
    "--json --action-offline-mode --pull=false --no-skip-checkout --no-cache-server --artifact-server-addr 127.0.0.1 "
    "--cache-server-addr 127.0.0.1 --defaultbranch main"
)
# Like a hosted runner, and unlike a laptop: nobody's name, so that a workflow that commits must say whose commit it is.
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
class Given:
    """What a run has besides its event."""

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
    PATH has one, else the stand-in's. A job that no runner takes is an error,
    whatever act thinks of it.
    """
    run_id = run_id or next_id()
    place = folder(origin, run_id)
    file = Workflow(origin.checkout(event.sha, place / "repository", event.ref), workflow)
    if refusal := file.refusal(event):
        raise NotStartedError(f"{workflow}: {refusal}")
    own = {
        "GITHUB_RUN_ID": str(run_id),
        "GITHUB_RUN_ATTEMPT": "1",
        "STANDIN_CML": cml or str(real_cml.folder(github, place) or STANDINS / "cml"),
        **_environment(origin, file, event, github, place),
    }
    token = {"GITHUB_TOKEN": _token(github, file, event, run_id)}
    given = Given({**token, **(secrets or {})} if event.trusted else token, variables or {}, {**own, **(env or {})})
    began = time.monotonic()
    code, log = _execute(
        _command(file, event, given, place), _process_environment(origin, place / "home"), place, timeout
    )
    found = outcome.read(file, log, time.monotonic() - began, run_id, code)
    _check(found, code)
    return found


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
    """What steps find in their environment, as far as act does not say it or says it wrongly."""
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
    """What act itself has, and hands on to the steps: nothing of this machine's."""
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


def _command(file: Workflow, event: Event, given: Given, place: Path) -> list[str]:
    (place / "event.json").write_text(json.dumps(event.payload), encoding="utf-8")
    named = ["-C", str(file.root), "-W", f".github/workflows/{file.file}", "-e", str(place / "event.json")]
    command = [str(_binary()), event.name, *named, *_FLAGS.split(), "--actor", event.actor]
    command += ["--action-cache-path", str(place / "act")]
    pairs: dict[str, Mapping[str, object]] = {
        "-P": dict.fromkeys(sorted(file.labels(given.variables)), "-self-hosted"),
        "--local-repository": standins(file.actions()),
        "-s": given.secrets,
        "--var": given.variables,
        "--env": given.env,
        "--input": event.inputs or {},
    }
    for flag, values in pairs.items():
        command += [part for name, value in values.items() for part in (flag, f"{name}={value}")]
    return command


def _execute(command: list[str], environment: dict[str, str], place: Path, timeout: float) -> tuple[int, str]:
    # An empty folder of its own: act reads .env, .secrets and .vars of the current one.
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
            for one in [psutil.Process(process.pid), *steps]:
                with suppress(psutil.NoSuchProcess):
                    one.kill()
            psutil.wait_procs(steps, timeout=2)  # a kill is sent, not done; a zombie without an init stays
            log, _ = process.communicate()
            log += f"\nstopped after {timeout} seconds\n"
    return process.returncode, log


def _check(found: Outcome, code: int) -> None:
    """Act ends quietly, or with no job at all, where GitHub would not."""
    if "Skipping unsupported platform" in found.log:
        raise NotStartedError(f"a job runs on what no runner has:\n{found.log}")
    started = any(found.logs)
    if code and not started and "stopped after" not in found.log:
        raise NotStartedError(found.log)


def _binary() -> Path:
    path = Path(sys.executable).parent / "act"
    if not path.is_file():
        raise NotStartedError(f"{path} is missing: pip install -r requirements-dev.txt")
    return path
