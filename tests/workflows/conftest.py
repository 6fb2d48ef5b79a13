"""Fixtures of the workflow tests: a small repository on a github.com of this machine."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.dvc.pipeline.clone import Clone
from tests.shared import once
from tests.workflows.github import GitHub
from tests.workflows.in_process import KEPT, InProcessProject
from tests.workflows.origin import Origin, git, make_origin, seed_cache
from tests.workflows.package_index import publish
from tests.workflows.pull_requests import fill_author_cache

Files = dict[str, str]


@pytest.fixture
def github(origin: Origin) -> Iterator[GitHub]:
    """GitHub with the test's repository; requests that GitHub's API description does not allow fail the test."""
    with GitHub(origin.folder, origin.artifacts, origin.name) as running:
        yield running
    assert running.violations == []


@pytest.fixture
def origin(tmp_path: Path, write: Callable[[Files], Path]) -> Origin:
    """A repository with only a README."""
    return make_origin(tmp_path / "hub", write({"README.md": "A repository\n"}))


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Files], Path]:
    """A function that writes files into the test's clone and commits them."""
    place = tmp_path / "clone"

    def put(files: Files) -> Path:
        if not place.exists():
            place.mkdir()
            git(place, "init", "--quiet", "--initial-branch", "main")
        for name, text in files.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(text, encoding="utf-8")
        git(place, "add", "--all")
        git(place, "commit", "--quiet", "--allow-empty", "--message", "Change")
        return place

    return put


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository on GitHub with a reproduced main, made once; do not change it."""
    from tests.dvc.review.edits import committed_main

    temporary = tmp_path_factory.getbasetemp()
    main = committed_main(temporary)
    return once(temporary, "github", lambda folder: put_on_github(folder, main))


@pytest.fixture
def project(base: Path, tmp_path: Path) -> Iterator[InProcessProject]:
    """A copy of that repository, with the clone of somebody who works on it."""
    with copy_of_project(base, tmp_path) as copy:
        yield copy


@contextmanager
def copy_of_project(source: Path, place: Path) -> Iterator[InProcessProject]:
    """A copy of a repository on GitHub; requests that GitHub's API description does not allow fail."""
    shutil.copytree(source, place / "site", symlinks=True, copy_function=link_or_copy)
    origin = Origin(place / "site" / "hub")
    with GitHub(origin.folder, origin.artifacts, origin.name) as github:
        env = {"PIP_FIND_LINKS": str(origin.root / "packages")}  # the only place where pip looks for packages
        yield InProcessProject(origin, github, Clone(place / "site" / "author" / "verdict"), env=env)
    assert github.violations == []


def put_on_github(folder: Path, main: Clone) -> None:
    """Put a reproduced main on GitHub, with its caches and the package of its raw data."""
    author = main.copy(folder / "author" / "verdict")
    publish(author, folder / "hub" / "packages")
    author.commit("Raw data from a package of this machine")
    origin = make_origin(folder / "hub", author.path)
    seed_cache(origin, author.path, f"dvc-main-{origin.sha('main')}", list(KEPT))
    with GitHub(origin.folder, origin.artifacts, origin.name) as github:
        InProcessProject(origin, github, author).keep(author, "main")
    fill_author_cache(author)


def link_or_copy(source: str, target: str) -> str:
    """Link objects of git and of DVC, which are never changed in place; copy other files."""
    if "/objects/" in source or "/files/md5/" in source:
        os.link(source, target)
        return target
    return str(shutil.copy2(source, target))
