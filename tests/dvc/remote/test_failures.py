"""Failures of a remote: each is named with its remedy, the remedy works, and nothing is lost."""

import socket
import time
from collections.abc import Callable

import pytest

from tests.dvc.pipeline.clone import Clone, remove
from tests.dvc.remote.remote_runner import RemoteRunner, is_complete, member_hashes, object_key
from tests.dvc.review.tampering import locked_hash
from tests.ports import free_port
from tests.warm import interpreter
from verdict.repo.remote import check
from verdict.repo.remote.storage import FIRST_ANSWER

pytestmark = pytest.mark.slow

# Kills the server once five files of a push have arrived.
HOOK = """
import os, signal
import s3fs
put, arrived = s3fs.S3FileSystem._put_file, []
async def put_and_kill(self, *arguments, **options):
    await put(self, *arguments, **options)
    arrived.append(1)
    if len(arrived) == 5:
        os.kill(int(os.environ["KILL_PID"]), signal.SIGKILL)
s3fs.S3FileSystem._put_file = put_and_kill
"""


def pull(runner: RemoteRunner, clone: Clone) -> tuple[int, str]:
    """A plain `dvc pull` with the key that can only read."""
    process = clone.try_run("dvc", "pull", **runner.s3.keys(read_only=True))
    return process.returncode, process.stdout


@pytest.mark.parametrize(
    ("variable", "reason"),
    [("AWS_ACCESS_KEY_ID", "InvalidAccessKeyId"), ("AWS_SECRET_ACCESS_KEY", "SignatureDoesNotMatch")],
)
def test_wrong_key(runner: RemoteRunner, worker: Clone, variable: str, reason: str) -> None:
    """A wrong key or secret ends with 2 and a message with remote, address, the server's reason and a page, no key."""
    outcome = runner.remote(worker, **{variable: "hush-hush"})
    assert outcome.code == 2
    assert "remote storage, s3://verdict/" in outcome.text
    assert reason in outcome.text
    assert "docs/remote.md" in outcome.text
    assert "hush-hush" not in outcome.text
    assert not set(runner.s3.keys().values()) & set(outcome.text.split())


def test_no_key(runner: RemoteRunner, worker: Clone) -> None:
    """Without any key the message says so, and names the page that says where keys go."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        runner.monkeypatch.delenv(name)
    outcome = runner.remote(worker)
    assert outcome.code == 2
    assert "Unable to locate credentials" in outcome.text
    assert "docs/remote.md" in outcome.text


def test_missing_bucket(runner: RemoteRunner, worker: Clone) -> None:
    """A bucket that is not there is an error, neither an empty remote nor created by a push."""
    runner.connect(worker, runner.s3, "x", bucket="nowhere")
    for option in ((), ("--push",)):
        outcome = runner.remote(worker, *option)
        assert outcome.code == 2
        assert "remote storage, s3://nowhere/x: " in outcome.text
        assert "NoSuchBucket" in outcome.text


def test_server_down(runner: RemoteRunner, worker: Clone) -> None:
    """A port without a server is reported within seconds."""
    runner.connect(worker, runner.s3, "x", endpoint=f"http://127.0.0.1:{free_port()}")
    began = time.monotonic()
    outcome = runner.remote(worker, "--push")
    assert outcome.code == 2
    assert "Could not connect to the endpoint URL" in outcome.text
    assert time.monotonic() - began < FIRST_ANSWER


def test_server_silent(runner: RemoteRunner, worker: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that takes a connection and never answers is given up."""
    monkeypatch.setattr("verdict.repo.remote.storage.FIRST_ANSWER", 2)
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        runner.connect(worker, runner.s3, "x", endpoint=f"http://127.0.0.1:{mute.getsockname()[1]}")
        began = time.monotonic()
        outcome = runner.remote(worker)
    assert outcome.code == 2
    assert "no answer in time" in outcome.text
    assert time.monotonic() - began < FIRST_ANSWER  # without a limit of its own it would be 80 s


def test_read_only_key(runner: RemoteRunner, worker: Clone, prefix: str) -> None:
    """A key that can only read cannot push: the tool ends with 2 and the server's refusal."""
    outcome = runner.remote(worker, "--push", **runner.s3.keys(read_only=True))
    assert outcome.code == 2
    assert "Access Denied" in outcome.text
    assert runner.s3.names(prefix) == []


def test_killed_in_the_middle_of_a_push(
    runner: RemoteRunner, worker: Clone, prefix: str, make_clone_without_cache: Callable[[str], Clone]
) -> None:
    """Nothing half is visible after the server's death, a second push sends the rest, and a cold clone can pull."""
    python = interpreter(runner.folder / "hook", at_start=HOOK)
    keys = runner.s3.keys()
    command = (str(python), "-I", "-m", "verdict", "remote", "--push")
    process = worker.try_run(*command, KILL_PID=str(runner.s3.pid), **keys)
    runner.s3.kill()
    runner.s3.start()
    assert process.returncode == 2, process.stdout
    assert "Could not c" in process.stdout  # DVC cuts long reasons
    assert "run the same again" in process.stdout
    assert len(runner.s3.names(prefix)) >= 5
    assert is_complete(runner.s3, prefix)
    assert check(worker.path)
    assert runner.remote(worker, "--push").code == 0
    assert is_complete(runner.s3, prefix)
    assert runner.remote(worker, "--verify").code == 0
    code, text = pull(runner, make_clone_without_cache(prefix))
    assert code == 0, text


def test_flipped_bytes(
    runner: RemoteRunner, worker_with_full_remote: Clone, prefix: str, make_clone_without_cache: Callable[[str], Clone]
) -> None:
    """Flipped bytes are refused by `dvc pull`, named by --verify, and replaced by --verify --push."""
    name, digest = sorted(member_hashes(worker_with_full_remote, "models/classifier").items())[0]
    runner.s3.flip(object_key(prefix, digest))
    code, text = pull(runner, make_clone_without_cache(prefix))
    assert code != 0, text
    assert runner.remote(worker_with_full_remote).code == 0  # it is there, and only a download can tell
    outcome = runner.remote(worker_with_full_remote, "--verify")
    assert outcome.code == 1
    assert f"train: models/classifier, {name}: {digest[:8]} has other bytes on the remote" in outcome.text
    assert "verdict remote --verify --push" in outcome.text
    assert runner.remote(worker_with_full_remote, "--verify", "--push").code == 0
    assert is_complete(runner.s3, prefix)
    code, text = pull(runner, make_clone_without_cache(prefix))
    assert code == 0, text


def test_flipped_record_and_listing(
    runner: RemoteRunner, worker_with_full_remote: Clone, prefix: str, make_clone_without_cache: Callable[[str], Clone]
) -> None:
    """A run-cache record and a directory's listing with other bytes are found and replaced as objects are."""
    record = runner.s3.names(f"{prefix}/runs/")[0]
    listing = object_key(prefix, locked_hash(worker_with_full_remote, "data/features"))
    good = {key: runner.s3.get(key) for key in (record, listing)}
    text = good[record].decode()
    runner.s3.put(record, text.replace("md5: ", "md5: 0", 1).encode())  # YAML as before, and another result
    runner.s3.flip(listing)
    outcome = runner.remote(worker_with_full_remote, "--verify")
    assert outcome.code == 1
    assert outcome.text.count("has other bytes") == 2
    (found,) = check(
        make_clone_without_cache(prefix).path
    )  # where the listing comes from the remote, it is never believed unseen
    assert (found.path, "has other bytes" in found.what) == ("data/features", True)
    assert runner.remote(worker_with_full_remote, "--verify", "--push").code == 0
    assert {key: runner.s3.get(key) for key in good} == good


def test_deleted_object(
    runner: RemoteRunner, worker_with_full_remote: Clone, prefix: str, make_clone_without_cache: Callable[[str], Clone]
) -> None:
    """An object that was deleted is named with its output, and pushed again."""
    digest = locked_hash(worker_with_full_remote, "data/prepared/test.parquet")
    runner.s3.delete(object_key(prefix, digest))
    outcome = runner.remote(worker_with_full_remote)
    assert outcome.code == 1
    assert f"prepare: data/prepared/test.parquet: {digest[:8]} is not on the remote" in outcome.text
    assert "verdict remote --push" in outcome.text
    assert runner.remote(worker_with_full_remote, "--push").code == 0
    code, text = pull(runner, make_clone_without_cache(prefix))
    assert code == 0, text


def test_deleted_member(
    runner: RemoteRunner, worker_with_full_remote: Clone, prefix: str, make_clone_without_cache: Callable[[str], Clone]
) -> None:
    """A deleted member of a directory, which `dvc push` overlooks, is named and pushed again."""
    name, digest = sorted(member_hashes(worker_with_full_remote, "data/features").items())[0]
    runner.s3.delete(object_key(prefix, digest))
    bare = make_clone_without_cache(prefix)
    found = runner.remote(bare)
    assert found.code == 1
    assert f"featurize: data/features, {name}: {digest[:8]} is not on the remote" in found.text
    assert "dvc repro -f featurize" in found.text
    process = worker_with_full_remote.try_run("dvc", "push", **runner.s3.keys())
    assert process.returncode == 0, process.stdout
    assert runner.remote(worker_with_full_remote, "--push").code == 0
    assert runner.remote(bare).code == 0
    code, text = pull(runner, bare)
    assert code == 0, text


def test_deleted_listing_and_record(
    runner: RemoteRunner, worker_with_full_remote: Clone, prefix: str, make_clone_without_cache: Callable[[str], Clone]
) -> None:
    """Each lost listing, record and object of a `cache: false` output is named, with its stage, and comes back."""
    metrics = locked_hash(worker_with_full_remote, "metrics/data.json")
    runner.s3.delete(object_key(prefix, locked_hash(worker_with_full_remote, "models/classifier")))
    runner.s3.delete(object_key(prefix, metrics))
    for key in runner.s3.names(f"{prefix}/runs/"):
        runner.s3.delete(key)
    found = [(each.stage, each.path) for each in check(make_clone_without_cache(prefix).path)]
    records = [(stage, "dvc.lock") for stage in ("evaluate", "featurize", "prepare", "reference", "train")]
    lost = [*records, ("train", "models/classifier"), ("validate", "metrics/data.json")]
    assert sorted(found) == sorted(lost)
    # Git has all outputs of validate: a clone that never ran it needs no record, one that has run it has one to give.
    assert sorted((each.stage, each.path) for each in check(worker_with_full_remote.path)) == sorted(
        [*lost, ("validate", "dvc.lock")]
    )
    assert runner.remote(worker_with_full_remote, "--push").code == 0


def test_lost_everywhere(runner: RemoteRunner, worker_with_full_remote: Clone, prefix: str) -> None:
    """An object that remote and machine lack is named with the command that makes it again, and that works."""
    digest = locked_hash(worker_with_full_remote, "data/prepared/dropped.json")
    runner.s3.delete(object_key(prefix, digest))
    remove(worker_with_full_remote.path / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:])
    remove(worker_with_full_remote.path / "data" / "prepared" / "dropped.json")
    outcome = runner.remote(worker_with_full_remote, "--push")
    assert outcome.code == 1
    assert "dvc repro -f prepare, then verdict remote --push" in outcome.text
    worker_with_full_remote.run("dvc", "repro", "-f", "prepare")
    assert runner.remote(worker_with_full_remote, "--push").code == 0
    assert (
        runner.s3.get(object_key(prefix, digest))
        == (worker_with_full_remote.path / "data" / "prepared" / "dropped.json").read_bytes()
    )
