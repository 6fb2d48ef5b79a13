"""deploy.yml by act, with a stand-in for the host's program: rolls, refusals, records."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.shared import once
from tests.workflows import act, events, release_fixture
from tests.workflows.origin import git
from tests.workflows.outcome import Outcome
from tests.workflows.release_fixture import TOKEN, Releases, green
from verdict.delivery.host.orders import read_release
from verdict.delivery.host.state import Environment, State
from verdict.delivery.host.store import Store

once_released, releases = release_fixture.once_released, release_fixture.releases
NEXT = "v1.0.1"
ALL = dict.fromkeys(("verify", "roll", "record", "confirm"), "success")
BINARIES = Path(sys.executable).parent
REMOTE = "[core]\n    remote = folder\n['remote \"folder\"']\n    url = {}\n"
# The host's program goes to its own folder first.
PROGRAM = (ROOT / "deploy/compose/verdict").read_text(encoding="utf-8").replace("/opt/verdict", "/")
PROGRAM = PROGRAM.replace(".venv/bin/verdict", '"$STANDIN_RUN" host')


@dataclass
class Hosts:
    """A repository with two releases, and its two serving hosts."""

    releases: Releases
    folder: Path

    def host(self, environment: str) -> Store:
        """The files of a host's guard."""
        return Store(self.folder / environment)

    def deploy(self, environment: str, version: str = "", **inputs: str) -> Outcome:
        """deploy.yml by hand."""
        project = self.releases.project
        event = events.workflow_dispatch(project.github, {"version": version, "environment": environment, **inputs})
        return act.run(project.origin, "deploy.yml", event, github=project.github, **self.settings(environment))

    def settings(self, environment: str) -> dict[str, Any]:
        """Secrets, variables, and the environment of steps, whose PATH has the host's program."""
        project, programs = self.releases.project, self.folder / "programs"
        programs.mkdir(exist_ok=True)
        (programs / "verdict").write_text(PROGRAM, encoding="utf-8")
        (programs / "verdict").chmod(0o755)
        env = {
            "PATH": f"{programs}:{BINARIES}:/usr/local/bin:/usr/bin:/bin",
            "STANDIN_HOST": str(self.folder / environment),
        }
        variables = {**project.variables, "RELEASE_APP": release_fixture.APP, "STAGING": "true"}
        return {"secrets": project.secrets, "variables": variables, "env": {**project.env, **env}}

    def tags(self, environment: str) -> list[str]:
        """The versions whose commits the tags of a stage have, the oldest first."""
        commits = {self.releases.project.origin.sha(f"classifier@{name}"): name for name in ("v1.0.0", NEXT)}
        found = self.releases.project.origin.git(
            "for-each-ref", "--format=%(*objectname)", "--sort=refname", f"refs/tags/classifier#{environment}#*"
        )
        return [commits[commit] for commit in found.split()]

    def serves(self, environment: Environment, version: str, previous: str = "") -> None:
        """A host whose guard has rolled out these already, as GitHub knows."""
        found = {name: read_release(self.shown(name)) for name in filter(None, (version, previous))}
        self.host(environment).state.write(State(environment, stable=found[version], previous=found.get(previous)))
        for name in filter(None, (previous, version)):
            self.releases.release("stage", name, "--to", environment, GITHUB_TOKEN=TOKEN)

    def shown(self, version: str) -> Path:
        """A release as a host takes it."""
        git(self.releases.clone.path, "fetch", "--quiet", "--tags")
        path = self.folder / f"{version}.json"
        path.write_text(self.releases.release("show", version), encoding="utf-8")
        return path


@pytest.fixture(scope="session")
def once_twice(once_released: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a second release, of other pins, made once."""
    return once(
        tmp_path_factory.getbasetemp(), "twice", lambda folder: release_fixture.build_next(once_released, folder, True)
    )


@pytest.fixture
def hosts(once_twice: Path, tmp_path: Path) -> Iterator[Hosts]:
    """A copy of that repository, with two hosts on which nothing serves."""
    with release_fixture.released(once_twice, tmp_path) as made:
        config = made.clone.path / ".dvc/config"
        config.write_text(REMOTE.format(made.project.clone.path / ".dvc/cache"), encoding="utf-8")
        made.commit("A remote that all machines reach")
        (tmp_path / "hosts").mkdir()
        found = Hosts(made, tmp_path / "hosts")
        found.host("staging").state.write(State("staging"))
        yield found


def test_a_release_goes_to_staging_and_then_to_production(hosts: Hosts) -> None:
    """Each stage's tag is what serves, the host knows it, and only data reached the host."""
    ran = hosts.deploy("staging", "1.0.1")
    assert ran.jobs == ALL, ran.log
    ran = hosts.deploy("production", NEXT)
    assert ran.jobs == ALL, ran.log
    assert "other release is on production" in ran.logs["verify"]
    for environment in ("staging", "production"):
        host = hosts.host(environment)
        assert hosts.tags(environment) == [NEXT]
        assert host.recorded.read() == NEXT
        state = host.state.read()
        assert state is not None
        assert state.stable == read_release(hosts.shown(NEXT))
        (roll,) = [one for one in host.events() if "--release" in one.get("arguments", ())]  # type: ignore[operator]
        told = " ".join(roll["arguments"])  # type: ignore[arg-type]
        assert "/reference.json --floor=0.7" in told
    assert hosts.releases.project.github.issues == []


def test_production_is_refused_without_staging(hosts: Hosts) -> None:
    """The host is not asked, with a reason neither, and no tag is set."""
    ran = hosts.deploy("production", NEXT, force="in a hurry")
    assert ran.jobs == {"verify": "failure", "roll": "skipped", "record": "skipped", "confirm": "skipped"}, ran.log
    assert "was never on staging" in ran.logs["verify"]
    assert hosts.host("production").events() == []
    assert hosts.tags("production") == []


def test_what_is_not_what_it_says_reaches_no_host(hosts: Hosts) -> None:
    """A release whose provenance is not so is refused, with a reason, too."""
    hosts.releases.upload("provenance.json", b"{}")
    ran = hosts.deploy("staging", "v1.0.0", force="it is right")
    assert ran.jobs["verify"] == "failure", ran.log
    assert ran.steps["verify"]["Is it what it says?"] == "failure"
    assert hosts.host("staging").events() == []


def test_a_roll_that_comes_back_opens_one_issue(hosts: Hosts) -> None:
    """The tag stays where it was; a second attempt updates the issue, which names commits; a good one closes it."""
    hosts.serves("staging", NEXT)
    hosts.serves("production", "v1.0.0")
    refuses = hosts.folder / "production" / "refuses"
    for reason in ("12 of 40 requests failed", "99 of 100 requests failed"):
        refuses.write_text(reason, encoding="utf-8")
        ran = hosts.deploy("production", NEXT)
        assert ran.jobs == {**ALL, "roll": "failure"}, ran.log
        (issue,) = hosts.releases.project.github.issues
        assert reason in issue["body"]
    assert (issue["state"], [label["name"] for label in issue["labels"]]) == ("open", ["delivery"])
    assert hosts.releases.project.origin.sha(f"classifier@{NEXT}") in issue["body"]
    assert "git restore --source=classifier@v1.0.0" in issue["body"]
    assert hosts.tags("production") == ["v1.0.0"]
    assert hosts.host("production").recorded.read() == "v1.0.0"
    refuses.unlink()
    assert hosts.deploy("production", NEXT).jobs == ALL
    assert [one["state"] for one in hosts.releases.project.github.issues] == ["closed"]


def test_back_asks_for_nothing(hosts: Hosts) -> None:
    """The previous release serves again and has the tag, and the issue says so; nothing is verified."""
    hosts.serves("production", NEXT, previous="v1.0.0")
    ran = hosts.deploy("production", back="true", force="wrong labels")
    assert ran.jobs == {**ALL, "verify": "skipped"}, ran.log
    assert hosts.tags("production") == ["v1.0.0", NEXT, "v1.0.0"]
    assert hosts.host("production").recorded.read() == "v1.0.0"
    (issue,) = hosts.releases.project.github.issues
    assert "wrong labels" in issue["body"]


def test_what_serves_is_recorded_without_a_roll(hosts: Hosts) -> None:
    """Without a version, a host that rolled back by itself reports it, and the tag follows."""
    hosts.serves("production", NEXT)
    state = State("production", stable=read_release(hosts.shown("v1.0.0")), outcome="rolled back")
    hosts.host("production").state.write(state)
    ran = hosts.deploy("production")
    assert ran.jobs == {**ALL, "verify": "skipped"}, ran.log
    assert hosts.tags("production") == [NEXT, "v1.0.0"]


def test_a_runner_on_the_wrong_host_records_nothing(hosts: Hosts) -> None:
    """The answer of another environment's host sets no tag."""
    hosts.host("production").state.write(State("staging"))
    ran = hosts.deploy("production")
    assert (ran.jobs["record"], ran.jobs["confirm"]) == ("failure", "skipped"), ran.log
    assert "is the runner serve-production on that host?" in ran.log
    assert hosts.tags("production") == []


def test_a_release_is_on_staging_at_once(hosts: Hosts) -> None:
    """By release.yml, after a green main, where the variable STAGING says that there is one."""
    (hosts.releases.clone.path / "requirements/serving.txt").write_text("# yet other pins\n", encoding="utf-8")
    commit = hosts.releases.commit()
    project = hosts.releases.project
    ran = release_fixture.run(project, green(project, commit), **hosts.settings("staging"))
    assert {ran.jobs[f"staging / {job}"] for job in ALL} == {"success"}, ran.log
    assert hosts.host("staging").recorded.read() == "v1.0.2"
