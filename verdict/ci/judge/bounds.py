"""Bounds on the files, stages and template texts of a change, checked before the judge expands any of them.

A few kilobytes can expand to more than any memory holds: by nested folders, a `matrix`, a variable that is used again
and again. The bounds are far above honest changes, and far below the memory of a hosted machine.
"""

import json
import posixpath
import re
import resource
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import Any

from verdict.base.documents import parse, require_bounded
from verdict.base.errors import VerdictError
from verdict.base.paths import PARAMS
from verdict.repo.git import first_bytes
from verdict.repo.revisions import Revision

MOST_STAGES = 500
_MOST_LISTED = 20_000_000  # bytes of names and hashes: some 200,000 files
_MOST_OF_FILE, _MOST_OF_CHANGE = 50, 200  # 10^6 bytes
_MOST_TEXT = 10**9  # characters of dvc.yaml with its templates filled in, an upper bound
_MOST_OF_VARIABLES = 300_000  # characters of a file
_SHARE = 0.8  # of the machine's memory
_REFERENCE = re.compile(r"\$\{\s*([\w.\[\]-]+)\s*\}")
_REMEDY = "make it smaller, or land it by hand with whoever administers main"


def require_small(root: Path, base: str, head: str) -> None:
    """Refuse a commit with too many files, or too large new ones; nothing is checked out.

    Raises:
        VerdictError: the commit is refused; the file is named.
    """
    old, new = _files(root, base), _files(root, head)
    total = 0
    for path, (size, digest) in new.items():
        if old.get(path, (0, ""))[1] != digest:
            total += size
            if size > _MOST_OF_FILE * 1e6:
                what = f"has {size / 1e6:,.0f} MB; at most {_MOST_OF_FILE} are taken"
                raise VerdictError(path[:200], what, "keep data in DVC: dvc add")
    if total > _MOST_OF_CHANGE * 1e6:
        what = f"new files of {total / 1e6:,.0f} MB; at most {_MOST_OF_CHANGE} are taken"
        raise VerdictError(head[:10], what, "keep data in DVC: dvc add")


def _files(root: Path, commit: str) -> dict[str, tuple[int, str]]:
    """Return the size and hash of each file of a commit, by path."""
    printed = first_bytes(root, _MOST_LISTED + 1, "ls-tree", "-r", "-z", "-l", "--full-tree", commit)
    if len(printed) > _MOST_LISTED:
        raise VerdictError(commit[:10], "more files than the judge can list", _REMEDY)
    entries = (line.partition("\t") for line in printed.decode("utf-8", "replace").split("\0") if line)
    heads = ((head.split(), path) for head, _, path in entries)
    return {path: (int(size) if size.isdecimal() else 0, digest) for (_, _, digest, size), path in heads}


def require_expandable(revision: Revision, document: Mapping[str, Any], paths: Collection[str]) -> None:
    """Refuse a dvc.yaml that expands to too many or too long stages, and too long files of variables.

    Args:
        revision: the revision of the dvc.yaml.
        document: its content.
        paths: the files of the revision.

    Raises:
        VerdictError: it is refused; the stage or the file is named.
    """
    stages = document.get("stages")
    bodies = {name: body for name, body in stages.items() if isinstance(body, dict)} if isinstance(stages, dict) else {}
    parts = [document, *bodies.values(), *(body["do"] for body in bodies.values() if isinstance(body.get("do"), dict))]
    files = {name: _bounded(revision, name) for name in sorted({PARAMS, *_named(parts)} & set(paths))}
    common = {PARAMS, *_named([{"vars": document.get("vars")}])}  # what foreach and matrix may refer to
    variables = [_variables(text, name) for name, text in files.items() if name in common]
    variables += [item for item in _items(document.get("vars")) if isinstance(item, dict)]
    count, definitions = 0, revision.text("dvc.yaml") or ""
    whole = len(definitions) + sum(map(len, files.values()))  # the most that one variable can become
    size = len(definitions) + definitions.count("${") * whole
    for name, body in bodies.items():
        instances, text = _instances(body, variables), str(body)
        count += instances
        if count > MOST_STAGES:
            what = f"{MOST_STAGES} stages are exceeded by {str(name)[:100]}"
            raise VerdictError("dvc.yaml", what, "fewer values of matrix or foreach; a sweep takes as many as it likes")
        size += instances * (len(text) + text.count("${") * whole)
    if size > _MOST_TEXT:
        what = f"{count} stages and {definitions.count('${')} variables can become more text than the judge reads"
        raise VerdictError("dvc.yaml", what, _REMEDY)


def _bounded(revision: Revision, path: str) -> str:
    """Return the text of a file of variables or params, which DVC would read whole; refuse a too long one."""
    text = revision.text(path) or ""
    if len(text) > _MOST_OF_VARIABLES:
        raise VerdictError(path[:200], f"{len(text):,} characters long, and dvc.yaml takes variables from it", _REMEDY)
    if not path.endswith((".json", ".toml", ".py")):
        require_bounded(text, path, _REMEDY)
    return text


def _variables(text: str, path: str) -> Any:  # noqa: ANN401 - YAML, JSON
    """Return the content of a file of variables, as YAML or JSON; None for others and for invalid JSON."""
    if path.endswith((".py", ".toml")):
        return None
    if not path.endswith(".json"):
        return parse(text, path, _REMEDY, aliases=False)
    with suppress(ValueError, RecursionError):
        return json.loads(text)
    return None


def _named(parts: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield every possible name of a file of variables or params, with and without its stage's `wdir`."""
    for part in parts:
        for item in [*_items(part.get("vars")), *_items(part.get("params"))]:
            for text in [item] if isinstance(item, str) else item if isinstance(item, dict) else ():
                name = str(text).partition(":")[0]
                yield from (name, posixpath.normpath(posixpath.join(str(part.get("wdir", "")), name)))


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _instances(body: Mapping[str, Any], variables: list[Any]) -> int:
    """Return the number of stages that a definition expands to."""
    if "foreach" in body:
        return _length(body["foreach"], variables)
    axes = body.get("matrix")
    return prod(_length(axis, variables) for axis in axes.values()) if isinstance(axes, dict) else 1


def _length(value: object, variables: list[Any]) -> int:
    """Return the number of values of a list, a group or a reference to one; too many for an unknown reference."""
    if isinstance(value, list | dict):
        return len(value)
    if not isinstance(value, str) or "${" not in value:
        return 1
    reference = _REFERENCE.fullmatch(value.strip())
    keys = re.split(r"[.\[\]]+", reference[1].rstrip("]")) if reference else []
    values = [_value_at(group, keys) for group in variables] if keys else []
    known = [item for item in values if isinstance(item, list | dict)]
    return sum(map(len, known)) if known else MOST_STAGES + 1  # DVC merges groups of one name


def _value_at(group: object, keys: list[str]) -> object:
    for key in keys:
        if isinstance(group, list):
            group = dict(enumerate(group)).get(int(key)) if key.isdecimal() else None
        else:
            group = group.get(key) if isinstance(group, dict) else None
    return group


def limit_memory() -> None:
    """Limit this process to most of the machine's memory, so that it can still report when it needs more."""
    import psutil

    most = int(psutil.virtual_memory().total * _SHARE)
    resource.setrlimit(resource.RLIMIT_DATA, (most, resource.getrlimit(resource.RLIMIT_DATA)[1]))
