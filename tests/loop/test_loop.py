"""The loop on this machine: a release under traffic, a shift, an alert, a pull request, the gate, users; and no cure.

`make loop` prints it as it goes. Services, haproxy, guard, drift watch, feedback, Prometheus, Alertmanager and relay
are real; workflows run under act, with GitHub the tests' own.
"""

import random
import time
from pathlib import Path
from typing import Any

from benchmarks.roll import under_load
from benchmarks.serving import wrk_script
from tests.loop.conftest import Loop, Users, usual
from tests.progress import Progress
from tests.waiting import wait_until
from tests.workflows import act, events
from tests.workflows.outcome import Outcome
from tests.workflows.pull_requests import top_level
from tests.workflows.test_retrain import DONE, ExperimentStarter


def _words(seed: str, count: int) -> list[str]:
    """Words that no training text has."""
    draw = random.Random(seed)
    return ["".join(draw.choices(("ba", "dro", "fli", "gu", "hep", "jor", "ki", "zum"), k=3)) for _ in range(count)]


# Of a new topic, and of a language that nobody reads; what people say of the first ones is in a few of them.
_TOPIC, _LANGUAGE = _words("topic", 150), _words("language", 150)
_NEW = {"positive": _words("good", 3), "negative": _words("bad", 3)}
# Of the texts: a table of 500 rows says little of what chance does, so its limits are wide.
_SHARE = 0.12


def moved(draw: random.Random) -> tuple[str, str | None]:
    """A text of a world in which one of eight is in words that are new; its label, if it is one of those."""
    if draw.random() > _SHARE:
        return usual(draw), None
    label = draw.choice(list(_NEW))
    return " ".join([*draw.choices(_TOPIC, k=8), draw.choice(_NEW[label]), *draw.choices(_TOPIC, k=2)]), label


def retrained(loop: Loop, payload: dict[str, str]) -> Outcome:
    """retrain.yml by act, started by what the relay sent."""
    project = loop.project
    event = events.repository_dispatch(project.github, "retrain", payload)
    settings: dict[str, Any] = {
        "secrets": project.secrets,
        "variables": project.variables,
        "env": project.env,
        "timeout": 600,
    }
    with ExperimentStarter(project):
        return act.run(project.origin, "retrain.yml", event, github=project.github, **settings)


def dispatched(loop: Loop, version: str, progress: Progress) -> dict[str, str]:
    """Wait for the relay; what it sent."""

    def drifted() -> list[dict[str, str]]:
        return [one for one in loop.dispatches(version) if one["reason"] == "drift"]

    seconds = wait_until(drifted, 300)
    payload, *_ = drifted()  # of whichever kind came first; others wait for Alertmanager's next look, minutes later
    progress(f"{seconds:.0f} s after the shift: dispatched ({payload['told']})")
    return payload


def test_the_loop_closes(loop: Loop, progress: Progress, tmp_path: Path) -> None:
    """A drifting model is retrained on returned labels, judged, merged, released and served; then no alert comes."""
    draw, project = random.Random(0), loop.project
    first = loop.release()
    assert loop.deploy(first) == 0
    progress(f"{first} serves")
    users = Users(loop.harness.port, loop.ports["labels"], lambda: (usual(draw), None))
    with users.asking():
        time.sleep(40)
        assert loop.dispatches(first) == []
        progress(f"usual traffic, {sum(users.got.values()):,} requests: no alert")
        users.make = lambda: moved(draw)
        payload = dispatched(loop, first, progress)
        wait_until(lambda: users.sent >= 80, 120)
    assert set(users.got) == {200}
    rows = project.origin.root / "remotes/retrain/rows/feedback.csv"
    rows.parent.mkdir()
    keys = ("--identity", str(loop.identity), "--params", str(loop.params))
    done = loop.verdict("feedback", "rows", *keys, "--out", str(rows))
    assert done.returncode == 0, done.stderr
    progress(f"{users.sent} labels with consent came back")

    began = time.monotonic()
    ran = retrained(loop, payload)
    assert top_level(ran.jobs) == DONE, ran.log
    (pull,) = project.github.state.pulls.values()
    progress(f"{time.monotonic() - began:.0f} s after that: {pull['title']}")

    branch = str(pull["head_ref"])
    project.origin.pull(1, branch)
    project.github.state.pulls[1] |= {"created_at": project.now(), "labels": []}
    project.experiment()
    project.label(1, "reproduce", "verdict-sweep[bot]")
    tried = project.experiment(action="labeled", label="reproduce")
    judged = project.report(tried)
    assert judged.jobs == {"judge": "success", "publish": "success", "commit-lock": "success"}, judged.log
    project.origin.pull(1, branch)  # with the dvc.lock that was committed
    project.github.state.pulls[1]["head_sha"] = project.origin.sha(branch)
    judged = project.report(project.experiment(action="synchronize"))
    conclusion, title = project.checks()[-1]
    progress(f"judged: {conclusion}, {title}")
    assert conclusion == "success"

    project.origin.git("update-ref", "refs/heads/main", f"refs/heads/{branch}")
    project.github.pull(1, branch, state="closed").update(merged=True, merged_at=project.now())
    ran_main = project.main()
    assert ran_main.jobs == {"reproduce": "success"}, ran_main.log
    second = loop.release()
    with under_load(loop.harness.port, wrk_script(tmp_path, [moved(draw)[0] for _ in range(2_000)])) as seen:
        assert loop.deploy(second) == 0
    progress(
        f"merged, {second} released, canaried and promoted; {seen[0].requests:,} requests, {seen[0].errors} failed"
    )
    assert seen[0].errors == 0

    with users.asking():
        time.sleep(60)
    assert loop.dispatches(second) == []
    assert set(users.got) == {200}
    progress(f"the same traffic, {second}: no alert")


def test_what_retraining_cannot_help(loop: Loop, progress: Progress) -> None:
    """Texts in another language without labels: one issue asks for labels, without pull request and run."""
    draw, project = random.Random(1), loop.project
    version = loop.state.stable.version if loop.state.stable else loop.release()

    def foreign() -> tuple[str, None]:
        return (" ".join(draw.choices(_LANGUAGE, k=8)) if draw.random() < 2 * _SHARE else usual(draw)), None

    with Users(loop.harness.port, loop.ports["labels"], foreign).asking():
        payload = dispatched(loop, version, progress)
    before = set(project.github.state.pulls)
    ran = retrained(loop, payload)
    assert top_level(ran.jobs) == {**DONE, "propose": "skipped"}, ran.log
    (issue,) = project.github.issues
    progress(f"no new labels: the issue {issue['title']!r}")
    assert "more labels are wanted" in issue["body"]
    assert set(project.github.state.pulls) == before
