"""The next version for a commit, or none where nothing changed that users would see."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verdict.base.errors import VerdictError
from verdict.base.flatten import leaves
from verdict.base.paths import ARTIFACT, EVALUATION
from verdict.delivery.images import inputs
from verdict.delivery.registry import Tag, versions
from verdict.repo.git import run_git
from verdict.repo.revisions import Revision, resolve, working_tree

API = "docs/openapi.json"  # what the service answers to; a test holds it against the service
_TEXTS = {"title", "description", "summary", "version"}  # keys that no program reads
MAJOR, MINOR, PATCH = range(3)


@dataclass(frozen=True)
class Plan:
    """The version of a commit, None for no release; why; the release before; whether its tag exists already."""

    commit: str
    version: str | None
    why: str
    previous: str | None
    registered: bool = False


def plan(root: Path) -> Plan:
    """Return the version that HEAD would get.

    Raises:
        VerdictError: the clone lacks history or tags, has changes, or its last release is not of this history.
    """
    head, tags = resolve(root, "HEAD"), versions(root)
    commit = str(head.commit)
    if working_tree(root).identity != commit:
        raise VerdictError("this checkout", "has changes, and a release is of a commit", "git commit, or git stash")
    if registered := next((tag for tag in tags if tag.commit == commit), None):
        before = next((tag.name for tag in tags if tag.numbers < registered.numbers), None)
        return Plan(commit, registered.version, "it has its tag already", before, registered=True)
    if not tags:
        return Plan(commit, "v1.0.0", "the first release", None)
    last = tags[0]
    if not _is_ancestor(root, last.commit, commit):
        if not _is_ancestor(root, commit, last.commit):
            what = f"{last.name}, {last.commit[:10]}, is not of its history"
            raise VerdictError(f"commit {commit[:10]}", what, "release commits of main alone, and do not rewrite it")
        return Plan(commit, None, f"{last.name} is of a later commit", last.name)
    changes = sorted(_changes(Revision(root, last.name, last.commit), head, last))
    if not changes:
        return Plan(commit, None, f"neither artifact nor image differs from {last.name}", last.name)
    return Plan(commit, _next(last, changes[0][0]), "; ".join(why for _, why in changes), last.name)


def _next(last: Tag, part: int) -> str:
    numbers = [*last.numbers[:part], last.numbers[part] + 1, 0, 0][:3]
    return "v" + ".".join(map(str, numbers))


def _is_ancestor(root: Path, ancestor: str, commit: str) -> bool:
    return run_git(root, "merge-base", "--is-ancestor", ancestor, commit).returncode == 0


def _changes(old: Revision, new: Revision, last: Tag) -> Iterator[tuple[int, str]]:
    """Yield the differences since the last release, with the part of the version that each raises."""
    if changed := sorted(_labels(old) ^ _labels(new)):
        yield MAJOR, f"other labels: {', '.join(changed)}"
    if broken := api_breaks(_document(old), _document(new)):
        yield MAJOR, f"the API breaks: {broken[0]}"
    if new.hash_of(ARTIFACT) != last.provenance.artifact:
        yield MINOR, "another artifact"
    if inputs(new.root) != last.provenance.inputs:
        yield PATCH, "another image"


def _labels(revision: Revision) -> set[str]:
    return set(json.loads(revision.text(EVALUATION) or "{}").get("overall", {}).get("classes", {}))


def _document(revision: Revision) -> Any:  # noqa: ANN401 - JSON
    return json.loads(revision.text(API) or "{}")


def api_breaks(old: Any, new: Any) -> list[str]:  # noqa: ANN401 - JSON
    """Return what a client of the old OpenAPI document would miss in the new one.

    Texts for people may change, and paths, methods, statuses and fields may be added; any other difference counts as a
    break, even a harmless one.
    """
    values = dict(leaves(new))
    return [
        ".".join(path)
        for path, value in leaves(old)
        if path and path[-1] not in _TEXTS and values.get(path, ...) != value
    ]
