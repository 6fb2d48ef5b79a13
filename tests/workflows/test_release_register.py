"""Naming a version: by the App alone, once, and where an attempt broke off the next one goes on; and the list."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shared import once
from tests.workflows import release_fixture
from tests.workflows.release_fixture import APP, FIRST, TOKEN, Releases

once_released, releases = release_fixture.once_released, release_fixture.releases
MALLORY = "token-of-mallory"


@pytest.fixture(scope="module")
def once_built(once_released: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose second release, of other pins, is built and not registered."""
    return once(
        tmp_path_factory.getbasetemp(), "built", lambda folder: release_fixture.build_next(once_released, folder)
    )


@pytest.fixture
def built(once_built: Path, tmp_path: Path) -> Iterator[Releases]:
    """A copy of the repository with the second release built."""
    with release_fixture.released(once_built, tmp_path) as made:
        yield made


def register(releases: Releases, code: int = 0) -> str:
    """The step that registers, with the App's token; what it printed."""
    done = releases.try_release("register", GITHUB_TOKEN=TOKEN)
    assert done.returncode == code, done.stdout
    return done.stdout


def test_what_is_built_twice_is_the_same(built: Releases) -> None:
    """A second build of the same commit says the same, to the byte: image, SBOM, scores, provenance, card."""
    folder = built.clone.path / "release"
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    shutil.rmtree(folder)
    built.release("build")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first
    assert set(first) == {"provenance.json", "sbom.cdx.json", "model-card.md"}


def test_a_second_registration_changes_nothing(built: Releases) -> None:
    """The step, run once more, finds tag and release there; verify is content with both releases."""
    register(built)
    before, state = built.project.origin.git("for-each-ref"), built.project.github.state
    names = [(one["tag_name"], len(one["assets"])) for one in state.releases]
    assert names == [(FIRST, 4), ("classifier@v1.0.1", 3)]
    register(built)
    assert built.project.origin.git("for-each-ref") == before
    assert [(one["tag_name"], len(one["assets"])) for one in state.releases] == names
    assert built.verify("v1.0.1") == built.verify("1.0.0") == (0, {})


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", r"/releases$"), ("POST", r"/assets$"), ("PATCH", r"/releases/\d+$")],
    ids=["before the draft", "before an asset", "before it is shown"],
)
def test_an_attempt_that_broke_off_is_finished(built: Releases, method: str, path: str, tmp_path: Path) -> None:
    """Until the release is shown the plan says that it is due; the next attempt takes over what the last one left."""
    built.project.github.fail(method, path)
    assert "A fault of the test" in register(built, 1)
    output = tmp_path / "output"
    built.release("plan", GITHUB_OUTPUT=str(output))
    assert output.read_text(encoding="utf-8") == f"version=v1.0.1\nprevious=refs/tags/{FIRST}\n"
    register(built)
    (_, release) = built.project.github.state.releases
    assert (release["draft"], len(release["assets"])) == (False, 3)
    assert built.verify("v1.0.1") == (0, {})
    output.unlink()
    built.release("plan", GITHUB_OUTPUT=str(output))
    assert not output.exists()


def test_another_build_of_a_version_is_refused(built: Releases) -> None:
    """A draft or tag is never contradicted, by another build or another commit."""
    built.project.github.fail("PATCH", r"/releases/\d+$")
    register(built, 1)
    path = built.clone.path / "release/provenance.json"
    told = path.read_text(encoding="utf-8")
    path.write_text(told.replace('"run": ', '"run": 1'), encoding="utf-8")
    assert "an earlier attempt built something else" in register(built, 1)
    built.project.github.state.releases.pop()
    assert "says something else than what was built now" in register(built, 1)
    assert json.loads(
        built.project.origin.git("tag", "--list", "--format=%(contents)", "classifier@v1.0.1")
    ) == json.loads(told)


def test_nobody_but_the_app_names_a_version(built: Releases) -> None:
    """The ruleset refuses the tag of another token; what could not be pushed is no release here either."""
    built.project.github.token(MALLORY, {"contents": "write"}, "mallory", None)
    done = built.try_release("register", GITHUB_TOKEN=MALLORY)
    assert done.returncode == 1
    assert "Repository rule violations found for refs/tags/classifier@v1.0.1" in done.stdout
    assert "classifier@v1.0.1" not in built.clone.run("git", "tag")
    assert built.project.github.state.releases[-1]["draft"] is True


def test_the_list_is_what_gto_shows(built: Releases) -> None:
    """Versions, stages and history are GTO's; scores with intervals are those that the tags say."""
    register(built)
    who = {"GIT_COMMITTER_NAME": APP, "GIT_COMMITTER_EMAIL": "x@localhost"}
    for version, stage in (("v1.0.1", "staging"), ("v1.0.0", "production")):
        assign = ("gto", "assign", "classifier", "--version", version, "--stage", stage)
        assert built.clone.try_run(*assign, **who).returncode == 0
    lines = built.release("list").splitlines()
    told = built.tag_message
    value, low, high = told["scores"]["accuracy"]
    assert [line[:31].split() for line in lines[:2]] == [["v1.0.1", "staging"], ["v1.0.0", "production"]]
    assert f"accuracy {value:.4f} [{low:.4f}, {high:.4f}]" in lines[1]
    shown = built.clone.read_json("gto", "show", "--json")["classifier"]
    assert shown["stage"] == {line.split()[1]: line.split()[0] for line in lines[:2]}
    history = built.clone.read_json("gto", "history", "classifier", "--json", "--ascending")
    wanted = [(one["timestamp"][:19], one["event"], one["version"]) for one in history]
    assert [tuple(line.split()[:3]) for line in lines[3:]] == wanted
    assert built.clone.try_run("gto", "deprecate", "classifier", "v1.0.1", **who).returncode == 0
    assert built.release("list").splitlines()[0].startswith("v1.0.1    withdrawn ")


def test_without_a_release_the_list_says_so(releases: Releases) -> None:
    """A repository that never released has an empty registry, and a first version."""
    releases.git_without_ruleset("push", "--quiet", "origin", f":refs/tags/{FIRST}")
    releases.clone.run("git", "tag", "--delete", FIRST)
    assert releases.release("list").strip() == "no release yet"
    assert releases.release("plan").strip() == "v1.0.0: the first release"


def test_a_build_needs_a_green_main(built: Releases) -> None:
    """A commit that main.yml did not reproduce is not built."""
    built.project.github.state.runs.clear()
    done = built.try_release("build")
    assert done.returncode == 1
    assert "not reproduced: no run of main.yml after a push to main" in done.stdout
