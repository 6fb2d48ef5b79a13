"""The pull request of a sweep's winner: opened once, updated, never over another person's work."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.workflows.conftest import Files
from tests.workflows.github import GitHub
from tests.workflows.origin import Origin
from tests.workflows.test_sweep import APP
from verdict.base.errors import VerdictError
from verdict.ci.github.client import GitHub as Client
from verdict.ci.sweep.proposal import FILES, Proposal, mark
from verdict.ci.sweep.pull_request import open_or_update

SPEC, BRANCH = "sweeps/small.yaml", "sweep/small"
Open = Callable[..., int]


@pytest.fixture
def proposed(origin: Origin, tmp_path: Path) -> Proposal:
    """A winner that changes params.yaml."""
    target = tmp_path / "proposal" / FILES / "params.yaml"
    target.parent.mkdir(parents=True)
    target.write_text("a: 2\n", encoding="utf-8")
    message = f"Params of the best\n\n{mark(SPEC)}\nExperiment: small-a_2\n"
    return Proposal(
        mark(SPEC), "small-a_2", origin.sha("main"), BRANCH, "Sweep small", "Why.", message, ["params.yaml"], []
    )


@pytest.fixture
def open_it(github: GitHub, tmp_path: Path) -> Open:
    """Open the pull request, by the App's token or the workflow's own."""
    rights = {"contents": "write", "pull_requests": "write"}
    tokens = {False: github.token("of-the-app", rights, APP, None), True: github.token("of-the-run", rights)}

    def call(proposal: Proposal, own_token: bool = False) -> int:
        client = Client(github.name, tokens[own_token], github.url)
        return open_or_update(client, proposal, tmp_path / "proposal", own_token)

    return call


def test_one_winner_is_one_commit(origin: Origin, github: GitHub, proposed: Proposal, open_it: Open) -> None:
    """The same winner again makes neither a commit nor a second pull request, but updates its texts."""
    assert open_it(proposed) == 1
    head = origin.sha(BRANCH)
    assert origin.git("show", f"{BRANCH}:params.yaml") == "a: 2"
    assert origin.git("show", f"{BRANCH}:README.md") == "A repository"
    assert origin.sha(f"{BRANCH}^") == proposed.baseline
    assert open_it(replace(proposed, body="More experiments.")) == 1
    assert origin.sha(BRANCH) == head
    assert github.state.pulls[1]["body"] == "More experiments."


def test_another_winner_replaces_the_first(
    origin: Origin, proposed: Proposal, open_it: Open, tmp_path: Path, write: Callable[[Files], Path]
) -> None:
    """The branch has one commit on main, the new winner's; what it does not have any more is gone."""
    open_it(proposed)
    proposed = replace(proposed, baseline=origin.push(write({"plots/old.json": "{}"}), "main"))
    (tmp_path / "proposal" / FILES / "params.yaml").write_text("a: 3\n", encoding="utf-8")
    assert open_it(replace(proposed, title="Sweep small: a=3", gone=["plots/old.json"])) == 1
    assert origin.sha(f"{BRANCH}^") == proposed.baseline
    assert origin.git("ls-tree", "-r", "--name-only", BRANCH).split() == ["README.md", "params.yaml"]
    assert origin.git("show", f"{BRANCH}:params.yaml") == "a: 3"


def test_a_closed_one_stays_closed(github: GitHub, proposed: Proposal, open_it: Open) -> None:
    """Somebody who closed it has said no to that one; a later sweep opens another."""
    assert open_it(proposed) == 1
    github.state.pulls[1]["state"] = "closed"
    assert open_it(proposed) == 2


def test_commits_of_others_are_not_overwritten(
    origin: Origin, proposed: Proposal, open_it: Open, write: Callable[[Files], Path]
) -> None:
    """A branch with another person's push stays as it is, and the error has the remedy."""
    theirs = origin.push(write({"params.yaml": "a: 4\n"}), BRANCH)
    with pytest.raises(VerdictError, match="is not ours: nothing was overwritten"):
        open_it(proposed)
    assert origin.sha(BRANCH) == theirs


def test_without_an_app_it_says_that_no_check_runs(github: GitHub, proposed: Proposal, open_it: Open) -> None:
    """If the workflow's own token opens it, the text says what starts the checks."""
    github.state.actions_open_pulls = True
    assert open_it(proposed, own_token=True) == 1
    assert "Close and reopen it" in github.state.pulls[1]["body"]


def test_without_an_app_and_without_leave_the_branch_is_there(
    origin: Origin, github: GitHub, proposed: Proposal, open_it: Open
) -> None:
    """If it may not open one, the branch is pushed, and the error says how to go on."""
    with pytest.raises(VerdictError, match=r"not permitted to create or approve .*sweep/small is pushed"):
        open_it(proposed, own_token=True)
    assert origin.git("show", f"{BRANCH}:params.yaml") == "a: 2"
    assert github.state.pulls == {}


def test_nothing_but_params_and_results_is_committed(proposed: Proposal, open_it: Open) -> None:
    """A file that no experiment may change is refused before anything is written."""
    with pytest.raises(VerdictError, match=r"only params\.yaml, dvc\.lock"):
        open_it(replace(proposed, files=[".github/workflows/main.yml"]))
