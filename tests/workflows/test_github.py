"""The API of the tests' GitHub: permissions, pages, refs, faults, and what it takes for a violation."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.workflows import events
from tests.workflows.conftest import Files
from tests.workflows.github import GitHub
from tests.workflows.openapi import description, wrong
from tests.workflows.origin import Origin

Write = Callable[[Files], Path]
Ask = Callable[..., requests.Response]
ALL = dict.fromkeys(("contents", "pull_requests", "issues", "checks", "actions"), "write")


@pytest.fixture
def ask(github: GitHub) -> Ask:
    """Send a request for something below the repository, with a token that may do everything."""
    github.token("all", ALL)

    def send(method: str, path: str, body: object = None, token: str = "all") -> requests.Response:  # noqa: S107
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"{github.url}/repos/{github.name}{path}"
        return requests.request(method, url, json=body, headers=headers, timeout=10)

    return send


@pytest.fixture
def loose(github: GitHub) -> Iterator[list[str]]:
    """Violations that a test wants; they are taken back at its end."""
    yield github.violations
    github.violations.clear()


def test_wrong_requests_are_violations(github: GitHub, ask: Ask, loose: list[str]) -> None:
    """A wrong body, a key that GitHub ignores, an unknown query key and an unknown path are all seen."""
    github.pull(1, "feature")
    assert ask("POST", "/issues/1/comments", {"text": "x"}).status_code == 422
    assert len(loose) == 2
    assert ask("GET", "/pulls?stat=open").status_code == 200
    assert ask("GET", "/pulls?state=broken").status_code == 200
    assert ask("GET", "/no/such/thing").status_code == 404
    assert ask("PUT", "/subscription", {}).status_code == 501
    assert [text.partition(": ")[2] for text in loose] == [
        "body: all: 'body' is a required property",
        "body: unknown key 'text'",
        "unknown query key 'stat'",
        "query state: all: 'broken' is not one of ['open', 'closed', 'all']",
        "GitHub has no such endpoint",
        "the tests' GitHub does not play this endpoint",
        "501 is not among the answers",
    ]


def test_wrong_answers_are_violations(github: GitHub, ask: Ask, loose: list[str]) -> None:
    """An answer that GitHub would not give is seen, too."""
    github.pull(1, "feature")["title"] = 7
    ask("GET", "/pulls/1")
    assert loose == ["GET /repos/owner/verdict/pulls/1: answer 200: title: 7 is not of type 'string'"]


def test_nullable_is_understood() -> None:
    """OpenAPI 3.0 says nullable where JSON Schema says null."""
    schema = description().operation("GET", "/repos/{owner}/{repo}/pulls/{pull_number}").answers[200]
    assert schema is not None
    messages = [text for text in wrong(schema, {"body": None, "title": None}) if "required" not in text]
    assert messages == ["title: None is not of type 'string'"]


@pytest.mark.parametrize(
    ("call", "body", "scope"),
    [
        ("GET /pulls/1", None, "pull_requests"),
        ("GET /issues/1/comments", None, "pull_requests"),
        ("POST /issues/1/comments", {"body": "x"}, "pull_requests"),
        ("GET /actions/runs/5/artifacts", None, "actions"),
        ("POST /check-runs", {"name": "x", "head_sha": "SHA"}, "checks"),
        ("POST /git/blobs", {"content": "x"}, "contents"),
        ("POST /issues", {"title": "x"}, "issues"),
    ],
)
def test_permissions(github: GitHub, ask: Ask, call: str, body: dict[str, object] | None, scope: str) -> None:
    """Each endpoint is closed without its permission, and writes need the level to write."""
    github.pull(1, "feature")
    main = str(github.state.find("main"))
    github.run(5, head_sha=main, head_branch="main")
    method, path = call.split()
    if body and "head_sha" in body:
        body = {**body, "head_sha": main}
    github.token("none", {name: level for name, level in ALL.items() if name not in (scope, "issues")})
    github.token("read", dict.fromkeys(ALL, "read"))
    assert ask(method, path, body, "none").status_code == 403
    assert ask(method, path, body, "read").status_code == (200 if method == "GET" else 403)
    assert ask(method, path, body).status_code == (200 if method == "GET" else 201)
    assert ask(method, path, body, "wrong").json()["message"] == "Bad credentials"
    assert ask(method, path, body, "").status_code == 401
    assert {one.login for one in github.requests} == {"github-actions[bot]", ""}


def test_a_check_is_an_apps(origin: Origin, github: GitHub, ask: Ask) -> None:
    """A person's token makes no check run; an App's shows whose it is, and of one name the latest counts."""
    sha = origin.sha("main")
    body = {"name": "verdict", "head_sha": sha, "status": "completed", "conclusion": "failure"}
    github.token("person", ALL, login="maintainer", app=None)
    assert ask("POST", "/check-runs", body, "person").status_code == 403
    assert ask("POST", "/check-runs", body).json()["app"]["slug"] == "github-actions"
    second = ask("POST", "/check-runs", {**body, "conclusion": "success"}).json()
    listed = ask("GET", f"/commits/{sha}/check-runs?check_name=verdict").json()
    assert [one["id"] for one in listed["check_runs"]] == [second["id"]]
    assert [one["conclusion"] for one in github.check_runs(sha)] == ["failure", "success"]
    assert ask("POST", "/check-runs", {**body, "head_sha": "f" * 40}).status_code == 422


def test_pages(github: GitHub, ask: Ask) -> None:
    """Lists come 30 at a time, or as many as asked for up to 100, with links to the other pages."""
    github.pull(1, "feature")
    for number in range(31):
        github.comment(1, str(number), "outsider")
    first = ask("GET", "/issues/1/comments")
    assert [one["body"] for one in first.json()] == [str(number) for number in range(30)]
    second = requests.get(first.links["next"]["url"], headers={"Authorization": "token all"}, timeout=10)
    assert [one["body"] for one in second.json()] == ["30"]
    assert set(second.links) == {"first", "prev"}
    assert len(ask("GET", "/issues/1/comments?per_page=100").json()) == 31


def test_a_ref_moves_ahead_only(origin: Origin, github: GitHub, ask: Ask) -> None:
    """Files become blobs, a tree, a commit and a ref in the real repository; back it goes with force alone."""
    main = origin.sha("main")
    blob = ask("POST", "/git/blobs", {"content": "AAE=", "encoding": "base64"}).json()["sha"]
    entries = [{"path": "plots/a.png", "mode": "100644", "type": "blob", "sha": blob}]
    base = ask("GET", f"/git/commits/{main}").json()["tree"]["sha"]
    tree = ask("POST", "/git/trees", {"tree": entries, "base_tree": base}).json()["sha"]
    made = ask("POST", "/git/commits", {"message": "Plots", "tree": tree, "parents": [main]}).json()["sha"]
    other = ask("POST", "/git/commits", {"message": "Other", "tree": tree, "parents": []}).json()["sha"]
    assert ask("POST", "/git/refs", {"ref": "refs/plots/1", "sha": main}).status_code == 201
    assert ask("POST", "/git/refs", {"ref": "refs/plots/1", "sha": main}).status_code == 422
    assert ask("PATCH", "/git/refs/plots/1", {"sha": made}).status_code == 200
    refused = ask("PATCH", "/git/refs/plots/1", {"sha": other})
    assert (refused.status_code, refused.json()["message"]) == (422, "Update is not a fast forward")
    assert origin.sha("refs/plots/1") == made
    assert origin.git("show", "--stat", "--format=%s %an", made).split()[:2] == ["Plots", "github-actions[bot]"]
    assert origin.git("ls-tree", "-r", "--name-only", made).split() == ["README.md", "plots/a.png"]
    assert ask("PATCH", "/git/refs/plots/1", {"sha": other, "force": True}).status_code == 200
    assert ask("GET", "/git/ref/plots/1").json()["object"]["sha"] == other
    assert ask("GET", "/git/ref/plots/2").status_code == 404


def test_pull_requests_are_what_git_has(origin: Origin, github: GitHub, ask: Ask, write: Write) -> None:
    """A pull request is found by its branch, shows its commits as they are, and says whether it merges."""
    head = origin.push(write({"new": "file"}), "feature")
    origin.pull(1, "feature")
    github.pull(1, "feature", labels=["reproduce"])
    github.unlabel(1, "reproduce", "maintainer")
    github.label(1, "approve: test set", "maintainer", at="2026-01-02T03:04:05Z")
    [found] = ask("GET", "/pulls?state=open&head=owner:feature").json()
    assert (found["head"]["sha"], found["base"]["sha"]) == (head, origin.sha("main"))
    assert ask("GET", "/pulls/1").json()["merge_commit_sha"] == origin.sha("refs/pull/1/merge")
    assert ask("GET", "/pulls?head=outsider:feature").json() == []
    told = [(one["event"], one["label"]["name"], one["actor"]["login"]) for one in _events(ask)]
    assert told[1:] == [("unlabeled", "reproduce", "maintainer"), ("labeled", "approve: test set", "maintainer")]
    assert _events(ask)[-1]["created_at"] == "2026-01-02T03:04:05Z"
    origin.push(write({"README.md": "theirs"}), "feature")
    write({})
    origin.git("update-ref", "refs/heads/main", _other_main(origin))
    origin.pull(1, "feature")
    assert ask("GET", "/pulls/1").json()["mergeable"] is False
    with pytest.raises(AssertionError, match="conflict"):
        events.pull_request(github, 1)


def test_a_pull_request_is_opened_once(origin: Origin, github: GitHub, ask: Ask, write: Write) -> None:
    """From a branch with commits, by an App or, if the settings allow it, by GitHub Actions."""
    head = origin.push(write({"new": "file"}), "feature")
    body = {"title": "A change", "head": "feature", "base": "main", "body": "Why"}
    refused = ask("POST", "/pulls", body)
    assert (refused.status_code, refused.json()["message"][:36]) == (403, "GitHub Actions is not permitted to c")
    github.state.actions_open_pulls = True
    assert ask("POST", "/pulls", {**body, "head": "main"}).status_code == 422
    made = ask("POST", "/pulls", body)
    assert (made.status_code, made.json()["head"]["sha"], made.json()["state"]) == (201, head, "open")
    assert origin.sha("refs/pull/1/head") == head
    assert "already exists for owner:feature" in ask("POST", "/pulls", body).json()["message"]
    assert ask("PATCH", "/pulls/1", {"title": "Another", "state": "closed"}).json()["closed_at"]
    assert ask("GET", "/pulls").json() == []
    assert ask("POST", "/pulls", body).json()["number"] == 2


def _events(ask: Ask) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask("GET", "/issues/1/events").json()
    return found


def _other_main(origin: Origin) -> str:
    """A commit of main that changes the README in another way."""
    blob = origin.git("rev-parse", "main:README.md")
    (origin.root / "text").write_text("ours", encoding="utf-8")
    blob = origin.git("hash-object", "-w", str(origin.root / "text"))
    (origin.root / "tree").write_text(f"100644 blob {blob}\tREADME.md\n", encoding="utf-8")
    with (origin.root / "tree").open() as listing:
        made = subprocess.run(["git", "mktree"], cwd=origin.folder, stdin=listing, check=True, capture_output=True)
    return origin.git("commit-tree", made.stdout.decode().strip(), "-p", "main", "-m", "Ours")


def test_issues(github: GitHub, ask: Ask) -> None:
    """An issue is opened, found by its label, and closed."""
    number = ask("POST", "/issues", {"title": "Drift", "labels": ["audit"]}).json()["number"]
    assert [one["number"] for one in ask("GET", "/issues?labels=audit&state=open").json()] == [number]
    assert ask("PATCH", f"/issues/{number}", {"state": "closed"}).json()["closed_at"]
    assert ask("GET", "/issues?labels=audit").json() == []
    assert [one["state"] for one in github.issues] == ["closed"]


def test_dispatches(github: GitHub, ask: Ask, loose: list[str]) -> None:
    """A repository_dispatch needs the right to write contents and at most ten keys, and has no body in its answer."""
    github.token("issues", {"issues": "write"})
    body = {"event_type": "retrain", "client_payload": {"reason": "drift"}}
    assert ask("POST", "/dispatches", body, "issues").status_code == 403
    sent = ask("POST", "/dispatches", body)
    assert (sent.status_code, sent.content, github.dispatches) == (204, b"", [body])
    assert ask("POST", "/dispatches", {**body, "client_payload": {"text": "x" * 65_536}}).status_code == 422
    assert loose == []
    assert ask("POST", "/dispatches", {**body, "client_payload": {str(n): "" for n in range(11)}}).status_code == 422
    assert len(loose) == 1
    assert len(github.dispatches) == 1


def test_faults(github: GitHub, ask: Ask) -> None:
    """A fault of a test happens as often as it says."""
    github.pull(1, "feature")
    github.fail("GET", r"/pulls/1$", 502, times=2)
    github.fail("GET", r"/pulls$", 0)
    github.fail("GET", r"/issues$", 429, Retry_After="7")
    assert [ask("GET", "/pulls/1").status_code for _ in range(3)] == [502, 502, 200]
    with pytest.raises(requests.ConnectionError):
        ask("GET", "/pulls")
    assert ask("GET", "/pulls").status_code == 200
    assert ask("GET", "/issues").headers["Retry-After"] == "7"


def test_an_enterprises_prefix(github: GitHub, ask: Ask) -> None:
    """The same API is below /api/v3."""
    assert ask("GET", "").status_code == 200
    url = f"{github.url}/api/v3/repos/{github.name}"
    assert requests.get(url, headers={"Authorization": "token all"}, timeout=10).json()["full_name"] == github.name


def test_downloads_want_no_token(github: GitHub, ask: Ask, origin: Origin, loose: list[str]) -> None:
    """The log of a job is elsewhere, where a token of GitHub's is an error."""
    github.run(
        5, head_sha=origin.sha("main"), head_branch="main", jobs=[{"name": "a", "conclusion": "failure", "log": "Why"}]
    )
    [job] = ask("GET", "/actions/runs/5/jobs").json()["jobs"]
    assert ask("GET", f"/actions/jobs/{job['id']}/logs").text == "Why"
    assert loose == []
    url = f"{github.state.downloads}/log-{job['id']}.txt"
    assert requests.get(url, headers={"Authorization": "token all"}, timeout=10).status_code == 400
    assert len(loose) == 1


@pytest.mark.parametrize("action", ["opened", "synchronize", "reopened", "labeled", "unlabeled", "closed"])
def test_payloads_of_pull_requests(origin: Origin, github: GitHub, write: Write, action: str) -> None:
    """Every payload fits GitHub's schema, and knows a fork from a branch."""
    clone = write({"new": "file"})
    origin.push(clone, "feature", repo=origin.fork("outsider/verdict"))
    origin.pull(1, "feature", repo="outsider/verdict")
    github.pull(1, "feature", head_repo="outsider/verdict", author="outsider")
    event = events.pull_request(github, 1, action, label="reproduce")
    assert event.payload["pull_request"]["head"]["repo"]["full_name"] == "outsider/verdict"
    assert not event.trusted
    github.run(5, head_sha=origin.sha("refs/pull/1/head"), head_branch="feature", head_repo="outsider/verdict")
    assert events.workflow_run(github, 5).payload["workflow_run"]["pull_requests"] == []
