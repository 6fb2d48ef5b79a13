"""Names of commits: a branch before a tag, a remote branch if there is no local one, and never a guess."""

from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.dvc.pipeline.clone import Clone
from verdict.base.errors import VerdictError
from verdict.repo import environment
from verdict.repo.git import git_error
from verdict.repo.refs import CANDIDATE, OnStage, default_branch, find_commit, on_stage


@pytest.fixture(scope="module")
def commits(tmp_path_factory: pytest.TempPathFactory) -> tuple[Clone, dict[str, str]]:
    """A repository with a commit for each of four names, on a branch that has none of them; not to be changed."""
    place = Clone(tmp_path_factory.mktemp("names"))
    place.run("git", "init", "--quiet", "--initial-branch", "work")
    made = {}
    for name in ("branch", "tag", "tracked", "other"):
        place.run("git", "commit", "--quiet", "--allow-empty", "--message", name)
        made[name] = place.run("git", "rev-parse", "HEAD").strip()
    place.run("git", "remote", "add", "origin", "/nowhere")
    return place, made


@pytest.fixture
def place(commits: tuple[Clone, dict[str, str]], tmp_path: Path) -> Clone:
    """A copy of the repository."""
    return commits[0].copy(tmp_path / "names")


def name(clone: Clone, commits: tuple[Clone, dict[str, str]], **refs: str) -> None:
    """Give refs to its commits; two underscores are a slash."""
    for ref, commit in refs.items():
        clone.run("git", "update-ref", f"refs/{ref.replace('__', '/')}", commits[1][commit])


MEANINGS = [
    ("main", "branch", {"heads__main": "branch", "tags__main": "tag", "remotes__origin__main": "tracked"}),
    ("main", "tracked", {"tags__main": "tag", "remotes__origin__main": "tracked"}),
    ("main", "tracked", {"remotes__upstream__main": "tracked"}),
    ("main", "tracked", {"remotes__origin__main": "tracked", "remotes__upstream__main": "other"}),
    ("origin/main", "tracked", {"heads__origin__main": "branch", "remotes__origin__main": "tracked"}),
    ("origin/main", "branch", {"heads__origin__main": "branch", "tags__origin__main": "tag"}),
    ("main~0", "branch", {"heads__main": "branch", "tags__main": "tag"}),
    ("main^{commit}", "branch", {"heads__main": "branch", "tags__main": "tag"}),
    ("refs/tags/main", "tag", {"heads__main": "branch", "tags__main": "tag"}),
    ("tags/main", "tag", {"heads__main": "branch", "tags__main": "tag"}),
    ("heads/main", "branch", {"heads__main": "branch", "tags__heads__main": "tag"}),
    ("HEAD", "other", {"tags__HEAD": "tag"}),
    ("@", "other", {}),
    ("HEAD~1", "tracked", {"tags__HEAD": "tag"}),
    ("cafe", "branch", {"heads__cafe": "branch", "tags__cafe": "tag"}),
    ("production", "tag", {"tags__classifier#production#9": "other", "tags__classifier#production#10": "tag"}),
    ("production", "branch", {"heads__production": "branch", "tags__classifier#production#1": "tag"}),
    ("production", "tracked", {"remotes__origin__production": "tracked", "tags__classifier#production#1": "tag"}),
    ("staging", "tag", {"tags__classifier#staging#1": "tag", "tags__classifier#production#2": "other"}),
]


@pytest.mark.parametrize(("asked", "meant", "refs"), MEANINGS, ids=[f"{row[0]}-{i}" for i, row in enumerate(MEANINGS)])
def test_a_name_means_this(
    place: Clone, commits: tuple[Clone, dict[str, str]], asked: str, meant: str, refs: dict[str, str]
) -> None:
    """A branch goes before a tag; what begins with a remote's name is the remote's; a tag is asked for in full."""
    name(place, commits, **refs)
    assert find_commit(place.path, asked) == commits[1][meant]


@pytest.mark.parametrize("digits", [10, 40])
def test_a_commit_is_named_by_its_hash(place: Clone, commits: tuple[Clone, dict[str, str]], digits: int) -> None:
    """A whole hash is that commit even if a branch has its name, and an abbreviated one even if a tag has."""
    asked = commits[1]["other"][:digits]
    place.run("git", "update-ref", f"refs/{'heads' if digits == 40 else 'tags'}/{asked}", commits[1]["tag"])
    assert find_commit(place.path, asked) == commits[1]["other"]


@pytest.mark.parametrize(
    "asked", ["main", "main~1", "v1", "refs/heads/main", "abcdef", "HEAD~9", "", "^{/tag}", ":/tag"]
)
def test_what_is_no_name_here_is_refused_with_what_there_is(
    place: Clone, commits: tuple[Clone, dict[str, str]], asked: str
) -> None:
    """A tag alone, or nothing, is no revision; the message lists the branches that there are."""
    name(place, commits, tags__main="tag", tags__refs__heads__main="tag", remotes__origin__trunk="tracked")
    with pytest.raises(VerdictError, match="no such") as error:
        find_commit(place.path, asked)
    assert "(work, origin/trunk)" in error.value.remedy
    assert ("refs/tags/main is the tag" in error.value.remedy) == asked.startswith("main")


def test_what_is_on_a_stage_has_the_version_of_its_commit(place: Clone, commits: tuple[Clone, dict[str, str]]) -> None:
    """The version is that commit's, and the newest that with the highest numbers; names of files are no stages."""
    name(place, commits, **{"tags__classifier#production#2": "tag", "tags__classifier#production#1": "other"})
    assert getattr(on_stage(place.path, "production"), "name", None) == "production"
    name(place, commits, **{"tags__classifier@v1.9.0": "tag", "tags__classifier@v1.10.0": "other"})
    found = on_stage(place.path, "production")
    assert found == OnStage("production", commits[1]["tag"], (1, 9, 0), (1, 10, 0))
    assert found.name == "production (v1.9.0)"
    assert [on_stage(place.path, asked) for asked in ("staging", "*", "HEAD~1", "")] == [None] * 4


def test_the_remedy_names_the_option_that_was_given(place: Clone) -> None:
    """The remedy for a missing candidate names neither another base nor a first run."""
    with pytest.raises(VerdictError) as error:
        find_commit(place.path, "HEAD~9", CANDIDATE)
    assert error.value.remedy == "--candidate with one that is here (work)"


def test_the_command_of_the_message_brings_the_branch(tmp_path: Path, commits: tuple[Clone, dict[str, str]]) -> None:
    """In a shallow clone of one branch: it says so, and the fetch that it names makes the other branch known."""
    name(source := commits[0].copy(tmp_path / "source"), commits, heads__main="branch")
    source.run("git", "clone", "--quiet", "--depth", "1", f"file://{source.path}", str(tmp_path / "shallow"))
    place = Clone(tmp_path / "shallow")
    with pytest.raises(VerdictError, match="this clone is shallow") as error:
        find_commit(place.path, "main")
    assert error.value.remedy.startswith("git fetch --unshallow; or ")
    place.run(*error.value.remedy.split("; or ")[1].split())
    assert find_commit(place.path, "main") == commits[1]["branch"]


def test_the_default_branch_is_the_settings_else_origins_else_main(place: Clone) -> None:
    """Git's setting decides before origin's default branch, and that before the name main."""
    assert default_branch(place.path) == "main"
    place.run("git", "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/team/trunk")
    assert default_branch(place.path) == "team/trunk"
    place.run("git", "config", "verdict.base", "upstream/next")
    assert default_branch(place.path) == "upstream/next"


def test_without_git_it_is_git_that_is_asked_for(place: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine without git, such as a small container, the message names git, and not a missing file."""
    monkeypatch.setenv("PATH", str(place.path))
    with pytest.raises(VerdictError, match="not installed") as error:
        find_commit(place.path, "HEAD")
    assert error.value.where == "git"


def test_a_full_disk_is_not_another_checkout() -> None:
    """If git cannot write, the remedy is to make room."""
    message = b"error: unable to write file verdict/classifier/__init__.py\n"
    assert "df -h" in git_error("checkout", CompletedProcess([], 1, b"", message)).remedy


def test_gits_own_reason_is_told(place: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the folder is another user's, the message is git's, and the remedy is the command that git names."""
    monkeypatch.setattr(environment, "_KEPT", (*environment._KEPT, "GIT_TEST_"))
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(VerdictError, match="detected dubious ownership") as error:
        find_commit(place.path, "HEAD")
    assert error.value.remedy == f"git config --global --add safe.directory {place.path}"
