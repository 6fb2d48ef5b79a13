"""The plan of a sweep: the points of a spec file on a commit, checked against its params, with names."""

import hashlib
import json
import re
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from verdict.base import documents
from verdict.base.errors import VerdictError
from verdict.base.paths import PARAMS
from verdict.classifier.params.section import explain
from verdict.experiments.sweep.spec import Overrides, Value, expand, read
from verdict.repo.git import git
from verdict.repo.revisions import resolve
from verdict.review.params import AllParams

_MAX_NAME = 80  # characters; the name is also a file's
_PLAIN = re.compile(r"[A-Za-z_][\w./-]*")
_RESERVED = ("true", "false", "null", "nan", "inf")
# The one param that may be a mapping, from labels to weights; an override replaces all of it.
_MAPPING = "train.class_weight"


@dataclass(frozen=True)
class Point:
    """One experiment of a sweep: its overrides, and all params that result."""

    name: str
    overrides: Overrides
    params: dict[str, Any]

    @property
    def texts(self) -> list[str]:
        """The overrides as `dvc exp run -S` takes them."""
        return texts(self.overrides)


@dataclass(frozen=True)
class Plan:
    """The points of a spec file on one commit, the baseline of their experiments."""

    root: Path
    spec: Path
    baseline: str
    points: list[Point]

    def only(self, names: list[str]) -> list[Point]:
        """The points with these names; all if there are no names."""
        known = {point.name for point in self.points}
        if unknown := [name for name in names if name not in known]:
            what = f"no point of this sweep on {self.baseline[:7]}: {', '.join(unknown)}"
            raise VerdictError(str(self.spec), what, f"verdict sweep points {self.spec}")
        return [point for point in self.points if not names or point.name in names]

    def ref(self, name: str) -> str:
        """The ref by which DVC keeps the experiment of this name."""
        return f"{self.namespace}/{name}"

    def require_same(self, name: str, commit: str) -> None:
        """Refuse an experiment that has the name of a point but other params: DVC lets users choose names."""
        (point,) = self.only([name])
        if canonical(parse(git(self.root, "show", f"{commit}:./{PARAMS}"))) != point.params:
            what = f"this experiment ({commit[:7]}) has other params than the point of {self.spec}"
            raise VerdictError(name, what, f"dvc exp rename {name} another-name; or dvc exp remove {name}")

    @property
    def namespace(self) -> str:
        """The namespace of refs in which DVC keeps the experiments of this baseline."""
        return f"refs/exps/{self.baseline[:2]}/{self.baseline[2:]}"


def plan(root: Path, spec: Path) -> Plan:
    """Read the points of a spec file on HEAD; runs nothing.

    Raises:
        VerdictError: the spec file cannot be used, or names a params key that is unknown or a value that is unusable.
    """
    baseline = str(resolve(root, "HEAD").commit)
    document = parse(git(root, "show", f"{baseline}:./{PARAMS}"))
    content = read(spec)
    for place, key in content.named():
        _require_known(document, key, f"{spec}: {place}.{key}")
    points: dict[str, Point] = {}
    for overrides, params in (_checked(document, overrides, spec) for overrides in expand(content, spec)):
        name = _name(spec.stem, baseline, overrides, content.base)
        points.setdefault(" ".join(texts(overrides)), Point(name, overrides, params))
    return Plan(root, spec, baseline, list(points.values()))


def parse(text: str) -> dict[str, Any]:
    """Parse params.yaml of a commit, as `verdict.review.params` reads the one of the working tree."""
    return documents.mapping(text, f"{PARAMS} of this commit", "verdict params")


def canonical(document: dict[str, Any]) -> dict[str, Any]:
    """Convert all params to the types that they have in the pipeline: 1 for a share becomes 1.0."""
    dumped: dict[str, Any] = AllParams.model_validate(document).model_dump(mode="json", by_alias=True)
    return dumped


def texts(overrides: Overrides) -> list[str]:
    """Overrides in the grammar of `dvc exp run -S`, in a fixed order."""
    return [f"{key}={_text(overrides[key])}" for key in sorted(overrides)]


def _text(value: Value) -> str:
    if isinstance(value, list):
        return f"[{','.join(map(_text, value))}]"
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _RESERVED:
        return value
    # Backslashes are special only before a quote, including the closing one.
    escaped = re.sub(r"(\\+)$", r"\1\1", re.sub(r"(\\*)'", r"\1\1\\'", value))
    return f"'{escaped}'"


def _require_known(document: dict[str, Any], key: str, where: str) -> None:
    value: Any = document
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            raise VerdictError(where, "unknown key of params.yaml (a typo?)", "correct the keys named here")
        value = value[part]
    if isinstance(value, dict) and key != _MAPPING:
        what = f"a group of params, not one: {', '.join(value)}"
        raise VerdictError(where, what, f"name one of them, such as {key}.{next(iter(value))}")


def _checked(document: dict[str, Any], overrides: Overrides, spec: Path) -> tuple[Overrides, dict[str, Any]]:
    """The overrides in the types of the params, and all params that result."""
    changed = deepcopy(document)
    for key, value in overrides.items():
        group, _, last = key.rpartition(".")
        _lookup(changed, group)[last] = value
    try:
        params = canonical(changed)
    except ValidationError as error:
        where = f"{spec}: the point {' '.join(texts(overrides)) or 'without overrides'}"
        raise VerdictError(where, explain(error), "correct the keys named here") from None
    return {key: _lookup(params, key) for key in overrides}, params


def _lookup(document: dict[str, Any], key: str) -> Any:  # noqa: ANN401 - YAML
    value: Any = document
    for part in filter(None, key.split(".")):
        value = value[part]
    return value


def _name(stem: str, baseline: str, overrides: Overrides, base: Overrides) -> str:
    """Name a point by the overrides that `base` does not share, fit for a git ref, and by a hash that makes it unique.

    The name depends on the point alone, so that a spec file may grow without renaming points that have run.
    """
    keys = [key for key in sorted(overrides) if key not in base or overrides[key] != base[key]]
    digest = hashlib.sha256(json.dumps([baseline, *texts(overrides)]).encode()).hexdigest()[:6]
    room = _MAX_NAME - len(stem) - len(digest) - 2
    words = _words(overrides, {key: _short(key, keys) for key in keys})
    if len(words) > room:
        words = _words(overrides, {key: _initials(_short(key, keys)) for key in keys})
    return "-".join(filter(None, (stem, words[:room].strip("-._"), digest)))


def _words(overrides: Overrides, keys: dict[str, str]) -> str:
    words = "-".join(f"{short}_{_word(overrides[key])}" for key, short in keys.items())
    return re.sub(r"\.{2,}|[^A-Za-z0-9_.-]+", "-", words)


def _initials(key: str) -> str:
    """Shorten `learning_rate` to `lr`; one word stays as it is."""
    return "".join(part[0] for part in key.split("_")) if "_" in key.strip("_") else key


def _short(key: str, keys: list[str]) -> str:
    """The last part of a key, or the last two if another key ends the same way."""
    parts = key.split(".")
    is_unique = sum(other.split(".")[-1] == parts[-1] for other in keys) == 1
    return ".".join(parts[-1:] if is_unique else parts[-2:])


def _word(value: Value) -> str:
    if isinstance(value, float):
        return re.sub(r"e\+?(-?)0*", r"e\1", f"{value:.4g}")
    if isinstance(value, list):
        return "-".join(map(_word, value))
    return value if isinstance(value, str) else json.dumps(value)
