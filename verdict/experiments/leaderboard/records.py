"""The claims of an experiment: params, scores on validation, and cost. Each file is checked."""

import json
import math
from dataclasses import dataclass
from itertools import islice
from typing import Any

from verdict.base.documents import mapping
from verdict.base.errors import VerdictError
from verdict.base.flatten import dotted, leaves
from verdict.base.paths import EVALUATION, PARAMS, VALIDATION_METRICS, VALIDATION_PREDICTIONS, VALIDATION_SPLIT
from verdict.experiments.leaderboard.experiments import Experiment, Files
from verdict.repo.lock.entries import lock_entries, output_hashes
from verdict.repo.lock.lockfile import LOCK
from verdict.repo.revisions import checked_hash
from verdict.review.metrics_file import Scores, Seeds, parse_metrics, scores_of, seeds_of

COST = "metrics/cost.json"
FILES = (PARAMS, LOCK, VALIDATION_METRICS, COST)
_MOST_PARAMS = 1000
_LOOK = "look at the experiment, or run it again"


@dataclass(frozen=True)
class Cost:
    """The training time, the device, and the rows trained on per second."""

    seconds: float
    device: str
    rows_per_second: float


@dataclass(frozen=True)
class Record:
    """The claims of an experiment; `validation` and `predictions` are hashes of its lock, `notes` are its oddities."""

    experiment: Experiment
    params: dict[str, Any]
    scores: Scores
    seeds: Seeds
    cost: Cost | None
    validation: str
    predictions: str
    notes: tuple[str, ...] = ()


def read(files: Files, experiment: Experiment, headline: str) -> Record:
    """Read an experiment, and its scores by the headline metric.

    Raises:
        VerdictError: it has no result, or one of its files is not what it should be.
    """
    document = parse_metrics(_text(files, experiment, VALIDATION_METRICS), VALIDATION_METRICS)
    lock = lock_entries(_text(files, experiment, LOCK), "the experiment", _LOOK, aliases=False)
    outs = output_hashes(lock, "the experiment", _LOOK)
    cost, notes = _cost(files, experiment)
    return Record(
        experiment,
        _params(mapping(_text(files, experiment, PARAMS), PARAMS, _LOOK, aliases=False)),
        scores_of(document, VALIDATION_METRICS, headline),
        seeds_of(document, VALIDATION_METRICS),
        cost,
        _hash(outs, VALIDATION_SPLIT),
        _hash(outs, VALIDATION_PREDICTIONS[0]),
        notes,
    )


def scores_on_test(files: Files, experiment: Experiment, headline: str) -> Scores:
    """Read the scores on test; only those of the chosen experiment are ever read."""
    return scores_of(parse_metrics(_text(files, experiment, EVALUATION), EVALUATION), EVALUATION, headline)


def shown_param(value: Any) -> str:  # noqa: ANN401 - YAML
    """A param's value as people write it."""
    if isinstance(value, str):
        return value
    return f"{value:.6g}" if isinstance(value, float) else json.dumps(value, default=str)


def _cost(files: Files, experiment: Experiment) -> tuple[Cost | None, tuple[str, ...]]:
    """Read the cost; None if the training came from the run-cache: the file is then empty or another experiment's."""
    try:
        text = files.text(experiment.commit, COST)
        document = parse_metrics(text, COST) if text else {}
        if document.get("experiment") != experiment.name:
            return None, ()
        seconds, speed = (_positive(document, key) for key in ("seconds", "rows_per_second"))
        device = document.get("device")
        if not isinstance(device, str):
            raise VerdictError(COST, f"device is {device!r}, not a text", _LOOK)
    except VerdictError as error:
        return None, (f"{error.where}: {error.what}",)
    return Cost(seconds, device, speed), ()


def _text(files: Files, experiment: Experiment, path: str) -> str:
    text = files.text(experiment.commit, path)
    if text is None:
        what = "no such file: it did not get as far as that" if path == VALIDATION_METRICS else "no such file"
        raise VerdictError(path, what, _LOOK)
    return text


def _positive(document: dict[str, Any], key: str) -> float:
    value = document.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e12:
        raise VerdictError(COST, f"{key} is {value!r:.80}, not a positive number", _LOOK)
    return float(value)


def _params(document: dict[str, Any]) -> dict[str, Any]:
    """Flatten params.yaml: keys with dots between the names of groups and keys."""
    try:
        params = list(islice(leaves(document), _MOST_PARAMS + 1))
    except RecursionError:
        raise VerdictError(PARAMS, "groups within groups without end", _LOOK) from None
    if len(params) > _MOST_PARAMS:
        raise VerdictError(PARAMS, f"more than {_MOST_PARAMS:,} keys", _LOOK)
    not_finite = {path for path, value in params if isinstance(value, float) and not math.isfinite(value)}
    return {dotted(path): str(value) if path in not_finite else value for path, value in params}


def _hash(outs: dict[str, Any], path: str) -> str:
    if path not in outs:
        raise VerdictError(LOCK, f"has no output {path}", _LOOK)
    return checked_hash(outs[path], LOCK)
