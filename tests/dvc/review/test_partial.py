"""Clones that lack objects, servers that never answer, and the folders in which a commit is looked at."""

import os
import shutil
import socket
from pathlib import Path

import psutil
import pytest

from tests.dvc.pipeline.clone import Clone
from verdict.base.errors import VerdictError
from verdict.repo import git as programs
from verdict.repo.git import git
from verdict.repo.revisions import checked_out, resolve

FILES = {"dvc.lock": "stages: {}\n", "folder/inner/params.yaml": "a: 1\n", "café.txt": "é\n"}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A repository that serves partial clones: `main` has files that `work`, its HEAD, has not."""
    place = Clone(tmp_path_factory.mktemp("source"))
    place.run("git", "init", "--quiet", "--initial-branch", "work")
    place.run("git", "config", "uploadpack.allowFilter", "true")
    place.run("git", "config", "uploadpack.allowAnySHA1InWant", "true")
    place.run("git", "commit", "--quiet", "--allow-empty", "--message", "Nothing yet")
    place.run("git", "checkout", "--quiet", "-b", "main")
    for name, text in FILES.items():
        (place.path / name).parent.mkdir(parents=True, exist_ok=True)
        (place.path / name).write_text(text, encoding="utf-8")
    place.commit("Files")
    place.run("git", "checkout", "--quiet", "work")
    return place


def partial(source: Clone, folder: Path, kind: str) -> Clone:
    """A clone that lacks the objects of main."""
    source.run("git", "clone", "--quiet", f"--filter={kind}", f"file://{source.path}", str(folder))
    return Clone(folder)


def missing(place: Clone) -> list[str]:
    """The objects of main's files that a clone lacks."""
    listed = place.run("git", "rev-list", "--no-walk", "--objects", "--missing=print", "origin/main")
    return [line for line in listed.splitlines() if line.startswith("?")]


@pytest.mark.parametrize("kind", ["blob:none", "tree:0"])
def test_a_commit_of_a_partial_clone_is_fetched_whole(source: Clone, tmp_path: Path, kind: str) -> None:
    """A named commit is fetched whole, so that later readers need not wait for a server."""
    place = partial(source, tmp_path / "partial", kind)
    assert missing(place)
    found = resolve(place.path, "main")
    assert not missing(place)
    shutil.move(source.path, away := tmp_path / "away")
    try:
        assert found.text("folder/inner/params.yaml") == "a: 1\n"
        with checked_out(found) as folder:
            assert {name: (folder / name).read_text(encoding="utf-8") for name in FILES} == FILES
    finally:
        shutil.move(away, source.path)


def test_what_the_server_does_not_give_is_an_error_with_a_way_out(source: Clone, tmp_path: Path) -> None:
    """It names the commit and git's own reason; the command that it ends with makes the clone whole."""
    place = partial(source, tmp_path / "partial", "blob:none")
    place.run("git", "remote", "set-url", "origin", str(tmp_path / "nowhere"))
    with pytest.raises(VerdictError, match="3 of its files are not in this partial clone") as error:
        resolve(place.path, "main")
    assert "nowhere" in error.value.what
    place.run("git", "remote", "set-url", "origin", f"file://{source.path}")
    place.run(*error.value.remedy.split(", for a whole clone, ")[-1].split())
    assert not missing(place)


def test_a_server_that_never_answers_is_not_waited_for(source: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends with its helpers after a limit of time, and the message says what to look at."""
    monkeypatch.setattr(programs, "TIMEOUT", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/x.git"
        with pytest.raises(VerdictError, match="git ls-remote: did not end within") as error:
            git(source.path, "ls-remote", address)
    assert "git ls-remote" in error.value.remedy
    assert not [one for one in psutil.Process().children(recursive=True) if "git" in one.name()]


def everything(folder: Path) -> set[Path]:
    """All paths below a folder."""
    return {Path(where, name) for where, folders, files in os.walk(folder) for name in (*folders, *files)}


@pytest.mark.parametrize("kind", ["whole", "shallow", "a linked worktree"])
def test_a_commit_is_looked_at_without_a_trace(source: Clone, tmp_path: Path, kind: str) -> None:
    """Its folder is a separate repository: the user's has no record of it, even if it is never removed."""
    place = source.copy(tmp_path / "whole")
    if kind == "shallow":
        source.run("git", "clone", "--quiet", "--depth=1", "-bmain", f"file://{source.path}", str(tmp_path / "other"))
    elif kind == "a linked worktree":
        place.run("git", "worktree", "add", "--quiet", "--detach", str(tmp_path / "other"), "main")
    place = place if kind == "whole" else Clone(tmp_path / "other")
    # As the judge makes them: no ref leads to it.
    commit = place.run("git", "commit-tree", "-m", "alone", "HEAD^{tree}" if kind != "whole" else "main^{tree}").strip()
    before = everything(tmp_path)
    with checked_out(resolve(place.path, commit)) as folder:
        assert (folder / "café.txt").read_text(encoding="utf-8") == "é\n"
        assert Clone(folder).run("git", "rev-parse", "HEAD").strip() == commit
        assert not Clone(folder).changes()
        assert everything(tmp_path) == before
    assert not folder.exists()


def test_no_hook_of_the_users_runs(source: Clone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a hook of the repository, nor one of a template, nor one of a folder for all: a failing one is unseen."""
    place = source.copy(tmp_path / "hooked")
    template, everywhere = tmp_path / "template", tmp_path / "everywhere"
    for folder in (template / "hooks", everywhere, place.path / ".git/hooks"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "post-checkout").write_text(f"#!/bin/sh\ntouch {tmp_path}/fired\nexit 1\n", encoding="utf-8")
        (folder / "post-checkout").chmod(0o755)
    settings = tmp_path / "settings"
    settings.write_text(f"[init]\n templateDir = {template}\n[core]\n hooksPath = {everywhere}\n", encoding="utf-8")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    with checked_out(resolve(place.path, "main")) as folder:
        assert not (folder / ".git/hooks").exists()
    assert not (tmp_path / "fired").exists()
