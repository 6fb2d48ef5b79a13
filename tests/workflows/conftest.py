"""What the tests of workflows share: a small repository on a github.com of this machine."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pipeline.clone import Clone
from tests.workflows.github import GitHub
from tests.workflows.origin import Origin, copy_origin, git, make_origin
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
    return make_origin(base / "reproduced", committed_main(base).path)


@pytest.fixture
def whole(reproduced: Origin, tmp_path: Path) -> Origin:
    """A copy of the reproduced repository for one test."""
    return copy_origin(reproduced, tmp_path / "hub")


@pytest.fixture(scope="session")
def _main_on_github(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose main was reproduced by its own workflow, made once; `site` is a copy."""
    from tests.review.changes import committed_main

    base = tmp_path_factory.getbasetemp()
    main_on_github(base / "site", committed_main(base))
    return base / "site"


@pytest.fixture
def site(_main_on_github: Path, tmp_path: Path) -> Iterator[Site]:
    """A team at work on that repository; whatever is asked of GitHub must be in its own description."""
    shutil.copytree(_main_on_github, tmp_path / "site", symlinks=True)
    origin = Origin(tmp_path / "site" / "hub")
    with GitHub(origin.folder, origin.artifacts, origin.name) as github:
        clone = Clone(tmp_path / "site" / "author" / "verdict")
        yield Site(origin, github, clone, env=packages(origin))
    assert github.violations == []
