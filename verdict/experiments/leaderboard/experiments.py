"""DVC experiments in git: their list, and the small files of all of them in two calls of git."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.repo.git import git, git_bytes

# DVC keeps other refs under refs/exps, too: of the queue, of failures, of the last experiment applied.
_REF = re.compile(r"refs/exps/([0-9a-f]{2})/([0-9a-f]{38}|[0-9a-f]{62})/(.+)")
_FAILED = "refs/exps/celery/failed"
_FAILURE = re.compile(r"(?:commit: )?dvc-exp:[0-9a-f]+:([0-9a-f]+):(.+)")
# Larger files are not read; the largest of a real experiment, dvc.lock, has 15,000 bytes.
_MAX_BYTES = 1_000_000


@dataclass(frozen=True, order=True)
class Experiment:
    """One experiment: its name, its commit, and the commit that it started from."""

    name: str
    commit: str
    baseline: str


def find_experiments(root: Path) -> list[Experiment]:
    """All experiments of this clone, by name."""
    lines = git(root, "for-each-ref", "--format=%(objectname) %(refname)", "refs/exps").splitlines()
    return sorted(_experiments(lines))


def _experiments(lines: Iterable[str]) -> Iterator[Experiment]:
    for line in lines:
        commit, _, ref = line.partition(" ")
        if match := _REF.fullmatch(ref):
            yield Experiment(match[3], commit, match[1] + match[2])


def failed_in_queue(root: Path) -> list[Experiment]:
    """The experiments that failed in DVC's own queue; they have no commit."""
    if not git(root, "for-each-ref", _FAILED).strip():  # nothing ever failed
        return []
    messages = git(root, "reflog", "show", "--format=%gs", _FAILED, "--").splitlines()
    failures = filter(None, map(_FAILURE.fullmatch, messages))
    return sorted({Experiment(match[2], "", match[1]) for match in failures})


class Files:
    """Files of several commits, read together: one git process for each file would take a minute."""

    def __init__(self, root: Path, paths: Iterable[tuple[str, str]]) -> None:
        names = [f"{commit}:./{path}" for commit, path in paths]
        heads = [line.split() for line in _cat_file(root, "--batch-check", names).decode(errors="replace").splitlines()]
        self._sizes = {
            name: int(head[2]) for name, head in zip(names, heads, strict=True) if len(head) == 3 and head[1] == "blob"
        }
        small = [name for name, size in self._sizes.items() if size <= _MAX_BYTES]
        self._contents = dict(_contents(_cat_file(root, "--batch", small), small))

    def text(self, commit: str, path: str) -> str | None:
        """The text of a file; None when the commit does not have it.

        Raises:
            VerdictError: the file is too large to be what it should be, or is not UTF-8.
        """
        name = f"{commit}:./{path}"
        if name not in self._sizes:
            return None
        if name not in self._contents:
            raise VerdictError(path, f"{self._sizes[name]:,} bytes, too many for it", "look at the experiment")
        try:
            return self._contents[name].decode("utf-8")
        except UnicodeDecodeError:
            raise VerdictError(path, "not UTF-8", "look at the experiment") from None


def _cat_file(root: Path, kind: str, names: list[str]) -> bytes:
    lines = "".join(f"{name}\n" for name in names).encode()
    return git_bytes(root, "cat-file", kind, stdin=lines)


def _contents(answer: bytes, names: list[str]) -> Iterator[tuple[str, bytes]]:
    start = 0
    for name in names:
        end = answer.index(b"\n", start)
        size = int(answer[start:end].split()[2])
        yield name, answer[end + 1 : end + 1 + size]
        start = end + size + 2
