"""What the tests of workflows share: a small repository on a github.com of this machine."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.dvc.pipeline.clone import Clone
from tests.shared import once
from tests.workflows.direct import KEPT, Direct
from tests.workflows.github import GitHub
from tests.workflows.origin import Origin, git, make_origin, seed_cache
from tests.workflows.proposals import ahead
from tests.workflows.source import publish

Files = dict[str, str]


@pytest.fixture
def github(origin: Origin) -> Iterator[GitHub]:
    """GitHub over the repository of the test; whatever is asked of it must be in GitHub's own description."""
    with GitHub(origin.folder, origin.artifacts, origin.name) as made:
        yield made
    assert made.violations == []


@pytest.fixture
def origin(tmp_path: Path, write: Callable[[Files], Path]) -> Origin:
    """A repository with a README alone."""
    return make_origin(tmp_path / "hub", write({"README.md": "A repository\n"}))


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Files], Path]:
    """Write files into a clone, and commit them; the clone is the same one the whole test long."""
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
    """A repository on GitHub with a reproduced main, made once, not to be changed."""
    from tests.dvc.review.changes import committed_main

    temporary = tmp_path_factory.getbasetemp()
    main = committed_main(temporary)
    return once(temporary, "github", lambda folder: on_github(folder, main))


@pytest.fixture
def site(base: Path, tmp_path: Path) -> Iterator[Direct]:
    """A team at work on a copy of that repository."""
    with copied(base, tmp_path) as made:
        yield made


@contextmanager
def copied(source: Path, place: Path) -> Iterator[Direct]:
    """A copy of a repository on GitHub; whatever is asked of GitHub must be in its own description."""
    shutil.copytree(source, place / "site", symlinks=True, copy_function=linked)
    origin = Origin(place / "site" / "hub")
    with GitHub(origin.folder, origin.artifacts, origin.name) as github:
        env = {"PIP_FIND_LINKS": str(origin.root / "packages")}  # where pip looks for packages: nowhere but here
        yield Direct(origin, github, Clone(place / "site" / "author" / "verdict"), env=env)
    assert github.violations == []


def on_github(folder: Path, main: Clone) -> None:
    """The repository whose main was reproduced, and what its workflow kept; the package that its data is from."""
    author = main.copy(folder / "author" / "verdict")
    publish(author, folder / "hub" / "packages")
    author.commit("Raw data from a package of this machine")
    origin = make_origin(folder / "hub", author.path)
    seed_cache(origin, author.path, f"dvc-main-{origin.sha('main')}", list(KEPT))
    with GitHub(origin.folder, origin.artifacts, origin.name) as github:
        Direct(origin, github, author).keep(author, "main")
    ahead(author)


def linked(source: str, target: str) -> str:
    """Objects of git and of DVC, which nobody changes in their place, are links; all else is copied."""
    if "/objects/" in source or "/files/md5/" in source:
        os.link(source, target)
        return target
    return str(shutil.copy2(source, target))
