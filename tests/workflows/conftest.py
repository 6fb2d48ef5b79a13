"""What the tests of workflows share: a small repository on a github.com of this machine."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.pipeline.clone import Clone
from tests.shared import once
from tests.workflows.direct import Direct, unpack
from tests.workflows.github import GitHub
from tests.workflows.origin import Origin, copy_origin, git, make_origin
from tests.workflows.proposals import ahead
from tests.workflows.site import Site, main_on_github, packages

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
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Origin:
    """The repository that this is, with a small corpus, main reproduced; not to be changed: `whole` is a copy."""
    from tests.review.changes import committed_main

    base = tmp_path_factory.getbasetemp()
    main = committed_main(base)
    return Origin(once(base, "origin", lambda folder: make_origin(folder, main.path)))


@pytest.fixture
def whole(reproduced: Origin, tmp_path: Path) -> Origin:
    """A copy of the reproduced repository for one test."""
    return copy_origin(reproduced, tmp_path / "hub")


@pytest.fixture(scope="session")
def main_on_github_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose main was reproduced by its own workflow, made once, not to be changed."""
    from tests.review.changes import committed_main

    base = tmp_path_factory.getbasetemp()
    main = committed_main(base)

    def build(folder: Path) -> None:
        unpack(main_on_github(folder, main))
        ahead(Clone(folder / "author" / "verdict"))

    return once(base, "site", build)


@pytest.fixture
def site(main_on_github_once: Path, tmp_path: Path) -> Iterator[Site]:
    """A team at work on a copy of that repository."""
    with copied(main_on_github_once, tmp_path) as made:
        yield made


@pytest.fixture
def direct(main_on_github_once: Path, tmp_path: Path) -> Iterator[Site]:
    """The same, where runs are made without act."""
    with copied(main_on_github_once, tmp_path, Direct) as made:
        yield made


@contextmanager
def copied(source: Path, place: Path, kind: type[Site] = Site) -> Iterator[Site]:
    """A copy of a repository on GitHub; whatever is asked of GitHub must be in its own description."""
    shutil.copytree(source, place / "site", symlinks=True)
    origin = Origin(place / "site" / "hub")
    with GitHub(origin.folder, origin.artifacts, origin.name) as github:
        yield kind(origin, github, Clone(place / "site" / "author" / "verdict"), env=packages(origin))
    assert github.violations == []
