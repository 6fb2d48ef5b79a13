"""The order of steps and their handed-over values, by the files, where no run by act shows them."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.unit.test_workflows_events import BY_HAND, FORK, OURS, QUEUED, pull
from tests.workflow_files import WORKFLOWS, Json, filled, runs


def steps_of(workflow: str, job: str) -> dict[str, Json]:
    """The steps of a job by name, in order."""
    return {step["name"]: step for step in WORKFLOWS[workflow]["jobs"][job]["steps"]}


@pytest.mark.parametrize(
    ("poster", "outcome", "steps"),
    [
        ("cml", "success", ["CML", "Comment"]),
        ("cml", "failure", ["CML", "Comment", "Comment without CML"]),
        ("api", "skipped", ["Comment without CML"]),
        ("nobody", "skipped", []),
    ],
)
@pytest.mark.parametrize(("job", "told"), [("report/publish", "publish"), ("sweep/propose", "pull")])
def test_who_comments(job: str, told: str, poster: str, outcome: str, steps: list[str]) -> None:
    """The step before decides: CML, with ours as fallback; ours alone; or none, as for a merge group."""
    given = {"steps": {told: {"outputs": {"poster": poster}}, "cml": {"outcome": outcome}}}
    found = steps_of(*job.split("/"))
    asked = ("CML", "Comment", "Comment without CML")
    assert [name for name in asked if runs({"if": found[name]["if"]}, given, {})] == steps
    assert list(found)[-3:] == list(asked)
    soft = {name for name, step in found.items() if step.get("continue-on-error") == "true"}
    assert soft == {"CML", "Comment"}, "each may fail without the job"
    assert (found["CML"]["id"], found["Comment"]["id"]) == ("setup-cml", "cml")


@pytest.mark.parametrize(("result", "ran"), [("success", True), ("failure", True), ("skipped", False)])
def test_what_follows_the_audit(result: str, ran: bool) -> None:
    """The issue is written also where the night did not come to its end; only then there is no outcome to fetch."""
    given = {"needs": {"reproduce": {"result": result}}}
    assert runs(WORKFLOWS["audit"]["jobs"]["report"], given, {"reproduce": result}) == ran
    outcome = steps_of("audit", "report")["Outcome"]
    assert runs({"if": outcome["if"]}, given, {}) == (result == "success")


def test_results_of_main_are_kept_after_all_else() -> None:
    """If main's lock is false, or the push fails, the job ends before its results are cached."""
    found = steps_of("main", "reproduce")
    last = ["Reproduce, and compare with dvc.lock", "AWS role, anew", "Push to the remote", "Results for pull requests"]
    assert list(found)[-4:] == last
    assert not [name for name in last if "continue-on-error" in found[name]]
    assert [name for name in last if "if" in found[name]] == ["AWS role, anew"]
    assert found["AWS role, anew"]["if"] == "vars.AWS_ROLE_TO_WRITE != ''"


def test_a_run_that_fails_hands_over_all_the_same() -> None:
    """Bundle and cache are kept also where a stage failed, and not where the run was cancelled."""
    found = steps_of("reproduce", "reproduce")
    for name in ("Results for the judge", "Results for the next push"):
        assert found[name]["if"] == "success() || failure()"
    assert found["Reproduce from main's results"]["shell"] == "bash"  # with pipefail, so that `tee` hides no failure


@pytest.mark.parametrize(("environment", "options"), [("reproduce", "--remote"), ("fork", "")])
def test_a_forks_run_does_not_ask_the_remote(environment: str, options: str) -> None:
    """Only a branch's run may use the remote."""
    env = steps_of("reproduce", "reproduce")["Reproduce from main's results"]["env"]
    given = {"inputs": {"environment": environment}}
    assert filled(env["REMOTE"], given) == options
    assert {job: WORKFLOWS["experiment"]["jobs"][job]["with"]["environment"] for job in ("gpu", "fork")} == {
        "gpu": "reproduce",
        "fork": "fork",
    }


def test_the_changes_own_code_makes_data_by_a_label_alone() -> None:
    """The label reaches the command as its option, for a branch and for a fork."""
    env = steps_of("reproduce", "reproduce")["Reproduce from main's results"]["env"]
    for job, source in (("gpu", OURS), ("fork", FORK)):
        own = WORKFLOWS["experiment"]["jobs"][job]["with"]["own-data"]
        for labels, options in (((), ""), (("approve: policy",), ""), (("approve: data",), "--own-data")):
            value = filled(own, pull(source, labels=labels))
            assert filled(env["DATA"], {"inputs": {"own-data": value == "True"}}) == options


@pytest.mark.parametrize("bucket", ["", "s3://bucket/sweeps"])
def test_a_sweeps_data_go_where_the_variable_says(bucket: str) -> None:
    """With a bucket, both jobs meet there and none uploads, downloads or caches data; without one, all do."""
    given = {"vars": {"SWEEPS_REMOTE": bucket}, "steps": {"missing": {"outputs": {"names": '["a"]'}}}}
    data: dict[str, bool] = {}
    for job in ("run", "collect"):
        found = steps_of("sweep", job)
        moved = {name: step for name, step in found.items() if "SWEEPS_REMOTE" in step.get("if", "")}
        data |= {name: runs({"if": step["if"]}, given, {}) for name, step in moved.items()}
        (remote,) = (step["env"]["REMOTE"] for step in found.values() if "REMOTE" in step.get("env", {}))
        assert filled(remote, given) == (bucket or ".dvc/tmp/sweeps-remote")
    assert data == dict.fromkeys(
        (
            "Its data, where there is no bucket",
            "Data of earlier runs, where there is no bucket",
            "Data of this run, where there is no bucket",
            "Data for later runs, where there is no bucket",
        ),
        not bucket,
    )


@pytest.mark.parametrize("app", [True, False])
@pytest.mark.parametrize(
    ("job", "step", "variable"),
    [("report/publish", "Pictures and check", "VERDICT"), ("sweep/propose", "Pull request", "SWEEP")],
)
def test_an_app_speaks_where_there_is_one(job: str, step: str, variable: str, app: bool) -> None:
    """Its token is asked for by its variable; without one the run's own is used, and no login is named as the App's."""
    found = steps_of(*job.split("/"))
    outputs = {"token": "of-the-app", "app-slug": "some-app"} if app else {}
    given = {
        "vars": {f"{variable}_CLIENT_ID": "Iv1" if app else ""},
        "github": {"token": "of-the-run"},
        "steps": {"app": {"outputs": outputs}},
    }
    assert runs({"if": found["Token of the App"]["if"]}, given, {}) == app
    assert filled(found[step]["env"]["GITHUB_TOKEN"], given) == ("of-the-app" if app else "of-the-run")
    assert filled(found["Comment"]["env"]["REPO_TOKEN"], given) == ("of-the-app" if app else "of-the-run")
    assert filled(found[step]["env"]["VERDICT_LOGIN"], given) == ("some-app[bot]" if app else "")


@pytest.mark.parametrize(
    ("registry", "password", "asked"),
    [
        ("ghcr.io/team/verdict", "", "login --username somebody --password-stdin ghcr.io: token"),
        ("registry.test:5000/team/verdict", "pass", "login --username robot --password-stdin registry.test:5000: pass"),
        ("registry.test/team/verdict", "", ""),
        (
            "1.dkr.ecr.eu-central-1.amazonaws.com/verdict",
            "",
            "login --username AWS --password-stdin 1.dkr.ecr.eu-central-1.amazonaws.com: from-aws",
        ),
    ],
)
def test_who_logs_in_to_a_registry(tmp_path: Path, registry: str, password: str, asked: str) -> None:
    """ghcr.io by GitHub's token, Amazon's by the role, another by user and password; without one no login."""
    script = steps_of("release", "image")["Log in to the registry"]["run"]
    for name, text in (("skopeo", f'echo "$*: $(cat)" >> {tmp_path}/asked'), ("aws", "echo from-aws")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    given = {"RELEASE_REGISTRY": registry, "ACTOR": "somebody", "TOKEN": "token", "REGISTRY_USER": "robot"}
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "REGISTRY_PASSWORD": password, **given}
    subprocess.run(["bash", "-e", "-o", "pipefail", "-c", script], env=environment, check=True)
    found = tmp_path / "asked"
    assert (found.read_text(encoding="utf-8").strip() if found.exists() else "") == asked


BUDGET, LEDGER = "Is there budget for a machine?", "What earlier runs took"


@pytest.mark.parametrize(
    ("event", "planned", "asked"),
    [
        (pull(), "true", True),
        (pull(), "false", False),
        (pull(FORK), "true", False),
        (pull(None), "true", False),
        (QUEUED, "true", True),
        (BY_HAND, "", True),
    ],
)
def test_the_budget_is_asked_for_before_a_machine_is(event: Json, planned: str, asked: bool) -> None:
    """Only the plan before the job gpu checks the budget; a fork gets neither token nor machine."""
    found = steps_of("experiment", "plan")
    given = {**event, "steps": {"plan": {"outputs": {"reproduce": planned}}}}
    given["needs"] = {"plan": {"outputs": {"reproduce": planned}}}
    assert [runs({"if": found[name]["if"]}, given, {}) for name in (LEDGER, BUDGET)] == [asked] * 2
    assert runs(WORKFLOWS["experiment"]["jobs"]["gpu"], given, {"plan": "success"}) == asked
    assert not runs(WORKFLOWS["experiment"]["jobs"]["gpu"], given, {"plan": "failure"}), "over budget"
    assert list(found)[-2:] == [LEDGER, BUDGET]
    base = filled(WORKFLOWS["experiment"]["jobs"]["gpu"]["with"]["base"], given)
    assert filled(found[BUDGET]["env"]["BASE"], given) == base, "main's budget"


@pytest.mark.parametrize("missing", ["[]", '["a"]'])
def test_a_sweep_asks_for_the_budget_of_all_its_machines(missing: str) -> None:
    """Before any of them is started, by main's params, for as many as points are missing; for none where none are."""
    found = steps_of("sweep", "plan")
    name = "Is there budget for the machines?"
    given = {"steps": {"missing": {"outputs": {"names": missing, "number": "1"}}}}
    assert [runs({"if": found[step]["if"]}, given, {}) for step in (LEDGER, name)] == [missing != "[]"] * 2
    assert list(found)[-2:] == [LEDGER, name]
    assert filled(found[name]["env"]["MACHINES"], given) == "1"
    assert found[name]["run"].endswith('--check --base HEAD --machines "$MACHINES"')
    assert WORKFLOWS["sweep"]["jobs"]["run"]["needs"] == "plan"


@pytest.mark.parametrize(
    ("said", "looked"),
    [
        ("echo 'ok unknown'", True),
        ("echo 'DRIFT unknown'; exit 1", True),
        ("echo 'too few texts: 0 were counted' >&2; exit 2", True),
        ("echo 'error: http://127.0.0.1:8001: gives no metrics' >&2; exit 2", False),
        ("echo 'error: /runner: not the root of the project' >&2; exit 2", False),
        ("cd /nowhere", False),
    ],
    ids=["no drift", "drift", "too few", "no service", "no checkout", "no folder"],
)
def test_a_watch_that_cannot_look_is_no_quiet_night(tmp_path: Path, said: str, looked: bool) -> None:
    """An error has the code of drift or of too few texts: the job fails by what was said, and hands no code on."""
    program, output = tmp_path / "verdict", tmp_path / "output"
    program.write_text(f"#!/bin/sh\n{said}\n", encoding="utf-8")
    program.chmod(0o755)
    known = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "GITHUB_OUTPUT": str(output)}
    script = steps_of("monitor", "watch")["Drift"]["run"]
    done = subprocess.run(["bash", "-e", "-c", script], cwd=tmp_path, env=known, capture_output=True, check=False)
    assert (done.returncode == 0, output.exists()) == (looked, looked)
