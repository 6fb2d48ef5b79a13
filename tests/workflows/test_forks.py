"""Changes of strangers: no secret, no remote, no write to their branch; and runs that belong to no pull request."""

import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.dvc.pipeline.clone import Clone
from tests.dvc.review.edits import set_params
from tests.workflows.github_project import FORK
from tests.workflows.in_process import InProcessProject
from tests.workflows.pull_requests import JUDGED, documentation, other_seed, reproduce, top_level

_REPRODUCED = {"plan": "success", "gpu": "skipped", "fork": "success"}
# Printed in hexadecimal digits: in plain words a runner would mask what it knows to be secret.
_SPY = """import os
print("seen:", repr(dict(os.environ)).encode().hex())
"""
_REMOTE = """[core]
    remote = elsewhere
['remote "elsewhere"']
    url = {url}
"""


@contextmanager
def listening() -> Iterator[tuple[str, list[str]]]:
    """The address of a server that has nothing, and what it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        do_GET = do_HEAD = _answer  # noqa: N815 - the names that the library looks for

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/remote", asked
        server.shutdown()


def test_a_fork_is_reproduced_from_the_public_source_alone(project: InProcessProject) -> None:
    """By act: without cache, key or remote its code runs on a hosted machine, and finds no secret.

    It is judged as any other, by results of main that the judge makes itself.
    """
    project.secrets.update({name: f"value-of-{name}" for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")})
    shutil.rmtree(project.origin.caches)
    shutil.rmtree(project.origin.kept)

    def curious(clone: Clone) -> None:
        path = clone.path / "stages" / "train.py"
        path.write_text(path.read_text(encoding="utf-8").replace("import sys\n", f"import sys\n{_SPY}", 1), "utf-8")
        other_seed(clone)
        (clone.path / ".dvc" / "config").write_text(_REMOTE.format(url=url), encoding="utf-8")

    with listening() as (url, asked):
        project.propose(curious, fork=True)
        ran = project.act.experiment()
        assert top_level(ran.jobs) == _REPRODUCED, ran.log
        assert "Running stage 'prepare'" in ran.log
        (hexadecimal,) = re.findall(r"seen: ([0-9a-f]+)", ran.log)
        seen = bytes.fromhex(hexadecimal).decode()
        assert "PATH" in seen
        assert "GITHUB_" not in seen
        for secret in (*project.secrets.values(), f"run-{ran.run_id}-token"):
            assert secret not in seen + ran.log
        assert asked == [], "its own .dvc/config names a remote"
        judged = project.report(ran)
        assert asked == []
    assert judged.jobs == JUDGED, judged.log
    assert "running main's stages" in judged.logs["judge"]
    ((conclusion, title),) = project.checks()
    assert (conclusion, title.partition(":")[0]) == ("success", "Pass")
    assert "the same hashes for every stage" in project.comment()


def test_the_label_reproduce_writes_nothing_to_a_fork(project: InProcessProject) -> None:
    """CI runs the stages, as was asked, and says what differs; the lock is for its author to commit."""
    project.variables["LOCK_CLIENT_ID"] = "Iv1.lock"
    project.secrets["LOCK_PRIVATE_KEY"] = "key-of-the-app"
    project.env["STANDIN_APP_TOKEN"] = project.github.token(
        "token-of-the-app", {"contents": "write"}, "verdict-lock[bot]"
    )
    head = project.propose(lambda clone: set_params(clone, "train", seed=7), fork=True)
    project.github.run(1, head_sha=head, head_branch="change", head_repo=FORK, created_at=project.now())
    project.label(1, "reproduce")
    reproduce(project.clone)
    ran = project.experiment(action="labeled", label="reproduce", bundle_files=project.honest())
    assert top_level(ran.jobs) == _REPRODUCED, ran.log
    judged = project.report(ran)
    assert judged.jobs == JUDGED, judged.log
    ((conclusion, title),) = project.checks()
    assert (conclusion, title.partition(":")[0]) == ("failure", "Fail, reproduced (running gave another dvc.lock)")
    branches = project.origin.git("for-each-ref", "--format=%(refname)", "refs/heads")
    assert branches == "refs/heads/main"
    project.origin.git("fetch", "--quiet", str(project.origin.place(FORK)), "change")
    assert project.origin.sha("FETCH_HEAD") == head


@pytest.mark.parametrize("why", ["closed", "moved", "another fork's branch"])
def test_a_run_without_a_pull_request_is_not_told(project: InProcessProject, why: str) -> None:
    """The judge is content, and sets no check and writes no comment."""
    head = project.propose(documentation, fork=True)
    repo = "somebody/verdict" if why == "another fork's branch" else FORK
    project.github.run(1, name="experiment", head_sha=head, head_branch="change", head_repo=repo)
    if why == "closed":
        project.github.state.pulls[1]["state"] = "closed"
    if why == "moved":
        project.propose(lambda clone: None, fork=True)
    judged = project.report(1)
    assert judged.jobs == JUDGED, judged.log
    assert "nothing to tell: no open pull request has this commit as its head" in judged.logs["judge"]
    assert "nothing to tell" in judged.logs["publish"]
    assert project.github.check_runs(head) == []
    assert project.checks() == []
    assert project.github.comments(1) == []
