"""One side of a comparison: a commit, or the working tree. Tracked files are read from git, outputs by dvc.lock.

An output is read by its hash in dvc.lock: from the cache, from the working tree if its bytes have that hash, else from
the remote. Bytes with another hash than their name says are refused.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from verdict.base import documents
from verdict.base.errors import VerdictError
from verdict.base.paths import PARAMS
from verdict.repo.dvc import one_line, repository
from verdict.repo.git import git, project_prefix
from verdict.repo.lock.contents import hash_of
from verdict.repo.lock.entries import Entry, lock_entries, output_hashes
from verdict.repo.lock.lockfile import LOCK
from verdict.repo.partial_clone import fetch_missing
from verdict.repo.refs import BASE, find_commit, on_stage

if TYPE_CHECKING:
    from dvc.repo import Repo

_MOST_LISTED = 20_000_000  # bytes of a listing: some 200,000 files


@dataclass(frozen=True)
class Revision:
    """A commit of the repository at `root`, or its working tree if `commit` is None; messages call it `name`.

    `lock` replaces its dvc.lock, when it was reproduced; `alias` replaces its commit in messages, if that was made here
    and exists nowhere else.
    """

    root: Path
    name: str
    commit: str | None
    lock: str | None = None
    alias: str | None = None

    @cached_property
    def identity(self) -> str:
        """The commit; for the working tree HEAD's, with a plus if tracked files differ from it."""
        if self.commit is not None:
            return self.alias or self.commit
        changed = git(self.root, "status", "--porcelain", "--untracked-files=no", "--", ".").strip()
        return git(self.root, "rev-parse", "HEAD").strip() + ("+" if changed else "")

    @property
    def short(self) -> str:
        """The first ten digits of `identity`, with its plus."""
        return self.identity[:10] + ("+" if self.identity.endswith("+") else "")

    def text(self, path: str) -> str | None:
        """Return the text of a tracked file; None if the revision does not have it."""
        if self.commit is None:
            file = self.root / path
            return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else None
        if not git(self.root, "ls-tree", "--name-only", self.commit, "--", path).strip():
            return None
        return git(self.root, "cat-file", "blob", f"{self.commit}:./{path}")

    def document(self, path: str) -> Any:  # noqa: ANN401 - YAML
        """Return a tracked YAML file, parsed as DVC does it."""
        text = self.text(path)
        if text is None:
            remedy = f"is {self.name} a revision of this project?" if self.commit else f"git checkout {path}"
            raise VerdictError(f"{path} of {self.name}", "no such file", remedy)
        return documents.parse(text, f"{path} of {self.name}", f"git diff {path}")

    @cached_property
    def params(self) -> dict[str, Any]:
        """The content of params.yaml, unchecked: another revision may have other keys."""
        document = self.document(PARAMS)
        if not isinstance(document, dict):
            raise VerdictError(f"{PARAMS} of {self.name}", "expected groups of keys", f"git checkout {PARAMS}")
        return document

    @cached_property
    def stages(self) -> dict[str, Entry]:
        """The entries of dvc.lock, by stage."""
        return lock_entries(self.lock if self.lock is not None else self.text(LOCK), self.name)

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The hash of each output in dvc.lock, by path."""
        return output_hashes(self.stages, self.name)

    def hash_of(self, path: str) -> str:
        """Return the hash of an output in dvc.lock."""
        where = f"{LOCK} of {self.name}"
        if path not in self.outputs:
            raise VerdictError(where, f"has no output {path}", "dvc repro, and commit dvc.lock")
        return checked_hash(self.outputs[path], where)


def checked_hash(digest: object, where: str) -> str:
    """Return a hash that DVC could have written; refuse any other, since it becomes part of a path."""
    if not isinstance(digest, str) or not re.fullmatch(r"[0-9a-f]{32}(\.dir)?", digest):
        raise VerdictError(where, f"{digest!r} is not a hash", "dvc repro")
    return digest


class Store:
    """The objects that dvc.lock names, by DVC's cache and remote; a context, since it keeps temporary files.

    `offline`, if given, forbids to ask a remote, and says in messages who forbids it: a hook.
    """

    def __init__(self, root: Path, offline: str = "") -> None:
        self.root, self.offline = root, offline
        self._folder = TemporaryDirectory(prefix="verdict-")

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    @cached_property
    def repo(self) -> "Repo":
        """DVC's view of the repository."""
        from dvc.exceptions import DvcException

        git(self.root, "rev-parse", "--git-dir")  # git says why a repository cannot be used; DVC's libraries do not
        try:
            return repository(self.root)
        except DvcException as error:
            remedy = "run from the root of the repository"
            raise VerdictError(str(self.root), f"not a DVC repository: {error}", remedy) from None

    def file(self, revision: Revision, path: str, member: str | None = None) -> Path:
        """Return a local copy of an output, or of a file in an output folder; its bytes have the lock's hash."""
        digest = revision.hash_of(path)
        if not digest.endswith(".dir"):
            return self._object(revision, path, digest, self.root / path)
        members = self.members(revision, path)
        if member not in members:
            raise VerdictError(f"{path} of {revision.name}", f"has no file {member}", "dvc repro")
        return self._object(revision, path, members[member], self.root / path / member)

    def members(self, revision: Revision, path: str) -> dict[str, str]:
        """Return the hash of each file in an output folder."""
        digest = revision.hash_of(path)
        listing = self._object(revision, path, digest, None)
        where = f"{path} of {revision.name}"
        if listing.stat().st_size > _MOST_LISTED:
            raise VerdictError(where, f"a folder whose listing has more than {_MOST_LISTED / 1e6:,.0f} MB", "dvc repro")
        entries = json.loads(listing.read_text(encoding="utf-8"))
        return {entry["relpath"]: checked_hash(entry["md5"], where) for entry in entries}

    def folder(self, revision: Revision, path: str) -> Path:
        """A temporary copy of an output that is a folder, by links where the disk allows."""
        target = Path(self._folder.name) / revision.hash_of(path)
        for member in self.members(revision, path):
            place = target / member
            if Path(member).is_absolute() or ".." in Path(member).parts:
                raise VerdictError(f"{path} of {revision.name}", f"has a file outside itself: {member}", "dvc repro")
            if not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                place.symlink_to(self.file(revision, path, member).resolve())
        return target

    def size(self, revision: Revision, path: str) -> int:
        """Return the bytes of an output folder."""
        return sum(self.file(revision, path, member).stat().st_size for member in self.members(revision, path))

    def _object(self, revision: Revision, path: str, digest: str, local: Path | None) -> Path:
        cached = Path(self.repo.cache.local.oid_to_path(digest))
        if not cached.exists() and local is not None and local.is_file() and hash_of(local) == digest:
            return local
        if not cached.exists():
            self._fetch(revision, path, digest)
        if not cached.exists():
            what = f"{digest[:8]}, which {LOCK} names, is neither in the cache nor on the remote"
            raise VerdictError(f"{path} of {revision.name}", what, _unreachable(revision))
        if hash_of(cached) != digest.removesuffix(".dir"):
            what = f"the cache's copy of {digest[:8]} has other bytes than its name says"
            remedy = f"rm {cached}, then dvc fetch {path}, or dvc repro --force where no remote has it"
            raise VerdictError(f"{path} of {revision.name}", what, remedy)
        return cached

    def _fetch(self, revision: Revision, path: str, digest: str) -> None:
        """Fetch an object, and those that it lists, from the remote, by hash.

        DVC's `fetch` of a revision would read the remote's address there, where a relative one leads nowhere.
        """
        from dvc_data.hashfile.hash_info import HashInfo

        if self.offline:
            what = f"{digest[:8]} is not in the cache, and {self.offline} asks no remote"
            remedy = "once, outside of the hook: verdict gate, which fetches it; or with --reproduce-base"
            raise VerdictError(f"{path} of {revision.name}", what, remedy)
        try:
            self.repo.cloud.pull([HashInfo("md5", digest)])
        except Exception as error:  # a remote's library has errors of its own, such as for a key that is missing
            what = f"not in the cache, and cannot be fetched: {one_line(error)}"
            raise VerdictError(f"{path} of {revision.name}", what, _unreachable(revision)) from None


def _unreachable(revision: Revision) -> str:
    repro = "dvc repro" if revision.commit is None else f"dvc repro in a checkout of {revision.name}"
    return f"dvc fetch, with access to the remote; or {repro}; for the base: --reproduce-base"


def resolve(root: Path, name: str, option: str = BASE) -> Revision:
    """Return the commit that `name`, given by `option`, means, with all its objects; a stage's with its version."""
    commit, staged = find_commit(root, name, option), on_stage(root, name)
    fetch_missing(root, commit)
    return Revision(root, staged.name if staged and staged.commit == commit else name, commit)


def working_tree(root: Path) -> Revision:
    """Return the working tree, committed or not."""
    return Revision(root, "the working tree", None)


@contextmanager
def checked_out(revision: Revision) -> Iterator[Path]:
    """Yield a folder with the tracked files of a revision: the root itself for the working tree."""
    if revision.commit is None:
        yield revision.root
        return
    root, options = revision.root, ("--git-path", "objects", "--show-object-format")
    objects, kind = git(root, "rev-parse", *options).rstrip("\n").split("\n")
    with TemporaryDirectory(prefix="verdict-") as temporary:
        folder = Path(temporary) / "tree"
        # A separate repository: a worktree would stay registered in the user's if this process is killed.
        settings = {"init.defaultRefFormat": "files"}  # DVC reads no other
        init = ("init", "--quiet", "--template=", f"--object-format={kind}", str(folder))
        git(Path(temporary), *init, settings=settings)
        (folder / ".git/objects/info/alternates").write_text(f"{(root / objects).resolve()}\n", encoding="utf-8")
        git(folder, "checkout", "--quiet", "--detach", revision.commit)
        yield folder / project_prefix(root)
