"""Access to one remote by DVC, with a limit to every wait."""

import hashlib
from collections.abc import Iterable
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verdict.base.errors import VerdictError
from verdict.repo.dvc import dvc, repository
from verdict.repo.remote.failures import GUIDE, masked, remote_errors

if TYPE_CHECKING:
    from dvc.data_cloud import Remote
    from dvc.output import Output
    from dvc.repo import Repo

# Seconds. DVC's own defaults and retries multiply to more than a minute for a server that is down.
FIRST_ANSWER = 15
CONNECT = 5
READ = 20
RETRIES = 1
_READERS = 8
_EXTRAS = ("azure", "gs")  # each is an extra of DVC, and a scheme of addresses


class Storage:
    """The remote `name` (none: the default one) of the checkout at `root`; a context.

    Args:
        root: a checkout.
        name: a remote of .dvc/config.

    Raises:
        VerdictError: on entry and in every method, if the remote cannot be reached; it names the remote, its address,
            the reason and a remedy.
    """

    def __init__(self, root: Path, name: str | None = None) -> None:
        self.root = root.resolve()
        self.name = name
        self._url = ""
        self._repo: Repo | None = None

    def __enter__(self) -> "Storage":
        try:
            self._open()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._repo is not None:
            self._repo.close()

    def _open(self) -> None:
        with remote_errors(self.where):
            self._repo = repository(self.root)
            self.name = self.name or self._repo.config["core"].get("remote")
            settings = self._repo.config["remote"].get((self.name or "").lower(), {})
            self._url = str(settings.get("url", ""))
            if self._url.startswith("s3:"):
                settings.setdefault("connect_timeout", CONNECT)
                settings.setdefault("read_timeout", READ)
            scheme = self._url.partition("://")[0]
            if scheme in _EXTRAS and not find_spec(f"dvc_{scheme}"):
                remedy = f"pip install 'dvc[{scheme}]'; this project is tested on S3 alone ({GUIDE})"
                raise VerdictError(self.where(), f"DVC's part for {scheme}:// is not installed", remedy)
            self._first_answer()

    def where(self) -> str:
        """Return the remote as messages name it."""
        return f"remote {self.name or '(none)'}" + (f", {masked(self._url)}" if self._url else "")

    @property
    def repo(self) -> "Repo":
        """DVC's view of the checkout."""
        if self._repo is None:
            raise RuntimeError("a Storage is used as a context")
        return self._repo

    @cached_property
    def outputs(self) -> "list[Output]":
        """Every output of every stage and pointer."""
        from dvc.exceptions import DvcException

        try:
            return [out for stage in self.repo.index.stages for out in stage.outs]
        except DvcException as error:
            raise VerdictError("dvc.yaml, dvc.lock", masked(error), "verdict lock") from None

    def object_at(self, digest: str) -> str:
        """Return the path of an object on the remote."""
        return str(self._remote.odb.oid_to_path(digest))

    def record_at(self, record: Path) -> str:
        """Return the path of a run-cache record on the remote."""
        return str(self._remote.fs.join(self._remote.path, "runs", *record.parts))

    def cached_object(self, digest: str) -> Path:
        """Return the path of an object in the local cache."""
        return Path(self.repo.cache.local.oid_to_path(digest))

    def cached_record(self, record: Path) -> Path:
        """Return the path of a record in the local run-cache."""
        return Path(self.repo.stage_cache.cache_dir) / record

    def existing(self, places: Iterable[str]) -> set[str]:
        """Return the places that exist: one request each, many at a time, whatever the size of the remote."""
        paths = sorted(set(places))
        with remote_errors(self.where):
            return {place for place, exists in zip(paths, self._fresh().exists(paths), strict=True) if exists}

    def read(self, place: str) -> bytes | None:
        """Return the bytes of a file; None if it does not exist."""
        with remote_errors(self.where):
            filesystem = self._fresh()
            if not filesystem.exists(place):
                return None
            with filesystem.open(place, "rb") as file:
                return bytes(file.read())

    def digests(self, places: Iterable[str]) -> dict[str, str | None]:
        """Download each file and return its MD5; None if it is gone."""
        from dvc_objects.executors import ThreadPoolExecutor

        paths = sorted(set(places))
        with remote_errors(self.where), ThreadPoolExecutor(_READERS, cancel_on_error=True) as threads:
            return dict(zip(paths, threads.map(self._digest, paths), strict=True))

    def dvc_push(self) -> None:
        """Run `dvc push`."""
        remedy = f"{GUIDE} has a table of failures; then run the same again: what arrived stays"
        try:
            dvc(self.root, "push", "--remote", str(self.name), remedy=remedy)
        except VerdictError as error:
            raise VerdictError(self.where(), masked(error.what), remedy) from None

    def send(self, sources: dict[str, Path]) -> None:
        """Upload a local file to each place, replacing existing files."""
        from dvc.fs import generic, localfs

        if sources:
            with remote_errors(self.where):
                generic.copy(localfs, [str(path) for path in sources.values()], self._remote.fs, list(sources))

    def download_all(self, name: str, folder: Path) -> None:
        """Download all files below a folder of the remote, with numbers before their names, which strangers chose."""
        with remote_errors(self.where):
            filesystem = self._fresh()
            top = filesystem.join(self._remote.path, name)
            for number, place in enumerate(sorted(filesystem.find(top)) if filesystem.exists(top) else ()):
                folder.mkdir(parents=True, exist_ok=True)
                filesystem.get_file(place, str(folder / f"{number:03}-{Path(place).name}"))

    @cached_property
    def _remote(self) -> "Remote":
        remote = self.repo.cloud.get_remote(self.name, "push")
        if remote.fs.protocol == "s3":
            remote.fs.fs_args.setdefault("config_kwargs", {})["retries"] = {"max_attempts": RETRIES}
            remote.fs.fs.retries = RETRIES + 1  # s3fs has its own loop around botocore's
        return remote

    def _first_answer(self) -> None:
        """Request one name: to every later request a missing bucket looks like an empty one."""
        filesystem = self._remote.fs
        if filesystem.protocol != "s3":
            return
        from fsspec.asyn import sync  # type: ignore[import-untyped]

        bucket, _, prefix = self._remote.path.partition("/")
        native = filesystem.fs
        call = native._call_s3  # the only way to send one request: ls and exists take a missing bucket for an empty one
        sync(native.loop, call, "list_objects_v2", Bucket=bucket, Prefix=prefix, MaxKeys=1, timeout=FIRST_ANSWER)

    def _fresh(self) -> Any:  # noqa: ANN401 - DVC's file systems are untyped
        """Return the file system with an empty cache of answers."""
        self._remote.fs.fs.invalidate_cache()
        return self._remote.fs

    def _digest(self, place: str) -> str | None:
        try:
            with self._remote.fs.open(place, "rb") as file:
                return hashlib.file_digest(file, "md5").hexdigest()
        except FileNotFoundError:
            return None
