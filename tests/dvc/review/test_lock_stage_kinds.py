"""`lock` and `dvc status` agree, over generated repositories with all kinds of stages; with the data and without."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.documents import load, save
from tests.dvc.review.stage_kinds import STAGE_KINDS, build, cat, changed, dvc, git, status
from verdict.repo.lock.check import check, check_with_unknown

_CHANCE = random.Random(20261125)
_TREES = 5
_NOT_EDITED = (".dvc", ".gitignore", ".gitattributes", ".dvcignore", "dvc.yaml", "dvc.lock", "config")


def _dealt() -> list[list[str]]:
    """Every kind of stage in one of the trees, by chance, and further ones on top."""
    names = [name for name, kind in STAGE_KINDS.items() if kind.settled]
    _CHANCE.shuffle(names)
    return [sorted({*names[part::_TREES], *_CHANCE.sample(names, 3)}) for part in range(_TREES)]


@pytest.fixture(scope="module", params=_dealt(), ids=lambda names: names[0])
def sides(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """The author's repository, and a clone of it that has no data."""
    folder = tmp_path_factory.mktemp("kinds")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_SITE_CACHE_DIR", str(folder / "site"))
        build(folder / "author", request.param)
        git(folder, "clone", "--quiet", str(folder / "author"), str(folder / "clone"))
        yield folder / "author", folder / "clone"


def _edited(content: bytes, name: str) -> bytes:
    """Another content that its readers still understand."""
    if name.endswith((".yaml", ".json", ".toml", "f.py")):
        return content.replace(b"1", b"2").replace(b"null", b"7")
    return content + b"#\n"


def test_what_dvc_calls_up_to_date_is_consistent_and_so_is_a_clone_without_data(sides: tuple[Path, Path]) -> None:
    """A tree that DVC made has no finding, here and in a fresh clone."""
    author, clone = sides
    assert status(author) == set()
    assert [str(finding) for finding in check(author)] == []
    assert [str(finding) for finding in check(clone)] == []


def test_what_dvc_calls_changed_is_found_in_the_same_stages_with_data_and_without(sides: tuple[Path, Path]) -> None:
    """A file that git keeps, edited or removed: the stages that `dvc status` names; a clone may say it cannot tell."""
    author, clone = sides
    names = [name for name in git(author, "ls-files", "-z").split("\0") if name and not name.endswith(_NOT_EDITED)]
    for name in _CHANCE.sample([name for name in names if not (author / name).is_symlink()], 5):
        content = _CHANCE.choice([_edited((author / name).read_bytes(), name), None])
        if name == "target.txt" and content is None:  # `dvc status` breaks off at a link that leads nowhere
            continue
        with changed(author / name, content):
            named = status(author)
            assert {finding.stage for finding in check(author)} == named, name
        with changed(clone / name, content):
            findings, unknown = check_with_unknown(clone)
            stages = {finding.stage for finding in findings}
            assert stages | {line.partition(": ")[0] for line in unknown} >= named >= stages, name


def test_edited_data_are_found_in_the_same_stages(sides: tuple[Path, Path]) -> None:
    """An output or data of a pointer that was edited in place is found as changed."""
    author, _ = sides
    listed = git(author, "ls-files", "-z", "--others", "--ignored", "--exclude-standard").split("\0")
    names = [name for name in listed if name and not name.startswith(".dvc/") and not name.endswith((".tmp", ".pyc"))]
    for name in _CHANCE.sample(names, 3):
        with changed(author / name, (author / name).read_bytes() + b"#"):
            named = status(author)
            assert named
            assert {finding.stage for finding in check(author)} == named, name


@pytest.mark.parametrize("name", [name for name, kind in STAGE_KINDS.items() if not kind.settled])
def test_what_dvc_never_calls_up_to_date_is_never_consistent(tmp_path: Path, name: str) -> None:
    """A stage that DVC runs each time is named, until dvc.yaml says what it depends on."""
    root = tmp_path / "tree"
    build(root, [name])
    (found,) = check(root)
    assert {found.stage} == status(root)
    assert found.mend.startswith("in dvc.yaml, name what it")
    stages = {"stages": {found.stage: cat("params.yaml", out=f"{found.stage}.out")}}
    save(root / "dvc.yaml", stages)
    dvc(root, "repro", "--quiet")
    assert (check(root), status(root)) == ([], set())


def test_a_wider_entry_is_found_that_dvc_overlooks(tmp_path: Path) -> None:
    """Deliberately more than `dvc status`: what a stage lost, and stages that are no more, stay in dvc.lock."""
    root = tmp_path / "tree"
    build(root, ["plain", "kept by git", "foreach"])
    document = load(root / "dvc.yaml")
    del document["stages"]["plain"]["params"], document["stages"]["kept"]["plots"]
    document["stages"]["each"]["foreach"] = ["a"]
    save(root / "dvc.yaml", document)
    assert status(root) == set()
    assert {finding.stage for finding in check(root)} == {"plain", "kept", "each@b"}
