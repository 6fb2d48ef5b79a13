"""The policy of a review: main's params.yaml decides; and how a change's params.yaml differs from it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from verdict.base.errors import VerdictError
from verdict.base.flatten import flatten
from verdict.base.paths import PARAMS
from verdict.classifier.params.metric_names import HEADLINE, known_metric
from verdict.classifier.params.section import explain
from verdict.repo.revisions import Revision
from verdict.review.params import Gate, Report, Retrain

Group = TypeVar("Group", bound=BaseModel)
# The keys of params.yaml that each rule watches.
WATCHED = {
    "policy": ("gate", "validate", "evaluate.headline"),
    "data": ("data",),
    "split": ("split", "data.date", "data.date_format"),
}
# Exceptions: rows are compared wherever their file is, and no score counts their weight.
_FREE = {"data": ("data.path", "data.weight", *WATCHED["split"])}


@dataclass(frozen=True)
class ParamChange:
    """A key of params.yaml with the base's value and the candidate's; None where a side lacks the key."""

    key: str
    base: Any
    candidate: Any


def policy_of(revision: Revision) -> Gate:
    """The group `gate:` of a revision."""
    if "prepare" in revision.params and "data" not in revision.params:
        what = "has the group prepare of an earlier version, and no group data: nothing of it can be compared"
        remedy = "--base REV of a revision that has data; the change that brings it in: --bootstrap"
        raise VerdictError(f"{PARAMS} of {revision.name}", what, remedy)
    return _group(revision, "gate", Gate)


def headline_of(revision: Revision) -> str:
    """The metric that decides, by a revision's params."""
    group = revision.params.get("evaluate")
    name = group.get("headline", HEADLINE) if isinstance(group, dict) else HEADLINE
    try:
        return known_metric(name if isinstance(name, str) else repr(name))
    except ValueError as error:
        what = f"evaluate.headline: {name!r:.100} is {error}"
        raise VerdictError(f"{PARAMS} of {revision.name}", what, "evaluate.headline: one of these") from None


def policy_error(revision: Revision) -> str:
    """The reason why the judge's code would refuse a revision's policy; empty where it would not."""
    try:
        policy_of(revision), report_of(revision)
    except VerdictError as error:
        return " ".join(error.what.split())
    return ""


def report_of(revision: Revision) -> Report:
    """The group `report:` of a revision."""
    return _group(revision, "report", Report)


def retrain_of(revision: Revision) -> Retrain:
    """The group `retrain:` of a revision, or its defaults."""
    return _group(revision, "retrain", Retrain) if "retrain" in revision.params else Retrain()


def _group(revision: Revision, name: str, kind: type[Group]) -> Group:
    where = f"{PARAMS} of {revision.name}"
    if name not in revision.params:
        remedy = "a repository's first run, before its main has a policy: --bootstrap"
        raise VerdictError(where, f"has no group {name}", remedy)
    try:
        return kind.model_validate(revision.params[name])
    except ValidationError as error:
        remedy = f"correct the keys on {revision.name}, or judge with the code of {revision.name}"
        raise VerdictError(where, f"{name}: {explain(error)}", remedy) from None


def param_changes(base: Revision, candidate: Revision) -> list[ParamChange]:
    """Every key of params.yaml that differs, in the order of the files."""
    old, new = flatten(base.params), flatten(candidate.params)
    keys = dict.fromkeys([*new, *old])
    return [
        ParamChange(key, old.get(key), new.get(key))
        for key in keys
        if key not in old or key not in new or old[key] != new[key]
    ]


def watched_changes(changes: list[ParamChange], rule: str) -> list[ParamChange]:
    """The changes that need an approval by the name of `rule`."""
    free = _FREE.get(rule, ())
    return [change for change in changes if _is_in(change.key, WATCHED[rule]) and not _is_in(change.key, free)]


def _is_in(key: str, groups: Iterable[str]) -> bool:
    return any(key == group or key.startswith(f"{group}.") for group in groups)
