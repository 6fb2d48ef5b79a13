"""The gate as a pre-commit hook: the commit holds what was staged, and what is judged is what it holds."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.dvc.pipeline.clone import Clone
from tests.dvc.review import edits
from tests.dvc.review.edits import ReviewRunner
from tests.dvc.review.tampering import delete_output
from verdict.base.errors import VerdictError
from verdict.repo.commit_hook import require_tree_matches_index
from verdict.repo.environment import child_environment, clean_own_environment
from verdict.review.command import Request, sides

clone, runner = edits.clone, edits.runner
# All of the gate that has to do with git, without models.
HOOK = f"""#!{sys.executable}
import sys
from pathlib import Path
sys.path.insert(0, {str(ROOT)!r})
from verdict.repo.environment import clean_own_environment
from verdict.repo.commit_hook import require_tree_matches_index
from verdict.repo.revisions import checked_out, resolve
index = clean_own_environment()
try:
    print(require_tree_matches_index(Path.cwd(), index))
    with checked_out(resolve(Path.cwd(), "main")):
        pass
except Exception as error:
    sys.exit(str(error))
"""
FILES = {
    ".gitignore": "*.log\nignored.py\n",
    "dvc.yaml": "stages: {one: {cmd: python code.py}}\n",
    "dvc.lock": "stages: {one: {deps: [{path: code.py}, {path: ignored.py}, {path: lib}], outs: [{path: out.json}]}}\n",
    **dict.fromkeys(("code.py", "lib/inner.py", "out.json", "params.yaml", "notes.md", "other.md"), "1\n"),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A repository with a lock of one stage, committed; not to be changed."""
    place = Clone(tmp_path_factory.mktemp("hooked") / "main")
    for name, text in FILES.items():
        (place.path / name).parent.mkdir(parents=True, exist_ok=True)
        write(place, name, text)
    place.run("git", "init", "--quiet", "--initial-branch", "main")
    place.commit("Main")
    return place


@pytest.fixture(params=["main", "linked"])
def place(request: pytest.FixtureRequest, made: Clone, tmp_path: Path) -> Clone:
    """A copy of it, or a linked worktree of one, with the hook."""
    copy = made.copy(tmp_path / "main")
    install(copy, HOOK)
    if request.param == "main":
        return copy
    copy.run("git", "worktree", "add", "--quiet", "-b", "linked", str(tmp_path / "linked"))
    return Clone(tmp_path / "linked")


def write(clone: Clone, name: str, text: str = "2\n") -> None:
    """Change a file."""
    (clone.path / name).write_text(text, encoding="utf-8")


def install(clone: Clone, script: str, name: str = "pre-commit") -> None:
    """Make a script a hook of a repository."""
    path = clone.path / ".git/hooks" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(script, encoding="utf-8")
    path.chmod(0o755)


def committed(clone: Clone) -> set[str]:
    """The files that the last commit changed; nothing else may have become of the rest."""
    return set(clone.run("git", "diff", "--name-only", "HEAD~", "HEAD").split())


FORMS = {
    "what is staged": ([], {"notes.md"}),
    "all": (["-a"], {"notes.md", "other.md"}),
    "a path": (["--", "other.md"], {"other.md"}),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_commit_holds_what_was_staged(place: Clone, form: str) -> None:
    """In the main checkout and a linked worktree, however it is made, and the rest stays as it was."""
    options, held = FORMS[form]
    for name in ("notes.md", "other.md"):
        write(place, name)
    place.run("git", "add", "notes.md")
    output = place.run("git", "commit", "-m", "Notes", *options)
    tree = place.run("git", "rev-parse", "HEAD^{tree}").strip()
    assert f"is tree {tree[:10]}, which this commit will hold" in output
    assert committed(place) == held
    assert set(place.changes().split()) - {"M"} == {"notes.md", "other.md"} - held


@pytest.mark.parametrize(("staged", "options"), [("notes.md", []), (None, ["--", "notes.md"])])
def test_a_working_tree_that_is_other_is_not_judged(place: Clone, staged: str | None, options: list[str]) -> None:
    """A changed param that is not in the commit ends the hook: it is named, and nothing is committed or staged."""
    for name in ("notes.md", "params.yaml", "other.md"):
        write(place, name)
    if staged:
        place.run("git", "add", staged)
    before = place.changes()
    done = place.try_run("git", "commit", "-m", "Notes", *options)
    assert done.returncode == 1
    assert "the commit that is being made: other in the working tree: params.yaml\n" in done.stdout
    assert place.changes() == before


def index_of(clone: Clone) -> Path:
    """The index of a repository."""
    return clone.path / ".git/index"


def assume_unchanged(clone: Clone) -> None:
    """Mark a changed file as assume-unchanged."""
    clone.run("git", "update-index", "--assume-unchanged", "code.py")
    write(clone, "code.py")


def promise(clone: Clone) -> None:
    """Add a new file to the index without its content."""
    write(clone, "lib/new.py")
    clone.run("git", "add", "--intent-to-add", "lib/new.py")


DIFFER: dict[str, tuple[Callable[[Clone], object], str]] = {
    "an input": (lambda place: write(place, "code.py"), "other in the working tree: code.py"),
    "in a folder": (lambda place: write(place, "lib/inner.py"), "other in the working tree: lib/inner.py"),
    "an output": (lambda place: write(place, "out.json"), "other in the working tree: out.json"),
    "gone": (lambda place: (place.path / "code.py").unlink(), "other in the working tree: code.py"),
    "unseen by git": (assume_unchanged, "other in the working tree: code.py"),
    "a new pointer": (lambda place: write(place, "new.dvc"), "not in the commit at all: new.dvc"),
    "a new input": (lambda place: write(place, "lib/new.py"), "not in the commit at all: lib/new.py"),
    "an ignored input": (lambda place: write(place, "ignored.py"), "not in the commit at all: ignored.py"),
    "promised alone": (promise, "not in the commit at all: lib/new.py"),
}


@pytest.mark.parametrize("kind", DIFFER)
def test_files_that_matter_must_be_in_the_commit(made: Clone, tmp_path: Path, kind: str) -> None:
    """Inputs, outputs and definitions of the DAG are compared by content, whatever the index says of them."""
    change, what = DIFFER[kind]
    change(place := made.copy(tmp_path / "place"))
    before = index_of(place).read_bytes()
    with pytest.raises(VerdictError) as error:
        require_tree_matches_index(place.path, index_of(place))
    assert error.value.what == what
    assert index_of(place).read_bytes() == before


def test_what_a_link_leads_to_must_be_in_the_commit(made: Clone, tmp_path: Path) -> None:
    """A dependency that is a link is read behind it."""
    place = made.copy(tmp_path / "place")
    (place.path / "code.py").unlink()
    (place.path / "code.py").symlink_to("notes.md")
    place.run("git", "add", "code.py")
    assert "judged: the working tree" in require_tree_matches_index(place.path, index_of(place))
    write(place, "notes.md")
    with pytest.raises(VerdictError, match=r"other in the working tree: notes\.md"):
        require_tree_matches_index(place.path, index_of(place))


def test_a_submodule_must_be_as_the_commit_has_it(made: Clone, tmp_path: Path) -> None:
    """A dependency in a submodule is in the commit, unless the submodule is dirty."""
    place = made.copy(tmp_path / "place")
    write(place, "dvc.lock", "stages: {one: {deps: [{path: part/notes.md}]}}\n")
    place.run("git", "-c", "protocol.file.allow=always", "submodule", "add", str(made.path), "part")
    place.run("git", "add", "--all")
    assert "judged: the working tree" in require_tree_matches_index(place.path, index_of(place))
    write(place, "part/notes.md")
    with pytest.raises(VerdictError, match="other in the working tree: part"):
        require_tree_matches_index(place.path, index_of(place))


def test_in_a_hook_another_commit_is_named(made: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    """With --candidate, the hook says that it judges another commit than the one that is being made."""
    head = made.run("git", "rev-parse", "HEAD")[:10]
    with sides(Request(made.path, "main", "HEAD", index=index_of(made))):
        assert capsys.readouterr().out == f"judged: commit {head}, and not the commit that is being made\n"


def test_other_files_may_differ(made: Clone, tmp_path: Path) -> None:
    """Notes, logs, and the mode of a file do not keep a commit from being judged."""
    place = made.copy(tmp_path / "place")
    for name in ("notes.md", "new.md", "lib/run.log"):
        write(place, name)
    (place.path / "code.py").chmod(0o755)
    assert "judged: the working tree" in require_tree_matches_index(place.path, index_of(place))


def test_a_process_forgets_the_hook_around_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At its entry a program drops what names a repository, and keeps the index alone, found from a sub-folder too."""
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/index").touch()
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    given = {"GIT_INDEX_FILE": ".git/index", "GIT_DIR": "/nowhere", "GIT_PREFIX": "sub/", "GIT_AUTHOR_NAME": "T"}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert clean_own_environment() == tmp_path / ".git/index"
    assert {name for name in given if name in os.environ} == {"GIT_AUTHOR_NAME"}
    assert clean_own_environment() is None


def test_a_stage_runs_by_this_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program finds `python` beside its own interpreter, though no virtual environment is active, or no path set."""
    own = str(Path(sys.executable).parent)
    monkeypatch.setenv("PATH", "/usr/bin")
    clean_own_environment()
    assert os.environ["PATH"] == child_environment()["PATH"] == f"{own}:/usr/bin"
    monkeypatch.delenv("PATH")
    clean_own_environment()
    assert os.environ["PATH"].split(":") == [own, *os.defpath.split(":")]


def test_the_gate_itself_as_a_hook(clone: Clone) -> None:
    """`git commit -a` under a hook that reruns main's stages commits the change, and no other hook fires."""
    hook = f"#!/bin/sh\nexec '{sys.executable}' -I -m verdict gate --reproduce-base\n"
    install(clone, hook)
    install(clone, "#!/bin/sh\ntouch fired\n", "post-checkout")
    write(clone, "README.md")
    output = clone.run("git", "commit", "-am", "A change of words")
    assert "Pass: unchanged" in output
    assert committed(clone) == {"README.md"}
    assert not (clone.path / "fired").exists()


def test_a_hook_asks_no_remote(clone: Clone, runner: ReviewRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    """If main's results are not in the cache it ends at once, and names the command to run outside of the hook."""
    delete_output(clone, "data/predictions")
    monkeypatch.setenv("GIT_INDEX_FILE", str(index_of(clone)))
    monkeypatch.setattr("dvc.data_cloud.DataCloud.pull", lambda *_, **__: pytest.fail("asked a remote"))
    outcome = runner.gate(clone)
    assert outcome.code == 2
    assert "judged: the working tree" in outcome.text
    assert "a hook asks no remote" in outcome.reason
    assert "verdict gate" in outcome.text


def test_a_tag_is_not_the_default_branch(clone: Clone, runner: ReviewRunner) -> None:
    """If trunk is the default branch and a tag main is on the change, the comparison is with trunk, and fails."""
    clone.run("git", "branch", "--move", "main", "trunk")
    clone.run("git", "config", "verdict.base", "trunk")
    clone.run("git", "checkout", "--quiet", "-b", "change")
    edits.set_params(clone, "gate", max_artifact_mb=1000)
    clone.commit("Another rule")
    clone.run("git", "tag", "main")
    assert runner.gate(clone).failed == ["policy"]
    by_tag = runner.gate(clone, "--base", "main")
    assert by_tag.code == 2
    assert "main: no such branch or commit here, only a tag" in by_tag.text
