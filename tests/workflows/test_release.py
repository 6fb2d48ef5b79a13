"""release.yml by act: from a green run of main to an image, a tag that says where it comes from, and a release."""

import base64
import json
import re
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.workflows import release_fixture
from tests.workflows.openapi import description, wrong
from tests.workflows.origin import git
from tests.workflows.pull_requests import top_level
from tests.workflows.release_fixture import APP, FIRST, REGISTRY, Releases, green

once_released, releases = release_fixture.once_released, release_fixture.releases
DOCUMENT = "docs/openapi.json"


def test_a_green_main_is_released(once_released: Path, releases: Releases) -> None:
    """Image, SBOM, attestation of its digest, a tag by the App, and a release with the report; verify finds all so."""
    ran, told = release_fixture.outcome(once_released), releases.tag_message
    assert top_level(ran.jobs) == {
        "plan": "success",
        "image": "success",
        "register": "success",
        "staging": "skipped",
    }, ran.log
    state, origin = releases.project.github.state, releases.project.origin
    assert told["commit"] == origin.sha("main") == origin.sha(FIRST)
    assert (told["version"], told["pull"]) == ("v1.0.0", 1)
    assert told["check"] == state.checks[0]["id"]
    assert told["run"] in state.runs
    assert origin.git("tag", "--list", "--format=%(taggername) %(objecttype)", FIRST) == f"{APP} tag"
    (bundle,) = state.attestations
    statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
    assert told["image"] == f"{REGISTRY}@sha256:{statement['subject'][0]['digest']['sha256']}"
    assert statement["subject"][0]["name"] == REGISTRY
    (release,) = state.releases
    assert (release["tag_name"], release["draft"], release["author"]["login"]) == (FIRST, False, APP)
    assert {one["name"] for one in release["assets"]} == {
        "provenance.json",
        "sbom.cdx.json",
        "model-card.md",
        "report.html",
    }
    assert f"| Release | v1.0.0, commit {told['commit']}" in release["body"]
    assert 0 < told["scores"]["accuracy"][1] < told["scores"]["accuracy"][0] < told["scores"]["accuracy"][2] < 1
    assert releases.verify() == (0, {})


def test_a_second_run_makes_no_second(releases: Releases) -> None:
    """By act: the same commit, reproduced once more, gets no other image, tag or release."""
    project = releases.project
    before = project.origin.git("for-each-ref")
    ran = release_fixture.run(project, green(project, project.origin.sha("main")))
    assert top_level(ran.jobs) == {
        "plan": "success",
        "image": "skipped",
        "register": "skipped",
        "staging": "skipped",
    }, ran.log
    assert project.origin.git("for-each-ref") == before
    assert len(project.github.state.releases) == 1


def test_what_was_never_merged_is_not_released(releases: Releases) -> None:
    """By act: a green run of a commit that a tag called main holds ends at once, and none of its code has run."""
    project = releases.project
    (releases.clone.path / "verdict/delivery/plan.py").write_text("print('stolen')\n", encoding="utf-8")
    releases.clone.commit("Not merged")
    commit = git(releases.clone.path, "rev-parse", "HEAD")
    git(releases.clone.path, "push", "--quiet", "origin", "HEAD:refs/tags/main")
    ran = release_fixture.run(project, green(project, commit))
    assert top_level(ran.jobs) == {
        "plan": "failure",
        "image": "skipped",
        "register": "skipped",
        "staging": "skipped",
    }, ran.log
    assert ran.steps["plan"]["The commit that was reproduced"] == "failure"
    assert "stolen" not in ran.log


def test_a_commit_gets_the_version_that_its_changes_ask_for(releases: Releases) -> None:
    """Documentation gets none, another image PATCH, another artifact MINOR, other labels or a broken API MAJOR."""
    clone = releases.clone
    start = git(clone.path, "rev-parse", "HEAD")

    def planned(path: str, old: str, new: str) -> str:
        git(clone.path, "reset", "--quiet", "--hard", start)
        before = (clone.path / path).read_text(encoding="utf-8")
        assert old in before, path
        (clone.path / path).write_text(before.replace(old, new), encoding="utf-8")
        clone.commit("A change")
        return releases.release("plan").strip()

    md5 = releases.tag_message["artifact"]
    assert planned("docs/releases.md", "# ", "# The ") == f"no release: neither artifact nor image differs from {FIRST}"
    assert planned("requirements/serving.txt", "#", "# ") == "v1.0.1: another image"
    assert planned("dvc.lock", md5, "0" * 32 + ".dir") == "v1.1.0: another artifact"
    labels = planned("metrics/evaluation.json", '"neutral"', '"mixed"')
    assert labels == "v2.0.0: other labels: mixed, neutral"
    assert planned(DOCUMENT, '"/predict"', '"/classify"').startswith("v2.0.0: the API breaks: paths./predict.post.")
    assert planned(DOCUMENT, '"paths": {', '"paths": {"/new": {},').startswith("no release")


def test_a_commit_that_was_overtaken_gets_no_release(releases: Releases) -> None:
    """A run of main that ends after that of a later commit, which was released, makes none of an earlier version."""
    clone = releases.clone
    older = releases.commit()
    (clone.path / "requirements/serving.txt").write_text("# other pins\n", encoding="utf-8")
    newer = releases.commit()
    releases.retag({**releases.tag_message, "version": "v1.0.1", "commit": newer}, newer, name="classifier@v1.0.1")
    git(clone.path, "checkout", "--quiet", "--detach", older)
    assert releases.release("plan").strip() == "no release: classifier@v1.0.1 is of a later commit"


def test_changes_are_not_planned(releases: Releases) -> None:
    """A release is of a commit: with changes in the working tree there is no plan."""
    (releases.clone.path / "dvc.lock").write_text("", encoding="utf-8")
    done = releases.try_release("plan")
    assert done.returncode == 1
    assert "this checkout: has changes" in done.stdout


@pytest.mark.parametrize(
    ("options", "told"),
    [(["--depth=1"], "is shallow"), (["--no-tags"], f"lacks tags that origin has, such as refs/tags/{FIRST}")],
)
def test_half_a_clone_is_refused(releases: Releases, tmp_path: Path, options: list[str], told: str) -> None:
    """Without history or tags nothing is said to be unreleased: the message has the command that gets them."""
    half = release_fixture.clone_with_remote(releases.project, tmp_path / "half", *options)
    for words, code in (("plan", 1), ("list", 1), ("verify v1.0.0", 2)):
        done = releases.try_release(*words.split(), at=half)
        assert (done.returncode, f"this clone: {told}" in done.stdout) == (code, True), done.stdout
    half.run(*done.stdout.partition("remedy: ")[2].split())
    assert releases.try_release("verify", "v1.0.0", at=half).returncode == 0


def test_the_rulesets_of_tags_are_githubs() -> None:
    """GitHub takes the rulesets of docs/github.md: one lets the App create tags, the other lets none be moved."""
    guide = (ROOT / "docs" / "github.md").read_text(encoding="utf-8")
    script = guide.partition("## 8. The rulesets of tags")[2].partition("```sh\n")[2].partition("```")[0]
    names = json.loads(script.partition("names='")[2].partition("'")[0])
    bodies = re.findall(r"^jq -n .*? '(\{.*?\})' \|", script, re.MULTILINE | re.DOTALL)
    sent = [json.loads(text.replace("$names", json.dumps(names)).replace("$app", "6")) for text in bodies]
    schema = description().operation("POST", "/repos/{owner}/{repo}/rulesets").body
    assert schema
    assert [wrong(schema, one) for one in sent] == [[], []]
    assert names == {"ref_name": {"include": [f"refs/tags/classifier{sign}*" for sign in "@#"], "exclude": []}}
    assert [([rule["type"] for rule in one["rules"]], len(one["bypass_actors"])) for one in sent] == [
        (["creation"], 1),
        (["update", "deletion"], 0),
    ]
