"""Run `verdict remote` in this process, which saves a second of imports each time; look at objects on the remote."""

import contextlib
import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.documents import load
from tests.dvc.pipeline.clone import Clone
from tests.dvc.review.tampering import cache_path, locked_hash
from tests.s3 import S3
from verdict.cli import main

REMOTE = """[core]
    analytics = false
    check_update = false
    remote = storage
['remote "storage"']
    url = s3://{bucket}/{prefix}
    endpointurl = {endpoint}
    verify = true
"""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The exit code of a command, and what it printed on both streams."""

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class RemoteRunner:
    """Runs `verdict remote` in clones whose remote is a server of this machine."""

    s3: S3
    folder: Path
    monkeypatch: pytest.MonkeyPatch

    @staticmethod
    def connect(clone: Clone, s3: S3, prefix: str, bucket: str | None = None, endpoint: str | None = None) -> None:
        """Make a prefix of the server the clone's default remote."""
        text = REMOTE.format(bucket=bucket or s3.bucket, prefix=prefix, endpoint=endpoint or s3.endpoint)
        (clone.path / ".dvc" / "config").write_text(text, encoding="utf-8")

    def remote(self, clone: Clone, *options: str, **variables: str) -> CommandResult:
        """`verdict remote` in a clone; variables go over the writer's keys."""
        printed = io.StringIO()
        with (
            self.monkeypatch.context() as patch,
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
        ):
            patch.chdir(clone.path)
            for name, value in variables.items():
                patch.setenv(name, value)
            code = main(["remote", *options])
        return CommandResult(code, printed.getvalue())


def member_hashes(clone: Clone, path: str) -> dict[str, str]:
    """The hash of each file of an output that is a directory, by name."""
    listing = cache_path(clone, locked_hash(clone, path)).read_text(encoding="utf-8")
    return {entry["relpath"]: entry["md5"] for entry in json.loads(listing)}


def object_key(prefix: str, digest: str) -> str:
    """The key of an object on the remote."""
    return f"{prefix}/files/md5/{digest[:2]}/{digest[2:]}"


def is_complete(s3: S3, prefix: str) -> bool:
    """Return whether all objects have the bytes of their hashes, and no listing or record names a missing one."""
    start = f"{prefix}/files/md5/"
    objects = {key.removeprefix(start).replace("/", ""): s3.get(key) for key in s3.names(start)}
    have_their_hash = all(hashlib.md5(data).hexdigest() == name.removesuffix(".dir") for name, data in objects.items())
    listings = [json.loads(data) for name, data in objects.items() if name.endswith(".dir")]
    records = [load(s3.get(key))["outs"] for key in s3.names(f"{prefix}/runs/")]
    return have_their_hash and all(entry["md5"] in objects for entries in [*listings, *records] for entry in entries)
