"""The stand-ins for actions: checkout, caches and their scopes, artifacts, keys and tokens."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.workflows import act, events
from tests.workflows.conftest import Files
from tests.workflows.events import Event
from tests.workflows.github import GitHub
from tests.workflows.origin import Origin, seed_cache
from tests.workflows.outcome import Outcome

Write = Callable[[Files], Path]
PINS = {
    "CHECKOUT": "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1",
    "PYTHON": "actions/setup-python@ece7cb06caefa5fff74198d8649806c4678c61a1",
    "CACHE": "actions/cache@27d5ce7f107fe9357f9df03efb73ab90386fccae",
    "RESTORE": "actions/cache/restore@27d5ce7f107fe9357f9df03efb73ab90386fccae",
    "SAVE": "actions/cache/save@27d5ce7f107fe9357f9df03efb73ab90386fccae",
    "UPLOAD": "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f",
    "DOWNLOAD": "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c",
    "CML": "iterative/setup-cml@f12ea7685438c1fc438d50f77519b3860cf5fa98",
    "AWS": "aws-actions/configure-aws-credentials@e6de054238d6b7531b4efff3b6587d9aade6a06c",
    "APP": "actions/create-github-app-token@1b10c78c7865c340bc4f6099eb2f838309f1e8c3",
}
_ON = """
on: {pull_request: , push: , workflow_dispatch: }
permissions: {contents: read, actions: read, pull-requests: write}
jobs:
"""


@pytest.fixture
def play(origin: Origin, github: GitHub, write: Write) -> Callable[..., Outcome]:
    """Run a workflow with these jobs, which main and pull request 1 have, for a push of main or for an event."""

    def go(jobs: str, event: str = "push", **options: object) -> Outcome:
        for name, pin in PINS.items():
            jobs = jobs.replace(f"uses: {name}", f"uses: {pin}")
        steps = f"[{{uses: {PINS['PYTHON']}}}]"
        local = f"name: l\ndescription: d\nruns:\n  using: composite\n  steps: {steps}\n"
        clone = write({".github/workflows/it.yml": _ON + jobs, ".github/actions/set/action.yml": local})
        origin.push(clone, "main")
        origin.push(write({"feature": "file"}), "feature")
        origin.pull(1, "feature")
        github.pull(1, "feature")
        events_of: dict[str, Callable[[], Event]] = {
            "push": lambda: events.push(github),
            "pull": lambda: events.pull_request(github, 1),
        }
        return act.run(origin, "it.yml", events_of[event](), github=github, **options)  # type: ignore[arg-type]

    return go


Play = Callable[..., Outcome]
_CHECKOUT = """
  one:
    runs-on: ubuntu-24.04
    steps:
      - uses: CHECKOUT
        with: {fetch-depth: 2}
      - run: git rev-parse HEAD HEAD^1 HEAD^2; git remote get-url --push origin; git symbolic-ref -q HEAD || echo none
      - run: 'git fetch --quiet origin main && git rev-parse FETCH_HEAD; git config --get-regexp extraheader | wc -l'
      - uses: CHECKOUT
        with: {ref: main, path: other, persist-credentials: false}
      - run: 'cd other; git rev-parse HEAD; git symbolic-ref HEAD; git config --get-regexp extraheader | wc -l; ls'
      - {id: local, uses: ./.github/actions/set}
      - run: python -c 'import sys; print(sys.prefix)'
"""


def test_checkout(origin: Origin, play: Play) -> None:
    """The merge of a pull request with both parents, then main in another folder; later fetches work."""
    lines = play(_CHECKOUT, "pull").logs["one"].splitlines()
    merge, main = origin.sha("refs/pull/1/merge"), origin.sha("main")
    assert lines[:3] == [merge, main, origin.sha("refs/pull/1/head")]
    assert lines[4:7] == ["none", main, "1"]
    assert lines[7:11] == [main, "refs/heads/main", "0", "README.md"]
    assert lines[11] == sys.prefix


def test_checkout_of_a_fork(origin: Origin, github: GitHub, play: Play, write: Write) -> None:
    """refs/pull/N/head of a fork's branch is in the base repository; a ref that is not there fails the step."""
    clone = write({"theirs": "file"})
    head = origin.push(clone, "change", repo=origin.fork("outsider/verdict"))
    origin.pull(2, "change", repo="outsider/verdict")
    github.pull(2, "change", head_repo="outsider/verdict")
    jobs = """
  one:
    runs-on: ubuntu-24.04
    steps:
      - {uses: CHECKOUT, with: {ref: refs/pull/2/head}}
      - run: git rev-parse HEAD
      - {name: gone, uses: CHECKOUT, with: {ref: nowhere}}
"""
    found = play(jobs)
    assert found.logs["one"].splitlines()[0] == head
    assert found.steps["one"]["gone"] == "failure"
    assert "could not be found" in found.log


_CACHE = """
  one:
    runs-on: ubuntu-24.04
    steps:
      - uses: RESTORE
        id: cache
        with: {path: "kept\\n.more/x", key: KEY, restore-keys: "k-"}
      - run: echo "hit=${{ steps.cache.outputs.cache-hit }} key=${{ steps.cache.outputs.cache-matched-key }}"
      - run: cat kept/file || echo nothing
      - run: mkdir -p kept .more; echo "$GITHUB_EVENT_NAME" > kept/file; echo x > .more/x
      - uses: SAVE
        with: {path: "kept\\n.more/x", key: KEY}
"""


def _cached(play: Play, event: str, key: str) -> str:
    return " ".join(play(_CACHE.replace("KEY", key), event).logs["one"].splitlines()[1:3])


def test_scopes_of_caches(play: Play) -> None:
    """A pull request reads main's entries and its own, main never reads the pull request's; nothing is replaced."""
    assert _cached(play, "pull", "k-1").startswith("hit= key= cat")
    assert _cached(play, "push", "k-2").startswith("hit= key= cat")
    assert _cached(play, "pull", "k-3") == "hit=false key=k-1 pull_request"
    assert _cached(play, "push", "k-1") == "hit=false key=k-2 push"
    assert _cached(play, "pull", "k-1") == "hit=true key=k-1 pull_request"
    assert _cached(play, "push", "k-2") == "hit=true key=k-2 push"


def test_a_seeded_cache(origin: Origin, play: Play, write: Write) -> None:
    """A cache entry that a test puts into main's scope is restored like a run's."""
    seed_cache(origin, write({"kept/file": "seeded"}), "k-0", ["kept", ".more/x"])
    assert _cached(play, "pull", "k-9").startswith("hit=false key=k-0 seeded")


def test_cache_that_saves_at_the_end(play: Play) -> None:
    """actions/cache saves after the last step of a job that succeeded, and not after one that failed."""
    jobs = """
  one:
    runs-on: ubuntu-24.04
    steps:
      - {id: cache, uses: CACHE, with: {path: kept, key: k}}
      - run: 'echo "hit=${{ steps.cache.outputs.cache-hit }}"; ls kept || mkdir kept && touch kept/file; exit CODE'
"""
    logs = [play(jobs.replace("CODE", code)).logs["one"] for code in ("1", "0", "0")]
    assert ["hit=true" in log for log in logs] == [False, False, True]
    assert "file\n" in logs[2]


_ARTIFACTS = """
  up:
    runs-on: ubuntu-24.04
    steps:
      - run: mkdir -p out/deep out/.hid; echo 1 > out/a.txt; echo 2 > out/deep/b.txt; echo 3 > out/.hid/c; echo 4 > d.md
      - {uses: UPLOAD, with: {name: folder, path: out/, retention-days: 1}}
      - {uses: UPLOAD, with: {name: several, path: "out/**/*.txt\\nd.md\\n!out/a.txt"}}
      - {name: none, uses: UPLOAD, with: {name: none, path: nowhere, if-no-files-found: error}}
  down:
    needs: up
    if: always()
    runs-on: ubuntu-24.04
    steps:
      - {uses: DOWNLOAD, with: {name: folder, path: got}}
      - {uses: DOWNLOAD, with: {name: several}}
      - run: find * -type f | sort
      - {name: absent, uses: DOWNLOAD, with: {name: absent}}
"""


def test_artifacts_of_one_run(play: Play) -> None:
    """One job downloads another's upload; hidden files are left out, and a missing artifact fails the step."""
    found = play(_ARTIFACTS)
    assert found.logs["down"].splitlines()[:4] == ["d.md", "got/a.txt", "got/deep/b.txt", "out/deep/b.txt"]
    assert found.steps["up"]["none"] == found.steps["down"]["absent"] == "failure"


def test_artifacts_of_another_run(github: GitHub, play: Play) -> None:
    """GitHub serves what a run uploaded, to a test and to a later run that has a token."""
    first = play(_ARTIFACTS, run_id=5)
    github.run(5, head_sha=str(github.state.find("main")), head_branch="main", jobs=first.job_list)
    again = """
  one:
    runs-on: ubuntu-24.04
    steps:
      - {uses: DOWNLOAD, with: {name: folder, run-id: 5, github-token: "${{ github.token }}"}}
      - run: cat deep/b.txt
      - {name: bare, uses: DOWNLOAD, with: {name: folder, run-id: 5}}
"""
    found = play(again)
    assert found.logs["one"].splitlines()[0] == "2"
    assert found.steps["one"]["bare"] == "failure"
    github.token("test", {"actions": "read"})
    url = f"{github.url}/repos/{github.name}/actions/runs/5"
    headers = {"Authorization": "Bearer test"}
    listing = requests.get(f"{url}/artifacts", headers=headers, timeout=9).json()["artifacts"]
    assert [one["name"] for one in listing] == ["folder", "several"]
    archive = requests.get(listing[0]["archive_download_url"], headers=headers, timeout=9)
    assert archive.content[:2] == b"PK"
    jobs = requests.get(f"{url}/jobs", headers=headers, timeout=9).json()["jobs"]
    assert [(one["name"], one["conclusion"]) for one in jobs] == [("up", "failure"), ("down", "failure")]


def test_keys_and_tokens(play: Play) -> None:
    """Keys of a role and an App's token come from the test; without them the step fails."""
    jobs = """
  one:
    runs-on: ubuntu-24.04
    steps:
      - {name: keys, uses: AWS, with: {role-to-assume: "arn:aws:iam::1:role/test", aws-region: eu-west-1}}
      - run: echo "$AWS_ACCESS_KEY_ID $AWS_REGION"
      - {name: app, id: app, uses: APP, with: {client-id: x, private-key: y, permission-checks: write}}
      - run: test "${{ steps.app.outputs.token }}" = fake-app-token
"""
    env = {"STANDIN_AWS_ACCESS_KEY_ID": "fake", "STANDIN_AWS_SECRET_ACCESS_KEY": "obviously-fake"}
    found = play(jobs, env={**env, "STANDIN_APP_TOKEN": "fake-app-token"})
    assert found.succeeded, found.log
    assert "fake eu-west-1" in found.logs["one"]
    assert play(jobs).steps["one"]["keys"] == "failure"
    assert play(jobs, env=env).steps["one"]["app"] == "failure"


_CML = """
  one:
    runs-on: ubuntu-24.04
    steps:
      - {name: setup, uses: CML, with: {version: 0.20.6, vega: false}}
      - run: echo hello > report.md
      - name: comment
        env: {REPO_TOKEN: "${{ github.token }}"}
        run: cml comment update --publish=false --watermark-title=TITLE --target=pr/1 report.md
"""


def _own(github: GitHub) -> int:
    return sum("CML watermark" in one["body"] for one in github.comments(1))


@pytest.mark.parametrize(("others", "title", "comments"), [(0, "verdict", 1), (1, "verdict", 1), (31, "verdict", 2)])
def test_cml_updates_its_comment(github: GitHub, play: Play, others: int, title: str, comments: int) -> None:
    """The second update changes the first's comment, unless 30 others are before it."""
    github.pull(1, "feature")
    for number in range(others):
        github.comment(1, f"Comment {number}", "outsider")
    for _ in range(2):
        found = play(_CML.replace("TITLE", title), "pull")
        assert found.succeeded, found.log
    assert _own(github) == comments
    assert len(github.comments(1)) == comments + others
    last = github.comments(1)[-1]
    assert last["user"]["login"] == "github-actions[bot]"
    assert last["performed_via_github_app"]["slug"] == "github-actions"
    assert [one.method for one in github.requests[-2:]] == (["GET", "PATCH"] if comments == 1 else ["GET", "POST"])


def test_cml_with_an_underscore(github: GitHub, play: Play) -> None:
    """A title with an underscore is found again; CML misses it only after --publish=true, which takes its backslash."""
    for _ in range(2):
        assert play(_CML.replace("TITLE", "the_verdict"), "pull").succeeded
    assert _own(github) == 1


@pytest.mark.parametrize("status", [401, 403, 404, 502])
def test_cml_does_not_try_again(github: GitHub, play: Play, status: int) -> None:
    """One error of GitHub fails the step."""
    github.fail("POST", "/comments$", status)
    found = play(_CML.replace("TITLE", "verdict"), "pull")
    assert found.steps["one"]["comment"] == "failure"
    assert [(one.method, one.status) for one in github.requests] == [("GET", 200), ("POST", status)]


@pytest.mark.parametrize(("cml", "step"), [("missing", "setup"), ("broken", "comment")])
def test_cml_on_a_bad_day(play: Play, cml: str, step: str) -> None:
    """Its download fails, or its command does."""
    assert play(_CML.replace("TITLE", "verdict"), "pull", cml=cml).steps["one"][step] == "failure"
