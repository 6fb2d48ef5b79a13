"""An optional test set that only the judge can fetch, with the columns of data/prepared/test.parquet.

Its address and key come from the environment `judge`, and are removed before a file of the change is scored. Main's
code scores both artifacts on it. A training that never saw these rows cannot fit them.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from verdict.base.errors import VerdictError
from verdict.base.files import read_table
from verdict.base.paths import TEST
from verdict.classifier.dataset.description import select_truth
from verdict.classifier.dataset.splits import normalise
from verdict.classifier.params.metric_names import OVERALL
from verdict.review.compare import all_labels, compare_tables
from verdict.review.data import PREPARED
from verdict.review.evidence import Evidence
from verdict.review.gate import Review, settings_of
from verdict.review.params import Gate
from verdict.review.rules import leak
from verdict.review.rules.model_rules import same_artifact
from verdict.review.rules.rule import Rule
from verdict.review.truth import extended_to_labels, require_truth, truth_columns
from verdict.review.words import change, counted, figure_beside, interval, title

PLACE = "PRIVATE_TEST"
NAMES = (PLACE, "PRIVATE_ENDPOINT", "PRIVATE_REGION", "PRIVATE_KEY", "PRIVATE_SECRET")
_MOST_BYTES, _MOST_ROWS, _LEAST_ROWS = 50_000_000, 200_000, 100
_REMEDY = "docs/review.md, A private test set, says what it holds and how it is reached; or take the variable away"


def rows() -> pd.DataFrame | None:
    """Fetch the private rows; None if the environment names none. Errors do not quote the content."""
    place = os.environ.get(PLACE, "")
    if not place:
        if stray := [name for name in NAMES[1:] if os.environ.get(name)]:
            raise VerdictError(PLACE, f"is empty, beside {' and '.join(stray)}", _REMEDY)
        return None
    try:
        with tempfile.NamedTemporaryFile(prefix="verdict-", suffix=".parquet") as file:
            file.write(_content(place))
            file.flush()
            return _table(Path(file.name))
    except VerdictError:
        raise
    except Exception as error:  # errors of a remote's library may quote addresses and keys
        raise VerdictError(PLACE, f"cannot be fetched ({type(error).__name__})", _REMEDY) from None


def _content(place: str) -> bytes:
    if place.startswith("s3://"):
        from s3fs import S3FileSystem  # type: ignore[import-untyped]

        client = {"endpoint_url": os.environ.get(NAMES[1]) or None, "region_name": os.environ.get(NAMES[2]) or None}
        system = S3FileSystem(
            key=os.environ.get(NAMES[3]) or None,
            secret=os.environ.get(NAMES[4]) or None,
            client_kwargs={name: value for name, value in client.items() if value},
            config_kwargs={"connect_timeout": 10, "read_timeout": 60, "retries": {"max_attempts": 2}},
            skip_instance_cache=True,
        )
        with system.open(place, "rb") as source:
            content: bytes = source.read(_MOST_BYTES + 1)
    else:
        with Path(place).open("rb") as local:
            content = local.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise VerdictError(PLACE, f"more than {_MOST_BYTES} bytes", _REMEDY)
    return content


def _table(path: Path) -> pd.DataFrame:
    """Read the rows, and check all that does not need main's; errors do not quote the content."""
    try:
        if pq.read_metadata(path).num_rows > _MOST_ROWS:
            raise ValueError("too many rows")
        table = read_table(path, _REMEDY, [*truth_columns(path), "text"])
        table["text"].map(normalise)
    except Exception:
        what = f"not a parquet file of the columns of {TEST}, of at most {_MOST_ROWS:,} rows, without gaps"
        raise VerdictError(PLACE, what, _REMEDY) from None
    return table


def _with_main_columns(table: pd.DataFrame, main: Evidence) -> pd.DataFrame:
    """Return the rows with the columns of main's test split; errors say what is required, and quote no row."""
    columns = [*select_truth(main.test.columns), "text"]
    try:
        rows = table[columns]
        require_truth(rows, PLACE, main.labels)
    except Exception:
        what = f"not rows with {', '.join(columns)}, each id once, and labels of {', '.join(main.labels)}"
        raise VerdictError(PLACE, what[:1000], _REMEDY) from None
    return rows


def judge(result: Review, table: pd.DataFrame, base: Evidence, candidate: Evidence) -> None:
    """Add the rules on the private rows and the report's line about them, which tells only their number."""
    if result.policy is None or result.reason is not None:
        return
    try:
        result.rules.extend(_rules(result, result.policy, table, base, candidate))
    except VerdictError as error:
        result.reason = error if error.where == PLACE else _scoring_error(error)
    except Exception as error:  # it may quote a row
        result.reason = _scoring_error(error)


def _scoring_error(error: Exception) -> VerdictError:
    return VerdictError(PLACE, f"the artifacts cannot be scored on it ({type(error).__name__})", _REMEDY)


def _unseen(table: pd.DataFrame, main: Evidence) -> pd.DataFrame:
    """Return the rows whose text is in no split of main. The change's splits do not count: it could try guesses."""
    paths = [main.store.file(main.revision, path) for path in PREPARED.values()]
    known = {normalise(text) for path in paths for text in read_table(path, "dvc repro prepare", ["text"])["text"]}
    rows = table[~table["text"].map(normalise).isin(known)].reset_index(drop=True)
    if len(rows) < _LEAST_ROWS:
        what = f"has {counted(len(rows), 'row')} that main does not have; at least {_LEAST_ROWS} are needed"
        raise VerdictError(PLACE, what, _REMEDY)
    return rows


def _rules(result: Review, policy: Gate, table: pd.DataFrame, base: Evidence, candidate: Evidence) -> Iterator[Rule]:
    unseen = _unseen(_with_main_columns(table, base), base)
    settings, labels = settings_of(base, policy), all_labels(base, candidate)
    on_private, on_test = (
        (extended_to_labels(old, base.labels, labels), extended_to_labels(new, candidate.labels, labels))
        for old, new in ((base.predict(unseen), candidate.predict(unseen)), (base.predictions, candidate.predictions))
    )
    comparison = compare_tables(*on_private, labels, settings)
    line = comparison.difference(OVERALL)
    text = f"{change(line)}, {interval(line)}: {line.verdict}; {counted(len(unseen), 'row')}"
    if omitted := len(table) - len(unseen):
        text += f", {omitted:,} more left out, which main has"
    metric = title(settings.headline)
    result.private = f"private test set: {metric} {text}"
    same = comparison.unchanged or same_artifact(base, candidate)
    requirement, better = "is not measurably worse on the private test set", "a better model"
    passed = same or not line.lost_more_than(policy.tolerance)
    yield Rule("private:worse", requirement, passed, text, better, brief=change(line))
    floor = policy.floors_of(settings.headline).get((OVERALL, settings.headline))
    if floor is not None:
        passed, figure = line.candidate >= floor or same, figure_beside(line.candidate, floor)
        requirement = f"{metric} on the private test set is at least {floor:g}"
        yield Rule("private:floor", requirement, passed, figure, better, brief=f"{figure}, at least {floor:g}")
    excess = next(item for item in leak.excesses(on_test, on_private, labels, settings) if item.group == OVERALL)
    requirement = f"{metric} does not rise on test by measurably more than on the private test set"
    text = excess.text.replace("on validation", "on the private set")
    brief = f"{excess.difference:.4f} more on test"
    yield Rule("private:leak", requirement, not excess.measurable or same, text, leak.REMEDY, brief=brief)
