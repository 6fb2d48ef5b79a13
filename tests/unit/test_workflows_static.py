"""The rights, secrets, environments, pins, machines and times of the workflows, read from their files."""

import re

from tests.workflow_files import ACTIONS, FILES, FOLDER, WORKFLOWS, Json, jobs, named, steps, texts

CONTENTS = {"contents": "read"}
ROLE = {"contents": "read", "id-token": "write"}
# What GITHUB_TOKEN may do in each job. A called workflow has what its caller gives, hence None.
PERMISSIONS = {
    "audit/reproduce": ROLE,
    "audit/report": {**CONTENTS, "actions": "read", "issues": "write"},
    "deploy/verify": {**ROLE, "actions": "read", "packages": "read"},
    "deploy/roll": {},
    "deploy/record": {**CONTENTS, "pull-requests": "read", "issues": "write"},
    "deploy/confirm": {},
    "experiment/plan": {**CONTENTS, "actions": "read"},
    "experiment/gpu": ROLE,
    "experiment/fork": CONTENTS,
    "main/reproduce": ROLE,
    "main/overdue": {**CONTENTS, "actions": "read"},
    "monitor/watch": {},
    "monitor/tell": {**CONTENTS, "issues": "write"},
    "preview/take": {**CONTENTS, "actions": "read", "pull-requests": "read", "deployments": "read"},
    "preview/serve": CONTENTS,
    "preview/tell": {**CONTENTS, "deployments": "write"},
    "release/plan": CONTENTS,
    "release/image": {
        **{**ROLE, "actions": "read", "pull-requests": "read", "checks": "read"},
        **{"packages": "write", "attestations": "write"},
    },
    "release/register": CONTENTS,
    "release/staging": {**ROLE, "actions": "read", "packages": "read", "pull-requests": "read", "issues": "write"},
    "report/judge": {**ROLE, "actions": "read", "pull-requests": "read", "issues": "read"},
    "report/publish": {"contents": "write", "checks": "write", "pull-requests": "write", "actions": "read"},
    "report/commit-lock": CONTENTS,
    "reproduce/reproduce": None,
    "retrain/plan": {**CONTENTS, "actions": "read", "pull-requests": "read"},
    "retrain/collect": ROLE,
    "retrain/propose": {"contents": "write", "pull-requests": "write", "actions": "read"},
    "retrain/tell": {**CONTENTS, "issues": "write"},
    "retrain/sweep": {"contents": "write", "id-token": "write", "actions": "read", "pull-requests": "write"},
    "sweep/plan": {**CONTENTS, "actions": "read"},
    "sweep/run": {"contents": "write", "id-token": "write"},
    "sweep/collect": ROLE,
    "sweep/propose": {"contents": "write", "pull-requests": "write"},
    "tests/delivery": CONTENTS,
    "tests/feedback": CONTENTS,
    "tests/images": CONTENTS,
    "tests/manifests": CONTENTS,
    "tests/service": CONTENTS,
    "tests/tests": CONTENTS,
    "tests/mlflow": CONTENTS,
    "tests/monitor": CONTENTS,
    "tests/versions": CONTENTS,
}
# A job that is not named has no environment, so no secret of one.
ENVIRONMENTS = {
    "audit/reproduce": "judge",
    "deploy/verify": "judge",
    "deploy/roll": "${{ inputs.environment }}",
    "deploy/record": "tags",
    "main/reproduce": "main",
    "preview/serve": "preview",
    "release/image": "release",
    "release/register": "tags",
    "report/judge": "judge",
    "report/publish": "publish",
    "report/commit-lock": "lock",
    "reproduce/reproduce": "${{ inputs.environment }}",
    "retrain/collect": "retrain",
    "retrain/propose": "propose",
    "sweep/run": "sweeps",
    "sweep/collect": "sweeps",
    "sweep/propose": "propose",
}
KEY = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
# Which step sees which secret. No other step, job or file sees any.
SECRETS = {
    "audit/reproduce/Run everything again": KEY,
    "deploy/verify/Log in to the registry": {"REGISTRY_PASSWORD"},
    "deploy/verify/Is it what it says?": KEY,
    "deploy/verify/May it go there?": KEY,
    "deploy/record/Token of the App": {"RELEASE_PRIVATE_KEY"},
    "main/reproduce/Reproduce, and compare with dvc.lock": KEY,
    "main/reproduce/Push to the remote": KEY,
    "release/image/Log in to the registry": {"REGISTRY_PASSWORD"},
    "release/image/Build": KEY,
    "release/image/Report": KEY,
    "release/register/Token of the App": {"RELEASE_PRIVATE_KEY"},
    "report/judge/Judge": KEY | {"PRIVATE_KEY", "PRIVATE_SECRET"},
    "report/publish/Token of the App": {"VERDICT_PRIVATE_KEY"},
    "report/commit-lock/Token of the App": {"LOCK_PRIVATE_KEY"},
    "reproduce/reproduce/Reproduce from main's results": KEY,
    "retrain/collect/Rows that people sent with consent": KEY | {"FEEDBACK_IDENTITY"},
    "retrain/collect/Collect": KEY,
    "retrain/propose/Token of the App": {"SWEEP_PRIVATE_KEY"},
    "sweep/run/All that experiments start from": KEY,
    "sweep/run/Send its data": KEY,
    "sweep/run/Send the experiment": KEY,
    "sweep/collect/Collect": KEY,
    "sweep/propose/Token of the App": {"SWEEP_PRIVATE_KEY"},
}
HANDED = {
    "experiment/gpu": KEY,
    "release/staging": KEY | {"REGISTRY_PASSWORD", "RELEASE_PRIVATE_KEY"},
    "retrain/sweep": KEY | {"SWEEP_PRIVATE_KEY"},
}
TOKENS = {
    "audit/report/Issue",
    "deploy/verify/Log in to the registry",
    "deploy/verify/Is it what it says?",
    "deploy/verify/May it go there?",
    "deploy/record/Issue",
    "experiment/plan/Is there budget for a machine?",
    "main/overdue/What did the last month cost?",
    "main/overdue/Does the nightly audit still run?",
    "monitor/tell/Issue",
    "preview/take/Take",
    "preview/tell/Tell",
    "release/plan/Plan",
    "release/image/Log in to the registry",
    "release/image/Build",
    "report/judge/First look",
    "report/judge/Judge",
    "report/publish/Pictures and check",
    "report/publish/Comment",
    "report/publish/Comment without CML",
    "retrain/plan/May rows be proposed?",
    "retrain/propose/Pull request",
    "retrain/tell/Issue",
    "sweep/plan/Which points have no result?",
    "sweep/plan/Is there budget for the machines?",
    "sweep/run/Has it a result by now?",
    "sweep/run/Send the experiment",
    "sweep/collect/Collect",
    "sweep/propose/Pull request",
    "sweep/propose/Comment",
    "sweep/propose/Comment without CML",
}
ROLES = {
    "audit/reproduce/AWS role": {"AWS_ROLE_TO_READ", "AWS_REGION"},
    "deploy/verify/AWS role": {"AWS_ROLE_TO_READ", "AWS_REGION"},
    "main/reproduce/AWS role": {"AWS_ROLE_TO_WRITE", "AWS_REGION"},
    "main/reproduce/AWS role, anew": {"AWS_ROLE_TO_WRITE", "AWS_REGION"},
    "release/image/AWS role": {"AWS_ROLE_TO_RELEASE", "AWS_REGION"},
    "report/judge/AWS role": {"AWS_ROLE_TO_READ", "AWS_REGION"},
    "reproduce/reproduce/AWS role": {"AWS_ROLE_TO_READ", "AWS_REGION"},
    "retrain/collect/AWS role": {"AWS_ROLE_TO_RETRAIN", "AWS_REGION"},
    "sweep/run/AWS role": {"AWS_ROLE_TO_SWEEP", "AWS_REGION"},
    "sweep/run/AWS role, anew": {"AWS_ROLE_TO_SWEEP", "AWS_REGION"},
    "sweep/collect/AWS role": {"AWS_ROLE_TO_SWEEP", "AWS_REGION"},
}
TRIGGERS = {
    "audit": {"schedule", "workflow_dispatch"},
    "deploy": {"workflow_call", "workflow_dispatch"},
    "experiment": {"pull_request", "merge_group", "workflow_dispatch"},
    "main": {"push", "workflow_dispatch"},
    "monitor": {"schedule", "workflow_dispatch"},
    "preview": {"workflow_run", "schedule", "workflow_dispatch"},
    "release": {"workflow_run"},
    "report": {"workflow_run"},
    "reproduce": {"workflow_call"},
    "retrain": {"repository_dispatch", "schedule", "workflow_dispatch"},
    "sweep": {"workflow_dispatch", "workflow_call"},
    "tests": {"push", "pull_request", "merge_group"},
}
# Workflows that execute a change: they may write nothing.
OF_STRANGERS = ("experiment", "reproduce", "tests")
MAIN_RUNNER = """${{ fromJSON(vars.MAIN_RUNNER || '["self-hosted", "gpu-main"]') }}"""
GPU_RUNNER = """${{ vars.GPU_RUNNER || '["self-hosted", "gpu"]' }}"""
SWEEP_RUNNER = """${{ fromJSON(inputs.runner || vars.GPU_RUNNER || '["self-hosted", "gpu"]') }}"""
SERVING_HOST = ["self-hosted", "serve-${{ inputs.environment }}"]
PREVIEW_HOST = """${{ fromJSON(vars.PREVIEW_RUNNER || '["self-hosted", "serve-preview"]') }}"""
MONITOR_HOST = """${{ fromJSON(vars.MONITOR_RUNNER || '["self-hosted", "serve-production"]') }}"""
CALLED = re.compile(r"\./\.github/workflows/([a-z-]+)\.yml")


def without(body: Json, *keys: str) -> Json:
    """A mapping without some of its keys."""
    return {key: value for key, value in body.items() if key not in keys}


def test_triggers_are_these() -> None:
    """Each workflow is started by what it is made for; pull_request_target, which hands out secrets, is nowhere."""
    assert {name: set(workflow["on"]) for name, workflow in WORKFLOWS.items()} == TRIGGERS
    assert not [path for path in FILES if "pull_request_target" in path.read_text(encoding="utf-8")]


def test_nothing_is_permitted_by_default() -> None:
    """Each workflow begins without permissions; the called one declares none."""
    assert {name: workflow.get("permissions") for name, workflow in WORKFLOWS.items()} == {
        name: None if name == "reproduce" else {} for name in TRIGGERS
    }


def test_jobs_have_these_permissions() -> None:
    """Each job names what it may do, and that is exactly this."""
    assert {name: body.get("permissions") for name, body in jobs()} == PERMISSIONS


def test_the_code_of_a_change_writes_nothing() -> None:
    """Jobs that execute a change have no permission to write; of them only gpu may ask for an identity."""
    for name, body in jobs():
        if name.startswith(OF_STRANGERS):
            given = body.get("permissions") or {}
            assert {scope for scope, level in given.items() if level != "read"} <= {"id-token"}, name
            assert ("id-token" in given) == (name == "experiment/gpu"), name


def test_environments_are_these() -> None:
    """Each job is in the environment that holds its secrets; a called job in the one that its caller names."""
    assert {name: body["environment"] for name, body in jobs() if "environment" in body} == ENVIRONMENTS
    called = {
        job: body["with"]["environment"] for job, body in WORKFLOWS["experiment"]["jobs"].items() if "uses" in body
    }
    assert called == {"gpu": "reproduce", "fork": "fork"}


def test_steps_see_these_secrets() -> None:
    """Exactly these steps see exactly these secrets, and each of their jobs is behind an environment."""
    assert {name: found for name, step in steps() if (found := named("secrets", step))} == SECRETS
    assert {name.rpartition("/")[0] for name in SECRETS} <= set(ENVIRONMENTS)


def test_no_secret_stands_outside_of_steps() -> None:
    """No workflow and no job puts a secret into an environment, an input or an output that many steps see."""
    for name, workflow in WORKFLOWS.items():
        assert not named("secrets", without(workflow, "jobs")), name
    for name, body in jobs():
        assert not named("secrets", without(body, "steps", "secrets")), name


def test_no_more_than_the_key_that_reads_is_handed_on() -> None:
    """Secrets are handed on one by one, by their names: gpu's key that reads, and to deploy.yml what it asks for."""
    for name, body in jobs():
        handed = body.get("secrets", {})
        assert handed != "inherit", name
        assert all(value == f"${{{{ secrets.{key} }}}}" for key, value in handed.items()), name
        assert set(handed) == HANDED.get(name, set()), name


def test_a_called_workflow_takes_what_it_is_handed() -> None:
    """The secrets of a called workflow's environments are empty unless the caller names them."""
    for job, called in (("experiment/gpu", "reproduce"), ("release/staging", "deploy"), ("retrain/sweep", "sweep")):
        assert set((WORKFLOWS[called]["on"]["workflow_call"] or {}).get("secrets", {})) == HANDED[job], job


def test_steps_see_these_tokens() -> None:
    """Exactly these are given GITHUB_TOKEN; where a change is executed, to hold its cost against the budget alone."""
    found = {name for name, step in steps() if any("github.token" in text for text in texts(step))}
    assert found == TOKENS
    (strange,) = [step for name, step in steps() if name in found and name.startswith(OF_STRANGERS)]
    assert "python -I -m verdict cost --check " in strange["run"]
    for name, body in jobs():
        assert "github.token" not in " ".join(texts(without(body, "steps"))), name


def test_roles_are_these() -> None:
    """Only main.yml, in the environment main, takes the role that writes; forks take none."""
    used = {name: {found for found in named("vars", step) if found.startswith("AWS_")} for name, step in steps()}
    assert {name: found for name, found in used.items() if found} == ROLES
    (role,) = [step for name, step in steps() if name == "reproduce/reproduce/AWS role"]
    assert role["if"].startswith("inputs.environment != 'fork' && ")


def test_points_are_run_without_a_key() -> None:
    """Stages of a sweep see neither key nor token; who sees the token in such a job only talks to the git remote."""
    (run,) = [step for name, step in steps() if name == "sweep/run/Run"]
    assert "env" not in run
    body = WORKFLOWS["sweep"]["jobs"]["run"]
    assert set(body["env"]) == {"DVC_NO_ANALYTICS", "DVC_SITE_CACHE_DIR", "GIT_ASKPASS", "SPEC", "POINT"}
    given = [step["run"] for step in body["steps"] if "github.token" in " ".join(texts(step))]
    assert [any(word in text for word in ("verdict ci sweep missing", "sweep push")) for text in given] == [True, True]


def test_nothing_of_a_sweep_is_mains() -> None:
    """A sweep takes no role of main's, fills no cache of main's and pushes to no DVC remote but its own."""
    whole = " ".join(texts(WORKFLOWS["sweep"]))
    assert not named("vars", WORKFLOWS["sweep"]) & {"AWS_ROLE_TO_WRITE", "MAIN_RUNNER"}
    assert "dvc push" not in whole
    assert "cache/save" not in " ".join(texts(WORKFLOWS["sweep"]["jobs"]["run"]))
    assert whole.count("sweep push") == whole.count("--remote sweeps; }") == 2


def test_a_point_that_fails_stops_no_other() -> None:
    """The matrix goes on, the failed are collected around, and no job asks by success() for the points as well."""
    found = WORKFLOWS["sweep"]["jobs"]
    assert found["run"]["strategy"]["fail-fast"] == "false"
    assert found["collect"]["if"] == "needs.plan.result == 'success' && !cancelled()"
    assert found["propose"]["if"].endswith("&& !cancelled()")


def test_everything_ends() -> None:
    """Each job has a limit in minutes, of at most half a day; a called workflow's jobs have it instead."""
    for name, body in jobs():
        if "uses" in body:
            called = CALLED.fullmatch(body["uses"])
            assert called, f"{name} calls {body['uses']}"
            assert WORKFLOWS[called[1]]["jobs"]
        else:
            assert 0 < int(body["timeout-minutes"]) <= 720, name


def test_actions_are_pinned() -> None:
    """Each action is pinned by commit, with its version beside it, or is a file of this repository."""
    lines = [
        (path, line) for path in FILES for line in path.read_text(encoding="utf-8").splitlines() if "uses:" in line
    ]
    pinned = re.compile(r"\s*(- )?uses: (\./\S+|[\w.-]+(/[\w.-]+)+@[0-9a-f]{40} # v\d+(\.\d+)*)")
    assert len(lines) >= len([step for _, step in steps() if "uses" in step]) > 20
    for path, line in lines:
        assert pinned.fullmatch(line), f"{path.name}: {line.strip()}"


def test_one_action_has_one_version() -> None:
    """No action is pinned to two commits, so that an incomplete update is seen."""
    found: dict[str, set[str]] = {}
    for _, step in steps():
        name, _, pin = step.get("uses", "").partition("@")
        found.setdefault("/".join(name.split("/")[:2]), set()).add(pin)
    assert not {name: pins for name, pins in found.items() if len(pins) > 1}


def test_checkouts_keep_no_credential() -> None:
    """No checkout leaves a token in .git/config, where the code that runs next would find it."""
    checkouts = [(name, step) for name, step in steps() if step.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) >= 8
    for name, step in checkouts:
        assert step.get("with", {}).get("persist-credentials") == "false", name


def test_scripts_hold_no_expression() -> None:
    """Foreign text (titles, branches, inputs) reaches a script as a variable, never as its text."""
    for name, step in steps():
        assert "${{" not in step.get("run", ""), name
        assert "run" in step or "uses" in step, name


def test_the_judge_checks_out_main_alone() -> None:
    """report.yml checks out the default branch of this repository, and what it judges is named in no step."""
    for name, body in WORKFLOWS["report"]["jobs"].items():
        refs = [step for step in body["steps"] if step.get("uses", "").startswith("actions/checkout@")]
        assert [step["with"]["ref"] for step in refs] == ["${{ github.event.repository.default_branch }}"], name
        assert not [step for step in refs if {"repository", "path"} & set(step["with"])], name
        assert "workflow_run.head" not in " ".join(texts(body)), name
        downloads = [step for step in body["steps"] if "download-artifact@" in step.get("uses", "")]
        assert all(set(step["with"]) <= {"name", "path"} for step in downloads), name


def test_only_main_fills_the_cache_of_main() -> None:
    """main.yml saves the cache of main's results; a change saves under its own name, the judge nothing."""
    saved = {name: step["with"]["key"] for name, step in steps() if "/cache" in step.get("uses", "") and _saves(step)}
    ledger = "cost-${{ github.run_id }}-${{ github.run_attempt }}"
    assert saved == {
        "experiment/plan/What earlier runs took": ledger,
        "main/overdue/What earlier runs took": ledger,
        "sweep/plan/What earlier runs took": ledger,
        "retrain/plan/What earlier runs took": ledger,
        "main/reproduce/Results for pull requests": "dvc-main-${{ github.sha }}",
        "reproduce/reproduce/Results for the next push": (
            "dvc-${{ inputs.scope }}-${{ github.run_id }}-${{ github.run_attempt }}"
        ),
        "sweep/collect/Data for later runs, where there is no bucket": (
            "sweep-${{ inputs.spec }}-${{ github.sha }}-${{ github.run_id }}-${{ github.run_attempt }}"
        ),
    }
    scopes = [body["with"]["scope"] for _, body in jobs() if body.get("uses", "").endswith("/reproduce.yml")]
    assert all(scope.startswith("pull-${{ github.event.pull_request.number") for scope in scopes)


def _saves(step: Json) -> bool:
    return not step["uses"].partition("@")[0].endswith("/restore")


def test_machines_are_named() -> None:
    """A hosted image has its version; others come from the two variables; a fork's code gets a hosted one, always."""
    for name, body in jobs():
        where = body.get("runs-on", body.get("with", {}).get("runner"))
        if name in ("release/staging", "retrain/sweep"):
            assert where is None
            continue
        if name in ("main/reproduce", "audit/reproduce"):
            assert where == MAIN_RUNNER, name
        elif name == "experiment/gpu":
            assert where == GPU_RUNNER
        elif name == "sweep/run":
            assert where == SWEEP_RUNNER
        elif name == "experiment/fork":
            assert where == '["ubuntu-24.04"]'
        elif name in ("deploy/roll", "deploy/confirm"):
            assert where == SERVING_HOST, name
        elif name == "preview/serve":
            assert where == PREVIEW_HOST
        elif name == "monitor/watch":
            assert where == MONITOR_HOST
        elif name == "reproduce/reproduce":
            assert where == "${{ fromJSON(inputs.runner) }}"
        else:
            assert re.fullmatch(r"ubuntu-\d\d\.\d\d", where), name


def test_the_called_action_takes_no_secret() -> None:
    """The local action installs libraries: it has no input for a secret and reads none."""
    for name, action in ACTIONS.items():
        assert set(action["inputs"]) == {"extent", "torch-index"}, name
        assert not named("secrets", action), name


def test_every_file_is_looked_at() -> None:
    """All files that GitHub would run are among those of these tests."""
    found = {path for path in FOLDER.rglob("*.y*ml") if path.name not in ("zizmor.yml", "dependabot.yml")}
    assert found == set(FILES)


def test_no_pull_request_reaches_a_serving_host() -> None:
    """Three workflows alone name delivery's runner, environments or key, and no pull request starts them."""
    reach = re.compile(r"\bserve-(?!preview\b)|^(staging|production|tags)$|RELEASE_PRIVATE_KEY")
    found = {name.partition("/")[0] for name, body in jobs() if any(map(reach.search, texts(body)))}
    assert found == {"deploy", "monitor", "release"}
    called = {(name, match[1]) for name, body in jobs() if (match := CALLED.fullmatch(body.get("uses", "")))}
    assert {name for name, target in called if target in found} == {"release/staging"}
    assert WORKFLOWS["release"]["on"]["workflow_run"]["workflows"] == ["main"]
    assert not {"pull_request", "merge_group", "push"} & (
        TRIGGERS["deploy"] | TRIGGERS["monitor"] | TRIGGERS["release"]
    )


def test_a_serving_host_is_given_nothing() -> None:
    """It gets no code, secret, token or permission, only a release as data, and reports what serves."""
    for file, job in (("deploy", "roll"), ("deploy", "confirm"), ("monitor", "watch")):
        body = WORKFLOWS[file]["jobs"][job]
        assert body["permissions"] == {}, job
        assert not [text for text in texts(body) if "secrets." in text or "github.token" in text], job
        actions = {step["uses"].partition("@")[0] for step in body["steps"] if "uses" in step}
        assert actions <= {"actions/download-artifact", "actions/upload-artifact"}, job


def test_previews_come_from_main_and_the_judge_alone() -> None:
    """Each job of preview.yml checks out main; what is downloaded is of its own run; no event's text is a script's."""
    for name, body in WORKFLOWS["preview"]["jobs"].items():
        refs = [step for step in body["steps"] if step.get("uses", "").startswith("actions/checkout@")]
        assert [step["with"]["ref"] for step in refs] == ["${{ github.event.repository.default_branch }}"], name
        downloads = [step for step in body["steps"] if "download-artifact@" in step.get("uses", "")]
        assert all(set(step["with"]) <= {"name", "path"} for step in downloads), name
        assert "github.event.workflow_run" not in " ".join(texts(body["steps"])), name


def test_no_pull_request_reaches_the_host_of_previews() -> None:
    """preview.yml alone names its runner and environment, and no pull request starts that, nor calls it."""
    reach = re.compile(r"\bserve-preview\b|PREVIEW_RUNNER|^preview$")
    assert {name for name, body in jobs() if any(map(reach.search, texts(body)))} == {"preview/serve"}
    assert not {"pull_request", "merge_group", "push", "workflow_call"} & TRIGGERS["preview"]
    assert WORKFLOWS["preview"]["on"]["workflow_run"]["workflows"] == ["report", "main"]


def test_the_host_of_previews_reaches_nothing_else() -> None:
    """No secret, role, token, key, or runner of staging or production: it reads the repository, and is given data."""
    whole = " ".join(texts(WORKFLOWS["preview"]))
    assert not named("secrets", WORKFLOWS["preview"])
    assert not [word for word in ("staging", "production", "AWS_", "dvc") if word in whole]
    assert set(re.findall(r"serve-[a-z]+", whole)) == {"serve-preview"}
    serve = WORKFLOWS["preview"]["jobs"]["serve"]
    assert serve["permissions"] == CONTENTS
    assert not [text for text in texts(serve) if "github.token" in text]


def test_what_an_alert_says_is_in_no_step() -> None:
    """The payload of a dispatch is read from the event's file by main's code; no expression of a workflow names it."""
    assert not [path.name for path in FILES if "client_payload" in path.read_text(encoding="utf-8")]
    assert WORKFLOWS["retrain"]["on"]["repository_dispatch"]["types"] == ["retrain"]


def test_who_reads_labels_writes_nothing_at_github() -> None:
    """The job with the private key of texts has no token of GitHub's, and hands on neither rows nor a cache."""
    body = WORKFLOWS["retrain"]["jobs"]["collect"]
    assert "github.token" not in " ".join(texts(body))
    assert [step["with"]["path"] for step in body["steps"] if "upload-artifact@" in step.get("uses", "")] == [
        "proposal/"
    ]
    assert not [step for step in body["steps"] if "/cache" in step.get("uses", "") and _saves(step)]


def test_alerts_come_one_after_another() -> None:
    """Runs of retrain.yml share a group and end none that runs, so that a later one sees what an earlier one opened."""
    assert WORKFLOWS["retrain"]["concurrency"] == {"group": "retrain", "cancel-in-progress": "false"}
