"""Which params tell experiments apart."""

from collections.abc import Sequence
from typing import Any

from verdict.classifier.params.kinds import KINDS
from verdict.experiments.leaderboard.records import shown_param

# What changes no score on validation, and the seeds, which have a column of their own.
_NO_PART = ("evaluate.", "gate.", "report.", "train.seeds")


def varying(params: Sequence[dict[str, Any]]) -> list[str]:
    """The keys that have several values among the experiments which use them."""
    keys = dict.fromkeys(key for one in params for key in one if not key.startswith(_NO_PART))
    return [key for key in keys if len(_values(params, key)) > 1]


def _values(params: Sequence[dict[str, Any]], key: str) -> set[str]:
    return {shown_param(value) for one in params if (value := used(one, key)) is not None}


def used(params: dict[str, Any], key: str) -> Any:  # noqa: ANN401 - YAML
    """A param's value; None where it is absent, or a setting of a kind of model that was not trained."""
    parts, chosen = key.split("."), params.get("train.model")
    of_another = parts[0] == "train" and len(parts) > 2 and parts[1] in KINDS and parts[1] != chosen
    return None if of_another else params.get(key)
