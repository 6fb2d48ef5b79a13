"""Moving to S3, pushing, and what a clone that has nothing gets out of it."""

import shutil
from collections.abc import Callable

import pytest

from tests.dvc.pipeline.clone import STAGES, Clone, declared_outs, remove
from tests.dvc.remote.remote_runner import RemoteRunner, object_key
from tests.dvc.review.tampering import locked_hash
from verdict.repo.remote import check, has_shared_remote, push
from verdict.repo.remote.settings import refuse_keys

pytestmark = pytest.mark.slow


def make_remote(runner: RemoteRunner, clone: Clone, url: str, **variables: str) -> tuple[int, str]:
    """`make remote` with this URL; -o: the environment is the one of the tests, not one of the clone."""
    process = clone.try_run(
        "make", "-o", ".venv/repro.stamp", "remote", f"URL={url}", f"ENDPOINT={runner.s3.endpoint}", "REGION=us-east-1",
        **{**runner.s3.keys(), **variables},
    )  # fmt: skip
    return process.returncode, process.stdout


def test_moves_to_s3(runner: RemoteRunner, reproduced: Clone, prefix: str) -> None:
    """`make remote` fills the bucket, makes it the default remote with verify: true, and writes no key to a file."""
    clone = reproduced.copy(runner.folder / "mover")
    code, text = make_remote(runner, clone, f"s3://{runner.s3.bucket}/{prefix}")
    assert code == 0, text
    config = (clone.path / ".dvc" / "config").read_text(encoding="utf-8")
    assert "remote = storage" in config
    assert f"url = s3://{runner.s3.bucket}/{prefix}" in config
    assert "verify = true" in config.lower()
    assert clone.changes().split() == ["M", ".dvc/config"]
    assert not [name for name in ("writer", *runner.s3.keys().values()) if name in config and name != "true"]
    assert runner.remote(clone).code == 0
    assert object_key(prefix, locked_hash(clone, "models/classifier")) in runner.s3.names(prefix)


@pytest.mark.parametrize(
    "setting",
    [
        ("url", "s3://AKIAKEY:hush@verdict/x"),
        ("url", "s3://verdict/x?secret=hush"),
        ("endpointurl", "https://AKIAKEY:hush@127.0.0.1"),
        ("secret_access_key", "hush"),
    ],
)
def test_a_key_in_what_git_keeps_is_refused(runner: RemoteRunner, worker: Clone, setting: tuple[str, str]) -> None:
    """A key in .dvc/config, or in an address there, is refused before anything is asked or sent, and not printed."""
    worker.run("dvc", "remote", "modify", "storage", *setting)
    for options in ((), ("--push",)):
        outcome = runner.remote(worker, *options)
        assert outcome.code == 2
        assert ".dvc/config: remote storage holds a key" in outcome.text
        assert "hush" not in outcome.text


def test_a_key_in_what_git_ignores_is_none_of_its_business(worker: Clone) -> None:
    """.dvc/config.local may hold a key: git does not keep it."""
    worker.run("dvc", "remote", "modify", "--local", "storage", "secret_access_key", "hush")
    refuse_keys(worker.path)


@pytest.mark.parametrize("scheme", ["gs", "azure"])
def test_the_extra_for_another_store_is_named(runner: RemoteRunner, worker: Clone, scheme: str) -> None:
    """For an address of Google's or Microsoft's store the message names the extra of DVC, and that it is untested."""
    worker.run("dvc", "remote", "add", "--force", "--default", "storage", f"{scheme}://verdict/x")
    outcome = runner.remote(worker)
    assert outcome.code == 2
    assert f"pip install 'dvc[{scheme}]'" in outcome.text
    assert "tested on S3 alone" in outcome.text


def test_a_failed_move_says_so(runner: RemoteRunner, reproduced: Clone, prefix: str) -> None:
    """A move that the key does not allow ends with an error; .dvc/config is the only thing to take back."""
    clone = reproduced.copy(runner.folder / "mover")
    code, text = make_remote(runner, clone, f"s3://{runner.s3.bucket}/{prefix}", **runner.s3.keys(read_only=True))
    assert code != 0
    assert "Access Denied" in text
    assert clone.changes().split() == ["M", ".dvc/config"]


def test_cold_clone_pulls(
    runner: RemoteRunner, reproduced: Clone, full_prefix: str, make_clone_without_cache: Callable[[str], Clone]
) -> None:
    """A clone without data gets every file by a plain `dvc pull`, with a key that can only read."""
    clone = make_clone_without_cache(full_prefix)
    process = clone.try_run("dvc", "pull", **runner.s3.keys(read_only=True))
    assert process.returncode == 0, process.stdout
    assert clone.results() == reproduced.results()


def test_cold_clone_runs_nothing(
    runner: RemoteRunner, reproduced: Clone, full_prefix: str, make_clone_without_cache: Callable[[str], Clone]
) -> None:
    """With neither dvc.lock nor metrics nor plots, `dvc repro --pull` takes all stages from the run-cache."""
    clone = make_clone_without_cache(full_prefix)
    remove(clone.path / "dvc.lock")
    for path in {path for path, cached in declared_outs(clone.dag()) if not cached}:
        remove(clone.path / path)
    process = clone.try_run("dvc", "repro", "--pull", **runner.s3.keys(read_only=True))
    assert process.returncode == 0, process.stdout
    assert process.stdout.count("is cached - skipping run") == len(STAGES), process.stdout
    assert "Running stage" not in process.stdout
    assert clone.lock() == reproduced.lock()
    assert clone.results() == reproduced.results()


def test_second_push_sends_nothing(runner: RemoteRunner, worker_with_full_remote: Clone) -> None:
    """On a remote that holds all, push is content with a key that can only read: it writes nothing."""
    assert runner.remote(worker_with_full_remote, "--push", "--verify", **runner.s3.keys(read_only=True)).code == 0


def test_cache_false_from_the_workspace(runner: RemoteRunner, worker: Clone, prefix: str) -> None:
    """An output that git keeps is pushed from the workspace where the cache has lost it."""
    digest = locked_hash(worker, "metrics/evaluation.json")
    remove(worker.path / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:])
    assert push(worker.path) == []
    assert runner.s3.get(object_key(prefix, digest)) == (worker.path / "metrics" / "evaluation.json").read_bytes()


def test_damaged_copy_stays_here(runner: RemoteRunner, worker: Clone, prefix: str) -> None:
    """A local copy with other bytes than its name says is not pushed, nor the record that needs it."""
    digest = locked_hash(worker, "metrics/evaluation.json")
    cached = worker.path / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:]
    cached.chmod(0o644)
    cached.write_bytes(b"{}")
    (worker.path / "metrics" / "evaluation.json").write_bytes(b"{}")
    left = push(worker.path)
    assert {(each.stage, each.path) for each in left} == {
        ("evaluate", "metrics/evaluation.json"),
        ("evaluate", "dvc.lock"),
    }
    assert "dvc repro -f evaluate" in str(left[0])
    assert object_key(prefix, digest) not in runner.s3.names(prefix)


def test_embedded_folder(runner: RemoteRunner, reproduced: Clone) -> None:
    """The folder inside the clone is checked and filled the same way, and is no remote that others reach."""
    clone = reproduced.copy(runner.folder / "alone")
    assert not has_shared_remote(clone.path)
    assert check(clone.path)
    assert push(clone.path) == []
    listing = locked_hash(clone, "models/classifier")
    assert (clone.path / ".remote" / "files" / "md5" / listing[:2] / listing[2:]).is_file()
    shutil.rmtree(clone.path / ".remote" / "runs")
    assert {each.path for each in check(clone.path)} == {"dvc.lock"}


def test_configured(runner: RemoteRunner, worker: Clone) -> None:
    """S3 and a folder outside count as reachable by others; without a remote the command reports that."""
    assert has_shared_remote(worker.path)
    config = worker.path / ".dvc" / "config"
    config.write_text("[core]\n    remote = disk\n['remote \"disk\"']\n    url = /mnt/share\n", encoding="utf-8")
    assert has_shared_remote(worker.path)
    config.write_text("", encoding="utf-8")
    assert not has_shared_remote(worker.path)
    outcome = runner.remote(worker)
    assert outcome.code == 2
    assert "no remote specified" in outcome.text
