"""The settings in docs/github.md are those that workflows and code use."""

import re
import subprocess

import pytest

from tests.conftest import ROOT
from tests.workflow_files import FILES, FOLDER, WORKFLOWS, jobs, named, steps
from verdict.base.outcome import APPROVABLE
from verdict.ci import monitor
from verdict.ci.audit import LABEL
from verdict.ci.github import preview
from verdict.ci.github.pull_request import APPROVE, REPRODUCE
from verdict.ci.retrain.publish import LABEL as RETRAIN
from verdict.delivery.record import LABEL as DELIVERY

GUIDE = (ROOT / "docs" / "github.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """The text under a heading."""
    return re.split(r"^## ", GUIDE.split(f"\n## {title}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> list[list[str]]:
    """The cells of a table's rows, without its head."""
    lines = [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line] for line in lines[1:]]


def words(cell: str) -> set[str]:
    """All text in code style."""
    return set(re.findall(r"`([^`]+)`", cell))


def scripts() -> list[str]:
    """The blocks of shell commands."""
    return re.findall(r"^```sh\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def test_the_variables_are_those_of_the_workflows() -> None:
    """Each variable that a workflow reads has its row, and no row names another."""
    assert {name for row in rows(section("1. Variables")) for name in words(row[0])} == named("vars", WORKFLOWS)


def test_the_environments_hold_the_secrets_that_their_jobs_read() -> None:
    """Each environment of the workflows has its row, with the secrets that the jobs in it read."""
    told = {row[0].strip("`"): words(row[2]) for row in rows(section("2. Environments and their secrets"))}
    read: dict[str, set[str]] = {"fork": set()}
    chosen = {"reproduce/reproduce": ["reproduce"], "deploy/roll": ["staging", "production"]}
    for name, body in jobs():
        if "environment" in body:
            for place in chosen.get(name, [body["environment"]]):
                read.setdefault(place, set()).update(named("secrets", body["steps"]))
    assert told == read


def test_only_main_may_use_the_environments_of_main() -> None:
    """The environments whose jobs run main's code are bound to main in the table and by the command."""
    told = {
        row[0].strip("`")
        for row in rows(section("2. Environments and their secrets"))
        if row[1].startswith("`main` alone")
    }
    bound = "judge publish lock main sweeps propose retrain release tags preview staging production"
    assert told == set(bound.split())
    assert f"for name in {bound}; do" in scripts()[0]


def test_the_labels_are_those_that_the_code_knows() -> None:
    """Each label that the judge or the audit looks for has its row, and the commands create it."""
    plain = (REPRODUCE, LABEL, DELIVERY, preview.LABEL, RETRAIN, monitor.LABEL)
    known = {*plain, *(f"{APPROVE}{name}" for name in APPROVABLE)}
    assert {name for row in rows(section("5. Labels")) for name in words(row[0])} == known
    (commands,) = [script for script in scripts() if "gh label create" in script]
    assert f"for rule in {' '.join(APPROVABLE)}; do" in commands
    assert all(f"gh label create {name} " in commands for name in plain)


@pytest.mark.parametrize("script", scripts(), ids=lambda text: text.split("\n")[0][:40])
def test_commands_are_shell(script: str) -> None:
    """Bash can parse each block of commands."""
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_list_of_allowed_actions_is_complete() -> None:
    """The command for the allowed actions lists each action that a workflow uses, at its commit, and nothing else."""
    (commands,) = [script for script in scripts() if "patterns_allowed" in script]
    listing = commands[commands.index("grep ") : commands.index("sort -u")] + "sort -u"
    done = subprocess.run(["bash", "-c", listing], cwd=FOLDER.parent, capture_output=True, text=True, check=True)
    used = {step["uses"] for _, step in steps() if "@" in step.get("uses", "")}
    whole = {re.sub(r"^([^/]+/[^/@]+)/[^@]*@", r"\1@", name) for name in used}
    assert set(done.stdout.split()) == used | whole


def test_permissions_of_the_apps_are_those_that_are_asked_for() -> None:
    """Each permission that an App's token asks for is in the App's row."""
    table = {row[0]: row[1].lower() for row in rows(section("3. Four Apps"))}
    asked = [step["with"] for _, step in steps() if "create-github-app-token@" in step.get("uses", "")]
    apps = set()
    for given in asked:
        app = re.sub(r"\W", "", given["private-key"]).removeprefix("secrets").removesuffix("_PRIVATE_KEY").lower()
        wanted = {
            key[len("permission-") :].replace("-", " "): given[key] for key in given if key.startswith("permission-")
        }
        assert all(f"{name}: {level}" in table[app] for name, level in wanted.items()), app
        assert table[app].count(": write") == len(wanted)
        apps.add(app)
    assert apps == set(table)


def test_owners_are_not_invented() -> None:
    """CODEOWNERS has only comments with placeholders until its owners are filled in."""
    lines = (FOLDER / "CODEOWNERS").read_text(encoding="utf-8").splitlines()
    if any(line and not line.startswith("#") for line in lines):
        pytest.skip("somebody has filled it in")
    owned = [line.split() for line in lines if line.startswith("# /")]
    assert {line[-1] for line in owned} == {"@OWNER/TEAM"}
    assert all(list(ROOT.glob(line[1].strip("/"))) for line in owned)


def test_every_file_of_github_is_mentioned() -> None:
    """The guide names each workflow that an event starts."""
    started = [
        path.name for path in FILES if path.stem in WORKFLOWS and "workflow_call" not in WORKFLOWS[path.stem]["on"]
    ]
    assert len(started) >= 5
    assert not [name for name in started if name not in GUIDE]
