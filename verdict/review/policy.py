"""The rules a change is judged by: main's, as they stand in its params.yaml; and what a change would do to them."""

from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from verdict.base.errors import VerdictError
from verdict.base.flatten import flatten
from verdict.classifier.params import explain
from verdict.repo.revisions import PARAMS, Revision
from verdict.review.params import Gate, Report

Group = TypeVar("Group", bound=BaseModel)
# Which keys, when they change, are which rule's.
WATCHED = {
    "policy": ("gate", "validate"),
    "data": ("prepare.neutral_band",),
    "split": ("prepare.salt", "prepare.test_share", "prepare.validation_share"),
}


@dataclass(frozen=True)
class Change:
    """A key of params.yaml with main's value and the candidate's; None where one does not have it."""

    key: str
    base: Any
    candidate: Any


def policy_of(revision: Revision) -> Gate:
    """The group `gate:` of a revision."""
    return _group(revision, "gate", Gate)


def unreadable(revision: Revision) -> str:
    """Why the judge's own code would not judge by a revision's policy; empty where it would."""
    try:
        policy_of(revision), report_of(revision)
    except VerdictError as error:
        return " ".join(error.what.split())
    return ""


def report_of(revision: Revision) -> Report:
    """The group `report:` of a revision."""
    return _group(revision, "report", Report)


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


def changes(base: Revision, candidate: Revision) -> list[Change]:
    """Every key of params.yaml that differs, in the order of the files."""
    old, new = flatten(base.params), flatten(candidate.params)
    keys = dict.fromkeys([*new, *old])
    return [
        Change(key, old.get(key), new.get(key))
        for key in keys
        if key not in old or key not in new or old[key] != new[key]
    ]


def watched(all_changes: list[Change], rule: str) -> list[Change]:
    """The changes that need an approval by the name of `rule`."""
    return [
        change
        for change in all_changes
        if any(change.key == key or change.key.startswith(f"{key}.") for key in WATCHED[rule])
    ]
