"""The keys of params.yaml that need a person's approval when they change, and the approval's name."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from verdict.base.errors import VerdictError
from verdict.classifier.params.data import Data, Split
from verdict.repo.revisions import Revision
from verdict.review.policy import headline_of, param_changes, policy_of, watched_changes

# Rows are compared wherever they lie, and no score counts their weight.
FREE = {"data.path", "data.weight"}


def side(**params: Any) -> Revision:  # noqa: ANN401 - YAML
    """A revision with these params."""
    return cast("Revision", SimpleNamespace(params=params, name="main", root=Path()))


def rules(**params: Any) -> list[str]:  # noqa: ANN401 - YAML
    """The rules whose keys change where these come in."""
    changes = param_changes(side(), side(**params))
    return [rule for rule in ("policy", "data", "split") if watched_changes(changes, rule)]


@pytest.mark.parametrize("key", sorted(Data.model_fields))
def test_each_key_of_the_data_is_watched(key: str) -> None:
    """Keys on rows and labels need the approval `data`; those on dates, which assign rows to splits, `split`."""
    expected = [] if f"data.{key}" in FREE else ["split"] if key.startswith("date") else ["data"]
    assert rules(data={key: "x"}) == expected
    assert rules(data={key: {"column": "x"}}) == expected


@pytest.mark.parametrize("key", sorted(Split.model_fields))
def test_each_key_of_the_split_is_watched(key: str) -> None:
    """Keys on the assignment of rows to splits need the approval `split`."""
    assert rules(split={key: "x"}) == ["split"]


def test_the_metric_that_decides_is_part_of_the_policy() -> None:
    """So are the rules and the limits; how plots are drawn is not, nor is how a model is trained."""
    assert rules(evaluate={"headline": "macro_f1"}) == ["policy"]
    assert rules(gate={"floors": {}}) == ["policy"]
    assert rules(validate={"min_class_rows": 1}) == ["policy"]
    assert rules(evaluate={"mistakes": 5}, train={"seed": 1}) == []


@pytest.mark.parametrize(
    ("group", "name"), [(None, "weighted_f1"), ({}, "weighted_f1"), ({"headline": "recall:spam"}, "recall:spam")]
)
def test_the_headline_is_the_revisions_own(group: object, name: str) -> None:
    """Where params.yaml names none it is weighted F1."""
    assert headline_of(side(evaluate=group)) == name


@pytest.mark.parametrize("name", ["f2", 7, None, ["accuracy"]])
def test_a_headline_that_is_no_metric_is_refused(name: object) -> None:
    """By the key and the file's revision."""
    with pytest.raises(VerdictError, match=r"params\.yaml of main: evaluate\.headline"):
        headline_of(side(evaluate={"headline": name}))


def test_a_base_from_before_is_refused_with_a_way_on() -> None:
    """Params with the group prepare and none called data are of an earlier version: there is nothing to compare."""
    with pytest.raises(VerdictError, match="an earlier version") as caught:
        policy_of(side(prepare={"salt": "a"}, gate={}))
    assert "--base REV" in caught.value.remedy
