"""Find the params that differ between experiments."""

from collections.abc import Sequence
from typing import Any

from verdict.classifier.params.kinds import KINDS
from verdict.experiments.leaderboard.records import shown_param

# Groups that change no score on validation; the seeds have a column for themselves.
_IGNORED = ("evaluate.", "gate.", "report.", "train.seeds")


def varying(params: Sequence[dict[str, Any]]) -> list[str]:
    """The keys that have several values among the experiments that use them."""
    keys = dict.fromkeys(key for document in params for key in document if not key.startswith(_IGNORED))
    return [key for key in keys if len(_values(params, key)) > 1]


def _values(params: Sequence[dict[str, Any]], key: str) -> set[str]:
    return {shown_param(value) for document in params if (value := used(document, key)) is not None}


def used(params: dict[str, Any], key: str) -> Any:  # noqa: ANN401 - YAML
    """The value of a param; None if it is absent, or belongs to a kind of model that was not trained."""
    parts, chosen = key.split("."), params.get("train.model")
    of_another = parts[0] == "train" and len(parts) > 2 and parts[1] in KINDS and parts[1] != chosen
    return None if of_another else params.get(key)
