"""The harness: states of jobs, and what steps find."""

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.workflows import act, events
from tests.workflows.act import NotStartedError
from tests.workflows.conftest import Files
from tests.workflows.github import GitHub
from tests.workflows.origin import Origin
from tests.workflows.workflow import UnknownActionError

Write = Callable[[Files], Path]
PIN = "3d3c42e5aac5ba805825da76410c181273ba90b1"
CHECKOUT = f"actions/checkout@{PIN}"
_STATES = """
name: States
on: [push, workflow_dispatch]
jobs:
  good:
    runs-on: ubuntu-24.04
    outputs: {word: "${{ steps.say.outputs.word }}"}
    steps:
      - {id: say, run: 'echo word=hello >> "$GITHUB_OUTPUT"; echo "# Title" >> "$GITHUB_STEP_SUMMARY"'}
      - {name: never, if: 'false', run: echo never}
  bad:
    runs-on: [self-hosted, gpu]
    steps:
      - {name: soft, continue-on-error: true, run: exit 1}
      - {name: hard, run: exit 1}
      - {name: unreached, run: echo unreached}
      - {name: last, if: always(), run: echo last}
  behind: {needs: bad, runs-on: ubuntu-24.04, steps: [{run: echo behind}]}
  whatever:
    needs: [good, bad]
    if: always()
    runs-on: ubuntu-24.04
    steps: [{run: 'echo "${{ needs.good.outputs.word }} ${{ needs.bad.result }}"'}]
  other: {if: "github.event_name == 'schedule'", runs-on: ubuntu-24.04, steps: [{run: echo other}]}
  many:
    strategy: {matrix: {n: [0, 1]}}
    runs-on: ubuntu-24.04
    steps: [{run: "exit ${{ matrix.n }}"}]
  call: {uses: ./.github/workflows/called.yml, with: {word: there}}
  after:
    needs: call
    runs-on: ubuntu-24.04
    steps: [{run: "echo from ${{ needs.call.outputs.word }}"}]
"""
_CALLED = """
on:
  workflow_call:
    inputs: {word: {type: string}}
    outputs: {word: {value: "${{ jobs.inner.outputs.word }}"}}
jobs:
  inner:
    runs-on: ${{ fromJSON('["ubuntu-24.04"]') }}
    outputs: {word: "${{ steps.say.outputs.word }}"}
    steps: [{id: say, run: 'echo "word=${{ inputs.word }}" >> "$GITHUB_OUTPUT"'}]
  out: {if: inputs.word == 'away', runs-on: ubuntu-24.04, steps: [{run: echo out}]}
"""


def _pushed(origin: Origin, write: Write, workflow: str, **more: str) -> None:
    files = {f".github/workflows/{name}.yml": text for name, text in {"it": workflow, **more}.items()}
    origin.push(write(files), "main")


def test_states_of_jobs_and_steps(origin: Origin, github: GitHub, write: Write) -> None:
    """Every job of the file has the result that GitHub would give it, those that act leaves out too."""
    _pushed(origin, write, _STATES, called=_CALLED)
    found = act.run(origin, "it.yml", events.push(github), github=github)
    assert found.jobs == {
        "good": "success",
        "bad": "failure",
        "behind": "skipped",
        "whatever": "success",
        "other": "skipped",
        "many (0)": "success",
        "many (1)": "failure",
        "many": "failure",
        "call / inner": "success",
        "call / out": "skipped",
        "call": "success",
        "after": "success",
    }
    assert found.steps["bad"] == {"soft": "failure", "hard": "failure", "unreached": "skipped", "last": "success"}
    assert found.steps["good"] == {"say": "success", "never": "skipped"}
    assert found.outputs["good"] == {"say": {"word": "hello"}}
    assert found.summaries["good"] == "# Title\n"
    assert found.logs["whatever"] == "hello failure\n"
    assert found.logs["after"] == "from there\n"
    assert (found.conclusion, found.succeeded) == ("failure", False)


_SEES = """
on:
  pull_request: {branches: [main], types: [opened]}
  merge_group:
  push: {branches: [main]}
  schedule: [{cron: "0 3 * * *"}]
  workflow_dispatch: {inputs: {word: {type: string}}}
jobs:
  see:
    runs-on: ubuntu-24.04
    steps:
      - run: echo "$GITHUB_EVENT_NAME|$GITHUB_REF|$GITHUB_SHA|$GITHUB_RUN_ID|$GITHUB_REPOSITORY|$WORD"
        env: {WORD: "${{ inputs.word }}${{ vars.word }}${{ secrets.WORD }}"}
      - run: echo "${{ github.event_name }}|${{ github.ref }}|${{ github.sha }}|${{ github.run_id }}"
      - run: echo "$GITHUB_API_URL|${{ github.api_url }}|$GITHUB_SERVER_URL|$HOME|$EXTRA"
"""


@pytest.mark.parametrize("name", ["pull_request", "merge_group", "push", "schedule", "workflow_dispatch"])
def test_ref_and_commit_of_an_event(origin: Origin, github: GitHub, write: Write, name: str) -> None:
    """Steps see the ref, the commit and the API that a run on GitHub would; this machine's environment they do not."""
    _pushed(origin, write, _SEES)
    origin.push(write({"new": "file"}), "feature")
    origin.pull(1, "feature")
    github.pull(1, "feature")
    event = {
        "pull_request": lambda: events.pull_request(github, 1),
        "merge_group": lambda: events.merge_group(github, origin.queue(1)),
        "push": lambda: events.push(github),
        "schedule": lambda: events.schedule(github),
        "workflow_dispatch": lambda: events.workflow_dispatch(github, {"word": "given"}),
    }[name]()
    found = act.run(origin, "it.yml", event, github=github, run_id=77, variables={"word": "v"}, env={"EXTRA": "e"})
    environment, context, places = found.logs["see"].splitlines()
    word = "givenv" if name == "workflow_dispatch" else "v"
    assert environment == f"{name}|{event.ref}|{event.sha}|77|{github.name}|{word}"
    assert context == f"{name}|{event.ref}|{event.sha}|77"
    assert places.startswith(f"{github.url}|{github.url}|https://github.com|{origin.root}")
    assert places.endswith("|e")
    assert event.sha == origin.sha(event.ref)


def test_a_fork_gets_no_secret(origin: Origin, github: GitHub, write: Write) -> None:
    """A pull request from a fork runs without the secrets that the same one from a branch has."""
    _pushed(origin, write, _SEES)
    clone = write({"new": "file"})
    origin.push(clone, "feature")
    origin.pull(1, "feature")
    origin.push(clone, "feature", repo=origin.fork("outsider/verdict"))
    origin.pull(2, "feature", repo="outsider/verdict")
    github.pull(1, "feature")
    github.pull(2, "feature", head_repo="outsider/verdict", author="outsider")
    secrets = {"WORD": "hidden"}
    own = act.run(origin, "it.yml", events.pull_request(github, 1), github=github, secrets=secrets)
    other = act.run(origin, "it.yml", events.pull_request(github, 2), github=github, secrets=secrets)
    assert own.logs["see"].splitlines()[0].endswith("|***")
    assert other.logs["see"].splitlines()[0].endswith("|owner/verdict|")


def test_what_github_would_not_start(origin: Origin, github: GitHub, write: Write) -> None:
    """An event of another type or branch starts no run, with a reason."""
    _pushed(origin, write, _SEES)
    origin.push(write({"new": "file"}), "feature")
    origin.pull(1, "feature")
    github.pull(1, "feature")
    for event in (events.pull_request(github, 1, "synchronize"), events.push(github, "feature")):
        with pytest.raises(NotStartedError, match="has no"):
            act.run(origin, "it.yml", event, github=github)


@pytest.mark.parametrize(
    ("step", "error"),
    [
        ("{uses: other/action@v1}", UnknownActionError),
        (f"{{uses: {CHECKOUT}, with: {{dpeth: 1}}}}", UnknownActionError),
        ("{run: 'echo ${{ nothing( }}'}", NotStartedError),
    ],
)
def test_a_workflow_that_cannot_run(
    origin: Origin, github: GitHub, write: Write, step: str, error: type[Exception]
) -> None:
    """An unknown action, an unknown input of a known one and a file that act cannot read are errors."""
    _pushed(origin, write, f"on: push\njobs:\n  one:\n    runs-on: ubuntu-24.04\n    steps: [{step}]\n")
    with pytest.raises(error):
        act.run(origin, "it.yml", events.push(github), github=github)


def test_a_job_without_a_runner(origin: Origin, github: GitHub, write: Write) -> None:
    """A label that only an expression makes is not among the runners: an error, though act exits with 0."""
    text = "on: push\njobs:\n  one:\n    runs-on: ${{ format('{0}{1}', 'ex', 'otic') }}\n    steps: [{run: echo}]\n"
    _pushed(origin, write, text)
    with pytest.raises(NotStartedError, match="no runner"):
        act.run(origin, "it.yml", events.push(github), github=github)


def test_a_run_that_hangs(origin: Origin, github: GitHub, write: Write) -> None:
    """It is stopped with all its processes, and its job counts as cancelled."""
    text = "on: push\njobs:\n  one:\n    runs-on: ubuntu-24.04\n    steps: [{run: sleep 3600.25}]\n"
    _pushed(origin, write, text)
    found = act.run(origin, "it.yml", events.push(github), github=github, timeout=2)
    left = [one.info for one in psutil.process_iter(["cmdline", "status"]) if "3600.25" in (one.info["cmdline"] or [])]
    assert not [one for one in left if one["status"] != psutil.STATUS_ZOMBIE]
    assert found.jobs == {"one": "cancelled"}
    assert found.seconds < 20
