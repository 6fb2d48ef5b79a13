"""Which changed files can reach a result: all but those of a short list, as long as the DAG names none of these.

A list of what matters is never whole: a module that dvc.yaml forgot, a library's pin, a workflow, a file that a library
would import. So what is on the list of the harmless is left out, and with anything else a change is run and judged.
"""

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

from verdict.base.errors import VerdictError
from verdict.base.paths import PARAMS, TEST_SET
from verdict.repo.git import git
from verdict.repo.lock.check import LOCK
from verdict.repo.lock.entries import Entry, lock_entries
from verdict.repo.revisions import Revision

# Prose, who reviews what, and settings of editors, hooks and dependabot are for people. Tests and benchmarks are run
# apart, sweeps start from main's spec files: nothing can import one where a stage, the review or a workflow of main
# runs, since all of these are `python -I`.
_HARMLESS = re.compile(
    r"docs/.*|(.*/)?[^/]+\.md|LICENSE|CITATION\.cff|\.github/(CODEOWNERS|dependabot\.yml)|\.pre-commit-config\.yaml"
    r"|\.devcontainer/devcontainer\.json|(tests|benchmarks|dev)/.*|sweeps/[^/]+\.yaml"
)
# The raw data needs no entry: its pointer ends in .dvc.
_DEFINING = (LOCK, PARAMS, TEST_SET)
_FOLDERS = (".dvc/",)
_LINK, _SUBMODULE = "120000", "160000"  # git's modes


def affecting_results(base: Revision, candidate: Revision) -> list[str]:
    """The files that differ between two commits, but for the harmless ones that neither side's DAG has to do with."""
    revisions = [name for name in (base.commit, candidate.commit) if name]
    listed = git(base.root, "diff", "--name-only", "--no-renames", "-z", *revisions, "--").split("\0")
    return _mattering(listed, (base, candidate), _is_harmful)


def relevant(paths: Iterable[str], *sides: Revision) -> list[str]:
    """Those of some files that the DAG of a side reads, writes or is defined by."""
    return _mattering(paths, sides, _defines)


def _mattering(paths: Iterable[str], sides: tuple[Revision, ...], counts: Callable[[str], bool]) -> list[str]:
    """Those of some files that count by their own path, or by what the DAG of a side says."""
    named = [_paths(side, counts) for side in sides]
    if None in named:  # nobody can say what the DAG reads, so anything may matter
        return [path for path in paths if path]
    known = set[str]().union(*(found for found in named if found))
    return [path for path in paths if path and (counts(path) or _is_among(path, known))]


def ignored_inputs(tree: Revision) -> set[str]:
    """The files of a working tree that stages read, by its dvc.lock, and that neither a stage nor a pointer brings."""
    made, read = (_named(tree, part) for part in ("outs", "deps"))
    return {path for path in read if (tree.root / path).is_file() and not _is_brought(tree, path, made)}


def _is_brought(tree: Revision, path: str, made: set[str]) -> bool:
    above = [path, *(str(parent) for parent in PurePosixPath(path).parents)]
    return any(name in made or (tree.root / f"{name}.dvc").is_file() for name in above)


def _defines(path: str) -> bool:
    # DVC and git read such files in every folder.
    everywhere = path.endswith((".dvc", "dvc.yaml", ".dvcignore", ".gitattributes"))
    return everywhere or path in _DEFINING or path.startswith(_FOLDERS)


def _is_harmful(path: str) -> bool:
    return _defines(path) or not _HARMLESS.fullmatch(path)


def _is_among(path: str, paths: set[str]) -> bool:
    """Whether a file is one of these, or lies in one."""
    parents = (str(parent) for parent in PurePosixPath(path).parents)
    return path in paths or any(parent in paths for parent in parents)


def _with_what_is_behind(revision: Revision, paths: set[str], counts: Callable[[str], bool]) -> set[str]:
    """These, and what git keeps elsewhere of them: what a link leads to, and the submodule that holds a file."""
    if revision.commit is None:
        return paths
    listed = git(revision.root, "ls-tree", "-r", "-z", revision.commit).split("\0")
    parts = (line.partition("\t") for line in listed if line.startswith((_LINK, _SUBMODULE)))
    special = {path: head.split() for head, _, path in parts}
    found, above = set(paths), set[str]()
    while special:
        above = {str(parent) for path in found for parent in PurePosixPath(path).parents}
        near = [path for path in special if path in above or counts(path) or _is_among(path, found)]
        if not near:
            break
        for path in near:
            mode, _, name = special.pop(path)
            target = git(revision.root, "cat-file", "blob", name) if mode == _LINK else posixpath.basename(path)
            found.add(_joined(posixpath.dirname(path), target))
    return found


def _joined(folder: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(folder, path))


def _dags(revision: Revision) -> Iterator[tuple[str, dict[str, Any], dict[str, Entry]]]:
    """Each dvc.yaml that has a dvc.lock: its folder, its content, and the entries of the lock.

    What dvc.lock does not have yet stands in dvc.yaml, whose change counts by itself.
    """
    listing = ("ls-files", "--cached", "--others", "--exclude-standard")
    if revision.commit is not None:
        listing = ("ls-tree", "-r", "--name-only", revision.commit)
    names = git(revision.root, listing[0], "-z", *listing[1:]).split("\0")
    yield "", revision.document("dvc.yaml") or {}, revision.stages
    for folder in sorted({posixpath.dirname(name) for name in names if name.endswith(f"/{LOCK}")}):
        if (text := revision.text(f"{folder}/{LOCK}")) is not None and revision.text(f"{folder}/dvc.yaml") is not None:
            yield folder, revision.document(f"{folder}/dvc.yaml") or {}, lock_entries(text, revision.name)


def _wdir(dag: dict[str, Any], stage: str) -> str:
    """Where a stage runs, from the folder of its dvc.yaml; what dvc.lock says of it counts from there."""
    body = (dag.get("stages") or {}).get(stage.partition("@")[0]) or {}
    return str((body.get("do") or body).get("wdir") or ".")


def _named(revision: Revision, *parts: str) -> set[str]:
    """The paths in parts of the lock entries: dependencies, outputs, params files."""
    found = set[str]()
    for folder, dag, entries in _dags(revision):
        for name, entry in entries.items():
            items = (item for part in parts for item in entry.get(part) or [])
            paths = (item["path"] if isinstance(item, dict) else item for item in items)
            found |= {_joined(_joined(folder, _wdir(dag, name)), path) for path in paths}
    return found


def _paths(revision: Revision, counts: Callable[[str], bool]) -> set[str] | None:
    """What dvc.lock says that stages read and write, and the files of dvc.yaml's variables; None: cannot be read."""
    try:
        found = _named(revision, "deps", "outs", "params")
        for folder, dag, entries in _dags(revision):
            if any("${" in _wdir(dag, name) for name in entries):
                return None
            bodies = [dag, *(body.get("do") or body for body in (dag.get("stages") or {}).values())]
            # A list of what defines variables: a file, one with some of its keys behind a colon, or values themselves.
            named = [(body, name) for body in bodies for name in body.get("vars") or [] if isinstance(name, str)]
            places = ((_joined(folder, str(body.get("wdir") or ".")), name.split(":")[0]) for body, name in named)
            found |= {_joined(*place) for place in places}
        return _with_what_is_behind(revision, found, counts)
    except (VerdictError, TypeError, KeyError, AttributeError):
        return None
