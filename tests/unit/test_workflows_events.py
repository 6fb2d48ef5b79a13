"""The jobs that an event starts, by the conditions in the files: never a fork's code on our own machine."""

import json
from typing import Any

import pytest

from tests.workflow_files import WORKFLOWS, Json, evaluate, filled, runs, texts

OURS = "team/verdict"
EXPERIMENT = WORKFLOWS["experiment"]
REPORT = WORKFLOWS["report"]


def pull(
    source: str | None = OURS,
    action: str = "synchronize",
    label: str = "",
    number: int = 7,
    labels: tuple[str, ...] = (),
    *,
    base: str = "main",
) -> Json:
    """The contexts of an event of a pull request; `source` None is a deleted fork."""
    head = {"repo": None if source is None else {"full_name": source}}
    named = [{"name": name} for name in labels]
    request = {"number": number, "head": head, "base": {"ref": base}, "labels": named}
    event: Json = {"action": action, "pull_request": request}
    if label:
        event["label"] = {"name": label}
    return contexts("pull_request", event, f"refs/pull/{number}/merge")


def contexts(name: str, event: Json, ref: str, run_id: int = 900, default: str = "main") -> Json:
    """The contexts of a run, in a repository whose default branch is this."""
    event = {**event, "repository": {"default_branch": default}}
    github = {"event_name": name, "event": event, "repository": OURS, "ref": ref, "run_id": run_id}
    return {"github": github, "inputs": {}, "vars": {}}


QUEUED = contexts("merge_group", {"action": "checks_requested"}, "refs/heads/gh-readonly-queue/main/pr-7-aa")
BY_HAND = contexts("workflow_dispatch", {"inputs": {}}, "refs/heads/sweep")
FORK = "stranger/verdict"


def started(given: Json, needed: str) -> set[str]:
    """The jobs of experiment.yml that would run, where the plan says that something must (`true`) or need not run."""
    names = EXPERIMENT["jobs"]
    planned = runs(names["plan"], given, {})
    outputs = {"reproduce": needed if given["github"]["event_name"] != "workflow_dispatch" else None}
    result = "success" if planned else "skipped"
    given = {**given, "needs": {"plan": {"result": result, "outputs": outputs if planned else {}}}}
    later = {name for name in names if name != "plan" and runs(names[name], given, {"plan": result})}
    return later | ({"plan"} if planned else set())


@pytest.mark.parametrize(
    ("given", "jobs"),
    [
        (pull(action="opened"), {"plan", "gpu"}),
        (pull(action="synchronize"), {"plan", "gpu"}),
        (pull(action="reopened"), {"plan", "gpu"}),
        (pull(action="labeled", label="reproduce"), {"plan", "gpu"}),
        (pull(action="unlabeled", label="approve: policy"), {"plan", "gpu"}),
        (pull(action="labeled", label="documentation"), set()),
        (pull(action="unlabeled", label="approved"), set()),
        (pull(FORK, "opened"), {"plan", "fork"}),
        (pull(FORK, "synchronize"), {"plan", "fork"}),
        (pull(FORK, "labeled", "reproduce"), {"plan", "fork"}),
        (pull(FORK, "labeled", "approve: data"), {"plan", "fork"}),
        (pull(FORK, "labeled", "good first issue"), set()),
        (pull(None, "synchronize"), {"plan", "fork"}),
        (pull("team/verdict-fork", "opened"), {"plan", "fork"}),
        (QUEUED, {"plan", "gpu"}),
        (BY_HAND, {"plan", "gpu"}),
        (pull(base="release"), set()),
        (pull(FORK, "labeled", "reproduce", base="release"), set()),
    ],
)
def test_an_event_starts_these_jobs(given: Json, jobs: set[str]) -> None:
    """Branches go to gpu, forks to fork; a label that says nothing to us starts nothing, nor another base than main."""
    assert started(given, "true") == jobs


@pytest.mark.parametrize("given", [pull(), pull(FORK), pull(None), QUEUED])
def test_where_nothing_changed_nothing_runs(given: Json) -> None:
    """If the plan needs no run, neither gpu nor fork runs."""
    assert started(given, "false") == {"plan"}


@pytest.mark.parametrize("result", ["failure", "cancelled", "skipped"])
def test_without_a_plan_nothing_runs(result: str) -> None:
    """A failed plan, such as on a stale lock, ends the run."""
    needs = {"plan": {"result": result, "outputs": {"reproduce": "true"}}}
    for given in ({**event, "needs": needs} for event in (pull(), pull(FORK), BY_HAND)):
        assert not [name for name in ("gpu", "fork") if runs(EXPERIMENT["jobs"][name], given, {"plan": result})]


def test_a_stale_lock_is_reproduced_only_when_asked() -> None:
    """The plan gets the request for a reproduction only if the pull request has the label."""
    (step,) = [step for step in EXPERIMENT["jobs"]["plan"]["steps"] if step.get("id") == "plan"]
    asked = {
        labels: filled(step["env"]["ASKED"], pull(labels=labels)) for labels in [(), ("bug",), ("bug", "reproduce")]
    }
    assert asked == {(): "", ("bug",): "", ("bug", "reproduce"): "--asked"}


def of_experiment(given: Json) -> str:
    """The concurrency group of a run of experiment.yml."""
    return filled(EXPERIMENT["concurrency"]["group"], given)


def test_a_push_cancels_the_run_of_the_same_pull_request_alone() -> None:
    """All events of one pull request that start a run share a group, which cancels; any other is by itself."""
    assert EXPERIMENT["concurrency"]["cancel-in-progress"] == "true"
    ours = {of_experiment(given) for given in (pull(), pull(action="labeled", label="approve: split"), pull(FORK))}
    assert len(ours) == 1
    assert not ours & {of_experiment(given) for given in (pull(number=8), QUEUED, BY_HAND)}


def test_a_label_that_is_not_ours_cancels_nothing() -> None:
    """A run of such a label does nothing, in a group by itself."""
    assert of_experiment(pull(action="labeled", label="bug")) not in {of_experiment(pull()), of_experiment(pull(FORK))}


def finished(
    conclusion: str = "success", event: str = "pull_request", branch: str = "topic", source: str = OURS
) -> Json:
    """The contexts of report.yml after a run of experiment.yml."""
    run = {"conclusion": conclusion, "event": event, "head_branch": branch, "head_repository": {"full_name": source}}
    return contexts("workflow_run", {"workflow_run": run}, "refs/heads/main")


@pytest.mark.parametrize(
    ("given", "judged"),
    [
        (finished(), True),
        (finished("failure"), True),
        (finished("cancelled"), True),
        (finished("timed_out"), True),
        (finished("skipped"), False),
        (finished(source=FORK), True),
        (finished(event="merge_group"), True),
        (finished(event="workflow_dispatch"), False),
        (finished(event="push"), False),
    ],
)
def test_the_judge_takes_these_runs(given: Json, judged: bool) -> None:
    """Every run for a change is judged, failed ones too; runs by hand and those that did nothing are not."""
    assert runs(REPORT["jobs"]["judge"], given, {}) == judged


@pytest.mark.parametrize(
    ("result", "lock", "jobs"),
    [
        ("success", "false", {"publish"}),
        ("success", "true", {"publish", "commit-lock"}),
        ("success", None, {"publish"}),
        ("failure", None, {"publish"}),
        ("failure", "true", {"publish"}),
        ("cancelled", None, {"publish"}),
        ("skipped", None, set()),
    ],
)
def test_what_follows_the_judge(result: str, lock: str | None, jobs: set[str]) -> None:
    """The check is set also when the judge broke; a lock is committed only after it has said so."""
    given: dict[str, Any] = {**finished(), "needs": {"judge": {"result": result, "outputs": {"lock": lock}}}}
    found = {name for name, body in REPORT["jobs"].items() if name != "judge" and runs(body, given, {"judge": result})}
    assert found == jobs


def test_what_judges_main_can_be_cancelled_by_no_workflow() -> None:
    """A group that any workflow can name, with cancel-in-progress, is none of the judge's, main's or a release's."""
    for name in ("report", "main", "audit", "release", "deploy"):
        bodies = [WORKFLOWS[name], *WORKFLOWS[name]["jobs"].values()]
        assert not [body for body in bodies if "concurrency" in body], name


def test_main_and_audit_run_for_main_alone() -> None:
    """Started by hand on another branch, they do nothing: their environment's key is for main's code."""
    for name in ("main", "audit"):
        job = WORKFLOWS[name]["jobs"]["reproduce"]
        assert runs(job, contexts("workflow_dispatch", {}, "refs/heads/main"), {})
        assert not runs(job, contexts("workflow_dispatch", {}, "refs/heads/topic"), {})


ON_MAIN = [
    ("push", "main", "reproduce"),
    ("push", "tests", "tests"),
    ("workflow_dispatch", "main", "reproduce"),
    ("workflow_dispatch", "audit", "reproduce"),
    ("workflow_dispatch", "sweep", "plan"),
]


@pytest.mark.parametrize(("event", "name", "job"), ON_MAIN)
@pytest.mark.parametrize("default", ["main", "trunk"])
def test_main_is_the_default_branch_whatever_it_is_called(event: str, name: str, job: str, default: str) -> None:
    """Jobs for main run on the default branch, and on no other, even one called main."""
    body, ran = WORKFLOWS[name]["jobs"][job], []
    for branch in ("main", "trunk", "topic"):
        if runs(body, contexts(event, {}, f"refs/heads/{branch}", default=default), {}):
            ran.append(branch)
    assert ran == [default]
    assert not [rule for rule in texts(WORKFLOWS[name]["on"]) if rule in ("main", "master", "trunk")]


def delivered(
    branch: str, verified: str = "success", told: str = "", recorded: str = "", **inputs: object
) -> list[str]:
    """The jobs of deploy.yml that would run, after jobs that ended so."""
    rolled = {"result": "failure", "outputs": {"told": told}}
    needs = {"verify": {"result": verified}, "roll": rolled, "record": {"result": recorded}}
    given = {**contexts("workflow_dispatch", {}, f"refs/heads/{branch}"), "needs": needs, "inputs": inputs}
    results = {"verify": verified, "roll": "failure", "record": recorded}
    return [name for name, body in WORKFLOWS["deploy"]["jobs"].items() if runs(body, given, results)]


def test_a_roll_follows_what_was_verified() -> None:
    """No host is asked where verification failed or was cancelled, nor from another branch than main."""
    assert delivered("main", version="v1.2.0") == ["verify", "roll"]
    for result in ("failure", "cancelled"):
        assert delivered("main", result, version="v1.2.0") == ["verify"]
    assert delivered("topic", "skipped", version="v1.2.0") == []
    assert delivered("main", "skipped", version="", back=True) == ["roll"]
    assert delivered("topic", "skipped", version="", back=True) == []
    assert delivered("main", "skipped", version="") == ["roll"]


def test_what_serves_is_recorded_also_after_a_roll_that_failed() -> None:
    """The host's report is recorded and confirmed to the host; without a report nothing is recorded."""
    rest = slice(2, None)
    assert delivered("main", told="1", recorded="success", version="v1.2.0")[rest] == ["record", "confirm"]
    assert delivered("main", told="1", recorded="failure", version="v1.2.0")[rest] == ["record"]
    assert delivered("main", told="", recorded="skipped", version="v1.2.0")[rest] == []


def test_the_audit_runs_by_its_schedule() -> None:
    """The event of a schedule may name no default branch; it is on that one alone, and the job runs."""
    given = contexts("schedule", {}, "refs/heads/trunk", default="")
    assert runs(WORKFLOWS["audit"]["jobs"]["reproduce"], given, {})


def test_pull_requests_into_the_default_branch_are_run_whatever_it_is_called() -> None:
    """With trunk as the default branch, a change into trunk is run, and one into main is not."""
    for base, jobs in (("trunk", {"plan", "gpu"}), ("main", set())):
        given = pull(base=base)
        given["github"]["event"]["repository"]["default_branch"] = "trunk"
        assert started(given, "true") == jobs
    assert "branches" not in EXPERIMENT["on"]["pull_request"]


def test_a_push_of_another_branch_takes_no_place_of_mains() -> None:
    """Its run of the tests neither cancels nor replaces one of main; nor can it pass for the required check."""
    group = WORKFLOWS["tests"]["concurrency"]["group"]
    filled_in = [
        filled(group, {**given, "github": {**given["github"], "sha": "a" * 40}})
        for given in (contexts("push", {}, f"refs/heads/{branch}") for branch in ("main", "topic"))
    ]
    assert len(set(filled_in)) == 2
    check = WORKFLOWS["tests"]["jobs"]["tests"]["name"]
    assert filled(check, contexts("push", {}, "refs/heads/topic")) != "tests"
    assert filled(check, pull()) == filled(check, QUEUED) == "tests"


def test_a_run_by_hand_starts_from_the_default_branch() -> None:
    """Its base is the remote's default branch by its full name, which no tag or local branch can replace."""
    base = EXPERIMENT["jobs"]["gpu"]["with"]["base"]
    by_hand = contexts("workflow_dispatch", {}, "refs/heads/topic", default="trunk")
    assert (filled(base, by_hand), filled(base, pull())) == ("refs/remotes/origin/trunk", "HEAD^1")


def test_a_merge_group_starts_from_what_it_was_built_on() -> None:
    """Not from the commit below it: of a rebased pull request with two commits that is the first of them."""
    group = contexts("merge_group", {"merge_group": {"base_sha": "b" * 40}}, QUEUED["github"]["ref"])
    (step,) = [step for step in EXPERIMENT["jobs"]["plan"]["steps"] if step.get("id") == "plan"]
    depth = EXPERIMENT["jobs"]["plan"]["steps"][0]["with"]["fetch-depth"]
    base = EXPERIMENT["jobs"]["gpu"]["with"]["base"]
    found = [(filled(step["env"]["BASE"], one), filled(base, one), filled(depth, one)) for one in (group, pull())]
    assert found == [("b" * 40, "b" * 40, "0"), ("HEAD^1", "HEAD^1", "2")]


SWEEP = WORKFLOWS["sweep"]


def swept(plan: str, points: str, missing: str = '["a", "b"]', change: str = "true") -> set[str]:
    """The jobs of sweep.yml that would follow its plan, by how that and the points end."""
    given = {**contexts("workflow_dispatch", {}, "refs/heads/main"), "needs": {"plan": {"outputs": {}}}}
    given["needs"] = {"plan": {"result": plan, "outputs": {"missing": missing}}}
    found = {"run"} if runs(SWEEP["jobs"]["run"], given, {"plan": plan}) else set()
    if runs(SWEEP["jobs"]["collect"], given, {"plan": plan, "run": points}):
        found.add("collect")
        given["needs"] = {"collect": {"result": "success", "outputs": {"change": change}}}
        found |= {"propose"} if runs(SWEEP["jobs"]["propose"], given, {"collect": "success"}) else set()
    return found


@pytest.mark.parametrize(
    ("jobs", "given"),
    [
        ({"run", "collect", "propose"}, {"plan": "success", "points": "success"}),
        ({"run", "collect", "propose"}, {"plan": "success", "points": "failure"}),
        ({"collect", "propose"}, {"plan": "success", "points": "skipped", "missing": "[]"}),
        ({"run", "collect"}, {"plan": "success", "points": "success", "change": "false"}),
        (set(), {"plan": "failure", "points": "skipped"}),
    ],
)
def test_what_follows_the_plan_of_a_sweep(jobs: set[str], given: dict[str, str]) -> None:
    """Failed points do not stop collecting; without points the rest is left out; without a new winner, the proposal."""
    assert swept(**given) == jobs


def test_sweeps_are_of_main_alone_and_one_of_a_spec_at_a_time() -> None:
    """Started on another branch it does nothing; a second sweep of the same file waits for the first."""
    job = SWEEP["jobs"]["plan"]
    assert runs(job, contexts("workflow_dispatch", {}, "refs/heads/main"), {})
    assert not runs(job, contexts("workflow_dispatch", {}, "refs/heads/topic"), {})
    assert SWEEP["concurrency"] == {"group": "sweep-${{ inputs.spec }}", "cancel-in-progress": "false"}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("'a' == 'A' && 'x' || 'y'", "x"),
        ("github.event.none != 'labeled'", True),
        ("github.event.none == ''", True),
        ("!startsWith(github.ref, 'refs/heads/') || false", False),
        ("contains(github.event.list.*.name, 'b') && format('{0}!', 'it''s')", "it's!"),
        ("fromJSON(github.event.none || '[\"x\"]')", ["x"]),
    ],
)
def test_expressions_mean_what_they_mean_at_github(expression: str, value: object) -> None:
    """The reader above agrees with GitHub's rules: no case, nothing is the empty text, the first true value of `||`."""
    event = {"list": [{"name": "a"}, {"name": "b"}]}
    assert evaluate(expression, contexts("push", event, "refs/heads/main")) == value


def test_default_machines_are_lists_of_labels() -> None:
    """Without the two variables the labels are those of docs/runner.md."""
    gpu = EXPERIMENT["jobs"]["gpu"]["with"]["runner"]
    assert json.loads(filled(gpu, pull())) == ["self-hosted", "gpu"]
    assert filled(WORKFLOWS["main"]["jobs"]["reproduce"]["runs-on"], pull()) == "['self-hosted', 'gpu-main']"


def after_main(default: str = "main", app: str = "Iv1.release", **run: object) -> Json:
    """The contexts of release.yml after a run of main.yml."""
    known = {"conclusion": "success", "event": "push", "head_branch": "main", "head_repository": {"full_name": OURS}}
    given = contexts("workflow_run", {"workflow_run": {**known, **run}}, f"refs/heads/{default}", default=default)
    return {**given, "vars": {"RELEASE_CLIENT_ID": app}}


@pytest.mark.parametrize(
    ("given", "planned"),
    [
        (after_main(), True),
        (after_main("trunk", head_branch="trunk"), True),
        (after_main("trunk"), False),
        (after_main(head_branch="change"), False),
        (after_main(head_repository={"full_name": FORK}), False),
        (after_main(conclusion="failure"), False),
        (after_main(event="workflow_dispatch"), False),
        (after_main(app=""), False),
    ],
)
def test_only_a_green_push_of_main_is_released(given: Json, planned: bool) -> None:
    """Another branch, a fork, a red run, a run by hand, or no App of the tags: nothing is even planned."""
    body = WORKFLOWS["release"]["jobs"]
    assert runs(body["plan"], given, {}) is planned
    for version, result in (("v1.0.1", True), ("", False)):
        needs = {"plan": {"result": "success", "outputs": {"version": version}}}
        assert runs(body["image"], {**given, "needs": needs}, {"plan": "success"}) is result
    assert not runs(body["register"], given, {"plan": "success", "image": "failure"})


@pytest.mark.parametrize(
    ("event", "ref", "url", "begins"),
    [
        ({"workflow_run": {"event": "workflow_run"}}, "refs/heads/main", "https://{port}.x", True),
        ({"workflow_run": {"event": "push"}}, "refs/heads/main", "https://{port}.x", True),
        ({"workflow_run": {"event": "pull_request"}}, "refs/heads/main", "https://{port}.x", False),
        ({"workflow_run": {"event": "workflow_run"}}, "refs/heads/main", "", False),
        ({"inputs": {}}, "refs/heads/main", "https://{port}.x", True),
        ({"inputs": {}}, "refs/heads/change", "https://{port}.x", False),
    ],
)
def test_what_starts_previews(event: Json, ref: str, url: str, begins: bool) -> None:
    """The judge, a push, or a person on main; not a change's own workflow of such a name, nor where no host is."""
    name = "workflow_run" if "workflow_run" in event else "workflow_dispatch"
    given = {**contexts(name, event, ref), "vars": {"PREVIEW_URL": url}}
    assert runs(WORKFLOWS["preview"]["jobs"]["take"], given, {}) == begins


def of_retrain(name: str, spec: str = "", ref: str = "refs/heads/main", **known: str) -> Json:
    """The contexts of retrain.yml."""
    inputs = {"spec": spec, "params": ""} if name == "workflow_dispatch" else {}
    return {**contexts(name, {}, ref), "inputs": inputs, "vars": known}


@pytest.mark.parametrize(
    ("given", "begins"),
    [
        (of_retrain("repository_dispatch"), {"plan"}),
        (of_retrain("schedule"), set()),
        (of_retrain("schedule", RETRAIN="true"), {"plan"}),
        (of_retrain("workflow_dispatch"), {"plan"}),
        (of_retrain("workflow_dispatch", "sweeps/linear.yaml"), {"sweep"}),
        (of_retrain("workflow_dispatch", ref="refs/heads/change"), set()),
        (of_retrain("workflow_dispatch", "sweeps/linear.yaml", "refs/heads/change"), set()),
    ],
)
def test_what_starts_a_retraining(given: Json, begins: set[str]) -> None:
    """An alert always, the calendar where it is set up, a person on main: for rows, or for a sweep in their place."""
    body = WORKFLOWS["retrain"]["jobs"]
    assert {name for name in ("plan", "sweep") if runs(body[name], given, {})} == begins


@pytest.mark.parametrize(
    ("plan", "collect", "propose", "follow"),
    [
        ({"go": "false", "waits": ""}, None, "skipped", set()),
        ({"go": "false", "waits": "{}"}, None, "skipped", {"tell"}),
        ({"go": "true", "waits": ""}, {"enough": "true", "waits": ""}, "success", {"collect", "propose", "tell"}),
        ({"go": "true", "waits": ""}, {"enough": "true", "waits": ""}, "failure", {"collect", "propose"}),
        ({"go": "true", "waits": ""}, {"enough": "false", "waits": "{}"}, "skipped", {"collect", "tell"}),
        ({"go": "true", "waits": ""}, {"enough": "false", "waits": ""}, "skipped", {"collect"}),
    ],
    ids=["one is open", "over budget", "rows enough", "no pull request", "too few after an alert", "by the calendar"],
)
def test_what_follows_a_plan(plan: Json, collect: Json | None, propose: str, follow: set[str]) -> None:
    """No collection where the plan says no, no proposal without rows; the issue where it waits, or waits no more."""
    results = {"plan": "success", "collect": "success" if collect else "skipped", "propose": propose}
    needs = {
        "plan": {"result": "success", "outputs": plan},
        "collect": {"result": results["collect"], "outputs": collect or {}},
        "propose": {"result": propose, "outputs": {}},
    }
    given = {**of_retrain("repository_dispatch"), "needs": needs}
    body = WORKFLOWS["retrain"]["jobs"]
    assert {name for name in ("collect", "propose", "tell") if runs(body[name], given, results)} == follow


@pytest.mark.parametrize(("known", "begins"), [({}, False), ({"MONITOR": "true"}, True)])
def test_the_serving_host_is_asked_where_somebody_wants_it(known: Json, begins: bool) -> None:
    """Without the variable monitor.yml waits for no runner; by hand it runs on main alone."""
    body = WORKFLOWS["monitor"]["jobs"]["watch"]
    assert runs(body, {**contexts("schedule", {}, "refs/heads/main"), "vars": known}, {}) is begins
    assert not runs(body, {**contexts("workflow_dispatch", {}, "refs/heads/change"), "vars": known}, {})
