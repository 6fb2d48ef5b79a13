"""Runs the command in this process, which saves a second of imports each time, and makes what it works on."""

import contextlib
import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.documents import load
from tests.dvc.pipeline.clone import Clone
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
    """What a command printed, both streams, and its exit code."""

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class RemoteRunner:
    """Where a test works: a server, a folder, an environment."""

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


def output_hash(clone: Clone, path: str) -> str:
    """The hash that dvc.lock has for an output."""
    stages: dict[str, Any] = load(clone.lock())["stages"]
    return next(str(out["md5"]) for stage in stages.values() for out in stage["outs"] if out["path"] == path)


def member_hashes(clone: Clone, path: str) -> dict[str, str]:
    """The hash of each file of an output that is a directory, by name."""
    digest = output_hash(clone, path)
    listing = clone.path / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:]
    return {entry["relpath"]: entry["md5"] for entry in json.loads(listing.read_text(encoding="utf-8"))}


def object_key(prefix: str, digest: str) -> str:
    """The key of an object on the remote."""
    return f"{prefix}/files/md5/{digest[:2]}/{digest[2:]}"


def is_complete(s3: S3, prefix: str) -> bool:
    """Whether each object under a prefix has the bytes that its name says, and nothing names one that is not there."""
    start = f"{prefix}/files/md5/"
    objects = {key.removeprefix(start).replace("/", ""): s3.get(key) for key in s3.names(start)}
    right = all(hashlib.md5(data).hexdigest() == name.removesuffix(".dir") for name, data in objects.items())
    listings = [json.loads(data) for name, data in objects.items() if name.endswith(".dir")]
    records = [load(s3.get(key))["outs"] for key in s3.names(f"{prefix}/runs/")]
    return right and all(entry["md5"] in objects for entries in [*listings, *records] for entry in entries)
