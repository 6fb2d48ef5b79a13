"""Main's results on an S3 server: written by main's workflow alone, read by runs and judge; empty, or not to be had."""

import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import s3 as servers
from tests.remote.desk import Desk
from tests.review.forging import locked
from tests.s3 import S3
from tests.workflows.conftest import copied
from tests.workflows.direct import Direct
from tests.workflows.proposals import JUDGED, REPRODUCED, other_seed, top
from tests.workflows.site import Site

s3 = servers.s3
_KEY, _SECRET = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"


def with_keys(site: Site, s3: S3, read_only: bool = True) -> None:
    """The environments' secrets, and a machine without settings of its own."""
    keys = s3.keys(read_only)
    site.secrets.update({name: keys.pop(name) for name in (_KEY, _SECRET)})
    site.env.update(keys)


def forget_caches(site: Site) -> None:
    """What runs kept on GitHub is gone, and laid out for runs without act, too."""
    shutil.rmtree(site.origin.caches)
    shutil.rmtree(site.origin.root / "unpacked", ignore_errors=True)


@pytest.fixture(scope="module")
def empty_once(main_on_github_once: Path, s3: S3, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose remote is an empty prefix of the server, and whose runs left no cache."""
    folder = tmp_path_factory.mktemp("empty")
    with copied(main_on_github_once, folder) as site:
        Desk.connect(site.clone, s3, "empty")
        site.clone.commit("Remote on S3")
        site.origin.push(site.clone.path, "main")
        forget_caches(site)
    return folder / "site"


@pytest.fixture(scope="module")
def filled_once(empty_once: Path, s3: S3, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with another prefix, after main's workflow had the key that writes; without a cache again."""
    folder = tmp_path_factory.mktemp("filled")
    with copied(empty_once, folder) as site:
        Desk.connect(site.clone, s3, "filled")
        site.clone.commit("Another prefix")
        site.origin.push(site.clone.path, "main")
        with_keys(site, s3, read_only=False)
        ran = site.main()
        assert ran.jobs["reproduce"] == "success", ran.log
        forget_caches(site)
    return folder / "site"


@pytest.fixture
def empty(empty_once: Path, s3: S3, tmp_path: Path) -> Iterator[Site]:
    """A repository whose remote is empty; keys that read; runs without act."""
    with copied(empty_once, tmp_path, Direct) as site:
        with_keys(site, s3)
        yield site


@pytest.fixture
def filled(filled_once: Path, s3: S3, tmp_path: Path) -> Iterator[Site]:
    """A repository whose remote was filled by main's workflow; keys that read."""
    with copied(filled_once, tmp_path) as site:
        with_keys(site, s3)
        yield site


@pytest.fixture
def filled_directly(filled_once: Path, s3: S3, tmp_path: Path) -> Iterator[Site]:
    """The same, where runs are made without act."""
    with copied(filled_once, tmp_path, Direct) as site:
        with_keys(site, s3)
        yield site


def passes(site: Site) -> bool:
    """Whether the one check is a success."""
    return [conclusion for conclusion, _ in site.checks()] == ["success"]


def test_a_change_takes_from_the_remote_what_it_needs(filled: Site, s3: S3) -> None:
    """Main's workflow left nothing out: with a key that reads, a run only trains, and the judge runs nothing."""
    held = filled.clone.try_run("python", "-I", "-m", "verdict", "remote", **s3.keys(read_only=True))
    assert held.returncode == 0, held.stdout
    filled.propose(other_seed)
    ran = filled.experiment()
    assert top(ran.jobs) == REPRODUCED, ran.log
    assert "Running stage 'train'" in ran.log
    assert "Running stage 'prepare'" not in ran.log
    assert "Running stage 'featurize'" not in ran.log
    (kept,) = filled.origin.caches.rglob("*.tar")
    with tarfile.open(kept) as archive:
        names = {name.rpartition("files/md5/")[2].replace("/", "") for name in archive.getnames()}
    assert locked(filled.clone, "data/features") in names
    assert locked(filled.clone, "data/prepared/train.parquet") not in names
    judged = filled.report(ran)
    assert judged.jobs == JUDGED, judged.log
    assert "running main's stages" not in judged.log
    assert passes(filled)


def test_an_empty_remote_costs_time_and_no_verdict(empty: Site) -> None:
    """Before main's workflow has pushed anything, run and judge make what is missing, from the public source."""
    empty.propose(other_seed)
    ran = empty.experiment()
    assert top(ran.jobs) == REPRODUCED, ran.log
    assert "running what is missing: " in ran.log
    assert "Running stage 'prepare'" in ran.log
    judged = empty.report(ran)
    assert judged.jobs == JUDGED, judged.log
    assert "running main's stages" in judged.log
    assert passes(empty)


def test_a_wrong_key_is_named_and_done_without(filled_directly: Site) -> None:
    """The log of the run says what is wrong with the key; the result is the same, made from the public source."""
    filled_directly.secrets[_SECRET] = "not-the-secret"
    filled_directly.propose(other_seed)
    ran = filled_directly.experiment()
    assert top(ran.jobs) == REPRODUCED, ran.log
    assert "going on without the remote: remote storage, s3://" in ran.log
    assert "(SignatureDoesNotMatch)" in ran.log
    assert "Running stage 'prepare'" in ran.log
    judged = filled_directly.report(ran)
    assert judged.jobs == JUDGED, judged.log
    assert "running main's stages" in judged.log
    assert passes(filled_directly)


@pytest.mark.parametrize(
    ("secret", "step", "told"),
    [
        ("", "Push to the remote", "Access Denied"),
        ("not-the-secret", "Reproduce, and compare with dvc.lock", "(SignatureDoesNotMatch)"),
    ],
)
def test_main_without_a_key_that_writes_fails_loudly(filled: Site, secret: str, step: str, told: str) -> None:
    """A new main cannot be pushed: the job says what is wrong with the key, and its results are kept for nobody."""
    filled.secrets[_SECRET] = secret or filled.secrets[_SECRET]
    other_seed(filled.clone)
    filled.clone.commit("Another seed")
    filled.origin.push(filled.clone.path, "main")
    ran = filled.main()
    assert ran.jobs["reproduce"] == "failure", ran.log
    assert ran.steps["reproduce"][step] == "failure"
    assert told in ran.log
    assert not filled.origin.caches.exists()
    if not secret:
        assert "Stage 'prepare' is cached - skipping run" in ran.log
        assert "Running stage 'train'" in ran.log


def test_a_fork_without_a_key_is_reproduced_all_the_same(filled_directly: Site) -> None:
    """Its run has neither key nor cache: the remote is closed to it, and the public source gives the raw data."""
    filled_directly.propose(other_seed, fork=True)
    ran = filled_directly.experiment()
    assert top(ran.jobs) == {"plan": "success", "gpu": "skipped", "fork": "success"}, ran.log
    assert "Running stage 'prepare'" in ran.log
