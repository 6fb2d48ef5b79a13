"""`verdict release verify` refuses nine forgeries by name, each of which got around one guard."""

import hashlib
import json
from pathlib import Path

import pytest

from tests.workflows import release_fixture
from tests.workflows.api.state import Json
from tests.workflows.origin import git
from tests.workflows.release_fixture import APP, FIRST, REGISTRY, Releases, green
from tests.workflows.standins.images import digest_of

once_released, releases = release_fixture.once_released, release_fixture.releases


def forged_image(releases: Releases, **changes: str) -> str:
    """Another image in the registry, whose labels or layer differ from the release's; its digest."""
    image: Json = json.loads(releases.image(releases.tag_message["image"]).read_text(encoding="utf-8"))
    image["manifest"] = changes.pop("manifest", image["manifest"])
    image["labels"] |= changes
    text = json.dumps(image, sort_keys=True)
    releases.image(f"{REGISTRY}@{digest_of(text)}").write_text(text, encoding="utf-8")
    return digest_of(text)


def put_under_version(releases: Releases, digest: str) -> None:
    """The registry's tag of the release leads to another image."""
    content = releases.image(f"{REGISTRY}@{digest}").read_bytes()
    releases.image(f"{REGISTRY}:v1.0.0").write_bytes(content)


def all_of(releases: Releases, told: Json, commit: str = "") -> None:
    """A tag and an asset that say the same, both by what looks like the App: the key of the App was stolen."""
    releases.retag(told, commit)
    releases.upload("provenance.json", json.dumps(told, indent=2).encode())


def test_a_tag_by_another_person(releases: Releases) -> None:
    """One that has another tagger; and one that writes the App's name there, but could not write the release."""
    releases.retag(releases.tag_message, tagger="Mallory")
    code, false = releases.verify()
    assert (code, false["tagger"]) == (1, f"the tagger is Mallory, not {APP}")
    releases.retag(releases.tag_message)
    releases.upload("provenance.json", json.dumps(releases.tag_message, indent=2).encode(), login="mallory")
    code, false = releases.verify()
    assert (code, false) == (1, {"tagger": f"who uploaded provenance.json is mallory, not {APP}"})


def test_a_moved_tag(releases: Releases) -> None:
    """With its old message on another commit; with a message to match; and at GitHub alone."""
    told, commit = releases.tag_message, releases.commit()
    first = git(releases.clone.path, "rev-parse", FIRST)
    green(releases.project, commit)
    releases.retag(told, commit)
    code, false = releases.verify()
    assert code == 1
    assert false["tag"] == f"moved: its commit is {commit}, not {told['commit']}"
    assert "run of main" in false
    run = max(releases.project.github.state.runs)
    releases.retag({**told, "commit": commit, "run": run}, commit)
    code, false = releases.verify()
    assert code == 1
    assert false["tag"].startswith("moved: by provenance.json the hash of its message is sha256:")
    there = git(releases.clone.path, "rev-parse", FIRST)
    git(releases.clone.path, "update-ref", f"refs/tags/{FIRST}", first)
    assert releases.verify() == (1, {"tag": f"moved: the tag at GitHub is {there}, not {first}"})


def test_a_tag_of_another_version(releases: Releases) -> None:
    """A release under one name is refused under another."""
    releases.retag(releases.tag_message, name="classifier@v1.0.9")
    releases.project.github.state.releases[0]["tag_name"] = "classifier@v1.0.9"
    assert releases.verify("v1.0.9") == (1, {"tag": "its version is v1.0.9, not v1.0.0"})


def test_a_commit_without_a_run_of_main(releases: Releases) -> None:
    """An unreproduced commit of main is refused; a run by hand, of a fork, or of another branch does not count."""
    told, commit = releases.tag_message, releases.commit()
    all_of(releases, {**told, "commit": commit}, commit)
    green(releases.project, commit, event="workflow_dispatch")
    green(releases.project, commit, head_branch="change")
    green(releases.project, commit, head_repo="stranger/verdict")
    code, false = releases.verify()
    assert code == 1
    assert false["run of main"] == (
        f"main.yml did not reproduce {commit[:10]}: no run of main.yml after a push to main"
    )


def test_a_red_run(releases: Releases) -> None:
    """A commit whose run of main.yml failed or did not end is refused."""
    told, commit = releases.tag_message, releases.commit()
    all_of(releases, {**told, "commit": commit}, commit)
    red = green(releases.project, commit, conclusion="failure")
    code, false = releases.verify()
    assert code == 1
    assert false["run of main"] == f"main.yml did not reproduce {commit[:10]}: run {red}: failure"
    other = green(releases.project, commit)
    assert releases.verify()[1]["run of main"] == f"the run of main.yml is {other}, not {told['run']}"


def test_another_artifact_in_the_image(releases: Releases) -> None:
    """Its labels say what the release says, and its layer holds something else: labels are not believed."""
    digest = forged_image(releases, manifest="0" * 64)
    put_under_version(releases, digest)
    all_of(releases, {**releases.tag_message, "image": f"{REGISTRY}@{digest}"})
    manifest = releases.tag_message["manifest"]
    assert releases.verify() == (1, {"image": f"the artifact in its layer is {'0' * 64}, not {manifest}"})


def test_an_image_that_was_tagged_again(releases: Releases) -> None:
    """Under the release's version the registry has another image, be it of the same artifact."""
    digest = forged_image(releases, inputs="1" * 64)
    put_under_version(releases, digest)
    own = releases.tag_message["image"].partition("@")[2]
    found = f"re-tagged: the digest under its version is {digest}, not {own}"
    assert releases.verify() == (1, {"image": found})


def test_a_foreign_digest(releases: Releases) -> None:
    """The tag names an image of another version, or one of another repository."""
    digest = forged_image(releases, version="v0.9.0")
    put_under_version(releases, digest)
    told = releases.tag_message
    all_of(releases, {**told, "image": f"{REGISTRY}@{digest}"})
    code, false = releases.verify()
    assert code == 1
    assert false["image"].startswith("what its labels say is Labels(version='v0.9.0'")
    all_of(releases, {**told, "image": f"elsewhere.test/verdict@{digest}"})
    assert releases.verify() == (1, {"image": f"its repository is elsewhere.test/verdict, not {REGISTRY}"})


def test_an_edited_manifest(releases: Releases) -> None:
    """In the tag; and on the remote, where its bytes then are not those that dvc.lock names."""
    told = releases.tag_message
    all_of(releases, {**told, "manifest": "2" * 64})
    code, false = releases.verify()
    assert code == 1
    assert false["artifact"] == f"manifest.json of the remote is {told['manifest']}, not {'2' * 64}"
    assert false["image"].startswith("what its labels say is ")
    all_of(releases, told)
    path = manifest_of(releases, told)
    path.chmod(0o644)
    path.write_text(path.read_text(encoding="utf-8").replace("linear", "bag"), encoding="utf-8")
    code, false = releases.verify()
    assert code == 1
    assert false["artifact"].startswith(f"object {path.parent.name}{path.name[:6]} of the remote is ")


def test_a_file_beside_the_artifact(releases: Releases) -> None:
    """A listing on the remote that has more than the manifest names is not that artifact."""
    told, files = releases.tag_message, releases.clone.path / ".remote/files/md5"
    listing = json.loads((files / told["artifact"][:2] / told["artifact"][2:]).read_text(encoding="utf-8"))
    text = json.dumps([*listing, {**listing[0], "relpath": "more"}])
    digest = hashlib.md5(text.encode()).hexdigest() + ".dir"
    (files / digest[:2]).mkdir(exist_ok=True)
    (files / digest[:2] / digest[2:]).write_text(text, encoding="utf-8")
    all_of(releases, {**told, "artifact": digest})
    code, false = releases.verify()
    assert code == 1
    assert false["artifact"].startswith("what its manifest.json names is {")


def test_another_sbom(releases: Releases) -> None:
    """The file of the release must be the one that was made with the image."""
    releases.upload("sbom.cdx.json", b"{}")
    code, false = releases.verify()
    assert (code, set(false)) == (1, {"SBOM"})


def manifest_of(releases: Releases, told: Json) -> Path:
    """The place of the release's manifest on the remote."""
    files = releases.clone.path / ".remote/files/md5"
    listing = json.loads((files / told["artifact"][:2] / told["artifact"][2:]).read_text(encoding="utf-8"))
    (digest,) = [str(one["md5"]) for one in listing if one["relpath"] == "manifest.json"]
    return files / digest[:2] / digest[2:]


def test_an_unmerged_commit(releases: Releases) -> None:
    """A commit of a branch, however green its run looks, is not main's."""
    told = releases.tag_message
    releases.clone.run("git", "commit", "--quiet", "--allow-empty", "--message", "Never merged")
    commit = git(releases.clone.path, "rev-parse", "HEAD")
    releases.git_without_ruleset("push", "--quiet", "origin", "HEAD:refs/heads/change")
    run = green(releases.project, commit)
    all_of(releases, {**told, "commit": commit, "run": run}, commit)
    code, false = releases.verify()
    assert code == 1
    assert false["commit"] == f"{commit[:10]} is not merged: main does not have it"
    assert "run of main" not in false


def test_another_lock(releases: Releases) -> None:
    """The artifact that a tag names must be that of its commit's dvc.lock."""
    own, other = releases.tag_message["artifact"], "3" * 32 + ".dir"
    all_of(releases, {**releases.tag_message, "artifact": other})
    code, false = releases.verify()
    assert code == 1
    assert false["dvc.lock"] == f"models/classifier in dvc.lock is {own}, not {other}"


@pytest.mark.parametrize(
    ("path", "claim"),
    [(r"/actions/workflows/main\.yml/runs", "run of main"), ("/compare/", "commit"), ("/releases/tags/", "tagger")],
)
def test_what_cannot_be_asked_is_no_pass(releases: Releases, path: str, claim: str) -> None:
    """If GitHub does not answer, the exit code is 2; with a false claim beside it, 1."""
    releases.project.github.fail("GET", path, 403, times=9)
    code, found = releases.verify()
    assert code == 2
    assert "A fault of the test" in found[claim]
    put_under_version(releases, forged_image(releases, inputs="4" * 64))
    assert releases.verify()[0] == 1


def test_a_registry_without_the_image_is_no_pass(releases: Releases) -> None:
    """An image that is gone cannot be judged."""
    releases.image(releases.tag_message["image"]).unlink()
    code, found = releases.verify()
    assert code == 2
    assert "the registry has no such image" in found["image"]


def test_without_knowing_the_app_nothing_is_judged(releases: Releases) -> None:
    """A release cannot say itself whose it must be: the command asks for the App."""
    done = releases.try_release("verify", "v1.0.0", RELEASE_APP="")
    assert done.returncode == 2
    assert "--app: which App releases is not known" in done.stdout
    releases.clone.run("git", "config", "verdict.app", "verdict-release")
    assert releases.verify(RELEASE_APP="") == (0, {})


def test_what_nobody_released(releases: Releases) -> None:
    """An unknown version is not judged, and the message lists those that there are."""
    done = releases.try_release("verify", "v7.0.0")
    assert done.returncode == 2
    assert "classifier@v7.0.0: no such annotated tag; there is v1.0.0" in done.stdout
