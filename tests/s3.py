"""A real S3 server for tests: SeaweedFS (`weed`, from PyPI) on free ports of 127.0.0.1.

Use the fixture `s3` (import it in a conftest.py), one server for a session, and a prefix for each test:

    s3.endpoint                      http://127.0.0.1:PORT
    s3.bucket                        an existing bucket
    s3.keys(), s3.keys(read_only=True)   environment variables with the keys of two identities
    s3.create_bucket(name)
    s3.names(prefix), s3.get(key), s3.put(key, bytes), s3.delete(key), s3.flip(key)
    s3.lifecycle(configuration)      set the rules of expiry, and read them back
    s3.kill(), s3.start(), s3.stop() SIGKILL; start again with the acknowledged objects; end

It refuses wrong keys and writes by the read-only identity, as a simulation in Python (moto) does not.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]
from botocore.session import get_session  # type: ignore[import-untyped]

from tests.ports import free_ports

READY = 60  # seconds; 2 to 3 after a clean start, up to 20 after a kill
BUCKET = "verdict"
# Made up, for a server that lives in a temporary folder and is reached from this machine alone.
_IDENTITIES = {"admin": ["Admin"], "writer": ["Read", "Write", "List"], "reader": ["Read", "List"]}
_PORTS = (
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "s3.port",
    "s3.port.grpc",
)


def _secret(identity: str) -> str:
    return f"{identity}-of-a-test-server"


class S3:
    """One server; `folder` keeps its data, so that it can be killed and started again."""

    bucket = BUCKET

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ports = dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        """The address of the server."""
        return f"http://127.0.0.1:{self._ports['s3.port']}"

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        assert self._process is not None
        return self._process.pid

    def keys(self, read_only: bool = False) -> dict[str, str]:
        """Environment variables with the keys of the identity that may read and write, or only read."""
        identity = "reader" if read_only else "writer"
        return {
            "AWS_ACCESS_KEY_ID": identity,
            "AWS_SECRET_ACCESS_KEY": _secret(identity),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": str(self.folder / "none"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.folder / "none"),
        }

    def start(self) -> None:
        """Start the server and wait until it takes an object; a failure shows the end of its log."""
        self.folder.mkdir(parents=True, exist_ok=True)
        identities = [
            {"name": name, "credentials": [{"accessKey": name, "secretKey": _secret(name)}], "actions": actions}
            for name, actions in _IDENTITIES.items()
        ]
        (self.folder / "s3.json").write_text(json.dumps({"identities": identities}), encoding="utf-8")
        (self.folder / "data").mkdir(exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command(), cwd=self.folder, stdout=log, stderr=log, start_new_session=True
            )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server, by its process id."""
        if self._process is not None:
            self._process.kill()  # the folder is thrown away: nothing to put in order
            self._process.wait(timeout=30)
            self._process = None

    def kill(self) -> None:
        """SIGKILL, as when a machine dies; `start` brings it back. A dead one is only reaped."""
        assert self._process is not None
        if self._process.poll() is None:
            os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=30)
        self._process = None

    def create_bucket(self, name: str) -> None:
        """Create a bucket; each takes seven volumes of 400, so prefixes are better."""
        self._client.create_bucket(Bucket=name)

    def names(self, prefix: str = "") -> list[str]:
        """The keys in the bucket that begin with `prefix`, in order."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return sorted(item["Key"] for page in pages for item in page.get("Contents", []))

    def get(self, key: str) -> bytes:
        """The bytes of an object."""
        data: bytes = self._client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return data

    def put(self, key: str, data: bytes) -> None:
        """Write an object."""
        self._client.put_object(Bucket=self.bucket, Key=key, Body=data)

    def delete(self, key: str) -> None:
        """Delete an object that is there."""
        assert key in self.names(key)
        self._client.delete_object(Bucket=self.bucket, Key=key)

    def lifecycle(self, configuration: dict[str, Any]) -> list[dict[str, Any]]:
        """Set the rules by which the bucket's objects expire; return the rules that the server then has."""
        self._client.put_bucket_lifecycle_configuration(Bucket=self.bucket, LifecycleConfiguration=configuration)
        rules: list[dict[str, Any]] = self._client.get_bucket_lifecycle_configuration(Bucket=self.bucket)["Rules"]
        return rules

    def flip(self, key: str) -> None:
        """Flip one bit of an object's first byte."""
        data = self.get(key)
        self.put(key, bytes([data[0] ^ 1]) + data[1:])

    def _command(self) -> list[str]:
        weed = Path(sys.executable).with_name("weed")
        return [
            str(weed if weed.is_file() else shutil.which("weed") or "weed"),
            f"-logdir={self.folder}",  # not the folder of all temporary files
            "server",
            f"-dir={self.folder / 'data'}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-filer",
            "-s3",
            f"-s3.config={self.folder / 's3.json'}",
            "-s3.autoCreateBucket=false",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-s3.iam=false",
            "-master.telemetry=false",
            "-master.electionTimeout=1s",  # ten by default, which a start after a kill waits for
            "-master.volumeSizeLimitMB=128",
            "-volume.max=400",
            *(f"-{name}={port}" for name, port in self._ports.items()),
        ]

    def _wait(self) -> None:
        """Wait until an object can be written, not only until the port is open: volumes come last."""
        end = time.monotonic() + READY
        while True:
            assert self._process is not None
            exited = self._process.poll()
            try:
                if exited is None:
                    if self.bucket not in [item["Name"] for item in self._client.list_buckets()["Buckets"]]:
                        self.create_bucket(self.bucket)
                    self.put("ready", b"ready")
                    return
            except (BotoCoreError, ClientError) as error:
                reason = str(error)
            else:
                reason = f"exit code {exited}"
            if exited is not None or time.monotonic() > end:
                log = (self.folder / "log").read_text(encoding="utf-8", errors="replace")
                raise RuntimeError(f"weed is not ready: {reason}\n{log[-3000:]}")
            time.sleep(0.1)

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - botocore makes its clients' classes at run time
        return get_session().create_client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="admin",
            aws_secret_access_key=_secret("admin"),
            config=Config(connect_timeout=2, read_timeout=10, retries={"max_attempts": 0}),
        )


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """A server for the session. A test that kills it starts it again; each test has its own prefix."""
    server = S3(tmp_path_factory.mktemp("s3"))
    server.start()
    try:
        yield server
    finally:
        server.stop()
