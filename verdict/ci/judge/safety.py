"""Refuses files of a change that would make DVC or the judge read outside the change, such as imports and links.

DVC follows pointers to other repositories and hosts, reads the files that dvc.yaml names for its variables, and heeds
the settings in `.dvc`. A change's own run may do that; the judge's machine, with its keys, must not.
"""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from verdict.base.documents import require_bounded
from verdict.base.errors import VerdictError
from verdict.ci.judge.bounds import require_expandable
from verdict.repo.git import git
from verdict.repo.revisions import Revision

_LINK, _SUBMODULE = "120000", "160000"
_POINTER_KEYS = {"md5", "size", "nfiles", "hash", "path"}
_PLAIN = re.compile(r"[\w][\w.-]*")
# A change may bring templates in .dvc; its settings are replaced by main's.
_OF_DVC = re.compile(r"\.dvc/(config|\.gitignore|plots/[\w.-]+\.json)")
_LEADS_OUT = re.compile(r"^[/~\\]|://|(^|[/\\])\.\.([/\\]|$)")
_EXECUTED = (".pyc", ".pyo", ".so", ".pth", ".pyd")
_YAML = ("dvc.yaml", "dvc.lock", "params.yaml")
_REMEDY = "take it out of the change"
_LISTS = ("deps", "outs", "metrics", "plots", "params")


def require_safe(base: Revision, candidate: Revision) -> None:
    """Refuse a merge with files that lead out of it.

    Args:
        base: main.
        candidate: the merge of a change with it.

    Raises:
        VerdictError: names the first such file, and the reason.
    """
    entries = _entries(candidate)
    old = _entries(base)
    changed = [path for path, entry in entries.items() if old.get(path) != entry]
    for path in changed:
        _require_plain(path, entries[path], set(entries))
    for path in (path for path in _YAML if path in changed):
        require_bounded(candidate.text(path) or "", path, _REMEDY)
    for path in (path for path in changed if path.endswith(".dvc")):
        _require_pointer(candidate, path)
    document = candidate.document("dvc.yaml") if "dvc.yaml" in entries else None
    if "dvc.yaml" in changed:
        _require_definitions(document)
    if isinstance(document, dict):  # even if it did not change, its variables may have
        require_expandable(candidate, document, set(entries))


def _entries(revision: Revision) -> dict[str, str]:
    """Return the mode and object of each file, by path."""
    lines = git(revision.root, "ls-tree", "-r", "-z", "--full-tree", str(revision.commit)).split("\0")
    return {path: entry for entry, _, path in (line.partition("\t") for line in lines if line)}


def _require_plain(path: str, entry: str, paths: set[str]) -> None:
    if entry.startswith((_LINK, _SUBMODULE)):
        raise _refused(path, "a symbolic link or submodule")
    name = PurePosixPath(path)
    if path.startswith(".dvc/") and not _OF_DVC.fullmatch(path):
        raise _refused(path, "a setting of DVC; only templates under .dvc/plots can come with a change")
    if name.name == "dvc.yaml" and path != "dvc.yaml":
        raise _refused(path, "a second dvc.yaml")
    if path.endswith(_EXECUTED):
        raise _refused(path, "a compiled file, which Python would take for code")
    if name.name == "__init__.py" and f"{name.parent}.py" in paths:
        raise _refused(path, f"hides {name.parent}.py from every import")
    if f"{name.with_suffix('')}/__init__.py" in paths and name.suffix == ".py":
        raise _refused(path, f"hidden from every import by {name.with_suffix('')}/")


def _require_pointer(candidate: Revision, path: str) -> None:
    """Require that a pointer to data names one file or folder beside it, and nothing else."""
    require_bounded(candidate.text(path) or "", path, _REMEDY)
    match candidate.document(path):
        case {"outs": [{"path": str(name), **rest}], **more} if not more and set(rest) <= _POINTER_KEYS:
            plain = bool(_PLAIN.fullmatch(name))
        case _:
            plain = False
    if not plain:
        raise _refused(path, "more than a pointer to one file or folder beside it, as dvc add writes it")


def _require_definitions(document: Any) -> None:  # noqa: ANN401 - YAML
    """Refuse files, folders, dependencies and outputs outside the repository that dvc.yaml names literally."""
    if not isinstance(document, dict):
        raise VerdictError("dvc.yaml", "not a mapping", "git diff dvc.yaml")
    if "datasets" in document:
        raise _refused("dvc.yaml", "datasets from elsewhere")
    stages = document.get("stages")
    bodies = list(stages.values()) if isinstance(stages, dict) else []
    bodies += [body["do"] for body in bodies if isinstance(body, dict) and isinstance(body.get("do"), dict)]
    parts = [document.get(name) for name in ("vars", "metrics", "plots", "params", "artifacts")]
    for body in (body for body in bodies if isinstance(body, dict)):
        parts += [body.get(name) for name in ("vars", "wdir", *_LISTS)]
    for text in (text for part in parts for text in _texts(part)):
        if _LEADS_OUT.search(text):
            raise _refused("dvc.yaml", f"names {text[:100]}, which is outside the repository")
    for name in (text for body in [document, *bodies] if isinstance(body, dict) for text in _texts(body.get("wdir"))):
        if "${" in name:
            raise _refused("dvc.yaml", "a wdir that is only known once variables are")


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - YAML
    """Yield every key and string in a value, but for titles and descriptions of plots."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            if key not in ("title", "x_label", "y_label", "desc"):
                yield from _texts(item)


def _refused(path: str, what: str) -> VerdictError:
    return VerdictError(path[:200], f"{what}: the judge does not follow it", _REMEDY)
