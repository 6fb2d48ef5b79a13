"""A test set that only the judge can fetch, in the columns of data/prepared/test.parquet; optional.

Its address and key come from the environment `judge` and are forgotten before a file of the change is scored. Main's
code scores both artifacts on it: what a training could not see, it cannot fit.
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
from verdict.review.rules.model import Rule, same_artifact
from verdict.review.truth import extended_to_labels, require_truth, truth_columns
from verdict.review.words import change, counted, figure_beside, interval, title

PLACE = "PRIVATE_TEST"
NAMES = (PLACE, "PRIVATE_ENDPOINT", "PRIVATE_REGION", "PRIVATE_KEY", "PRIVATE_SECRET")
_MOST_BYTES, _MOST_ROWS, _LEAST_ROWS = 50_000_000, 200_000, 100
_REMEDY = "docs/review.md, A private test set, says what it holds and how it is reached; or take the variable away"


def rows() -> pd.DataFrame | None:
    """Fetch the private rows; None where the environment names none. Errors tell nothing of what was found."""
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
    except Exception as error:  # a remote's library has errors of its own, and they quote addresses and keys
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
    """The rows, as far as they can be checked without main's; an error says nothing of what is there."""
    try:
        if pq.read_metadata(path).num_rows > _MOST_ROWS:
            raise ValueError("too many rows")
        table = read_table(path, _REMEDY, [*truth_columns(path), "text"])
        table["text"].map(normalise)
    except Exception:
        what = f"not a parquet file of the columns of {TEST}, of at most {_MOST_ROWS:,} rows, without gaps"
        raise VerdictError(PLACE, what, _REMEDY) from None
    return table


def _like_mains(table: pd.DataFrame, main: Evidence) -> pd.DataFrame:
    """The rows in the columns of main's test split; an error says what they must be, and not what one of them is."""
    columns = [*select_truth(main.test.columns), "text"]
    try:
        found = table[columns]
        require_truth(found, PLACE, main.labels)
    except Exception:
        what = f"not rows with {', '.join(columns)}, each id once, and labels of {', '.join(main.labels)}"
        raise VerdictError(PLACE, what[:1000], _REMEDY) from None
    return found


def judge(found: Review, table: pd.DataFrame, base: Evidence, candidate: Evidence) -> None:
    """Add the rules on the private rows, and the line that the report shows; of the rows only their number."""
    if found.policy is None or found.reason is not None:
        return
    try:
        found.rules.extend(_rules(found, found.policy, table, base, candidate))
    except VerdictError as error:
        found.reason = error if error.where == PLACE else _broken(error)
    except Exception as error:  # it may quote a row
        found.reason = _broken(error)


def _broken(error: Exception) -> VerdictError:
    return VerdictError(PLACE, f"the artifacts cannot be scored on it ({type(error).__name__})", _REMEDY)


def _new(table: pd.DataFrame, main: Evidence) -> pd.DataFrame:
    """The rows whose words main has in no split. A change's do not count: it could try guesses."""
    paths = [main.store.file(main.revision, path) for path in PREPARED.values()]
    known = {normalise(text) for path in paths for text in read_table(path, "dvc repro prepare", ["text"])["text"]}
    kept = table[~table["text"].map(normalise).isin(known)].reset_index(drop=True)
    if len(kept) < _LEAST_ROWS:
        what = f"has {counted(len(kept), 'row')} that main does not have; at least {_LEAST_ROWS} are needed"
        raise VerdictError(PLACE, what, _REMEDY)
    return kept


def _rules(found: Review, policy: Gate, table: pd.DataFrame, base: Evidence, candidate: Evidence) -> Iterator[Rule]:
    kept = _new(_like_mains(table, base), base)
    plan, labels = settings_of(base, policy), all_labels(base, candidate)
    sides, tested = (
        (extended_to_labels(old, base.labels, labels), extended_to_labels(new, candidate.labels, labels))
        for old, new in ((base.predict(kept), candidate.predict(kept)), (base.predictions, candidate.predictions))
    )
    comparison = compare_tables(*sides, labels, plan)
    line = comparison.difference(OVERALL)
    text = f"{change(line)}, {interval(line)}: {line.verdict}; {counted(len(kept), 'row')}"
    if left := len(table) - len(kept):
        text += f", {left:,} more left out, which main has"
    found.private = f"private test set: {title(plan.headline)} {text}"
    same = comparison.unchanged or same_artifact(base, candidate)
    requirement, better = "is not measurably worse on the private test set", "a better model"
    passed = same or not line.lost_more_than(policy.tolerance)
    yield Rule("private:worse", requirement, passed, text, better, brief=change(line))
    floor = policy.floors_of(plan.headline).get((OVERALL, plan.headline))
    if floor is not None:
        passed, figure = line.candidate >= floor or same, figure_beside(line.candidate, floor)
        requirement = f"{title(plan.headline)} on the private test set is at least {floor:g}"
        yield Rule("private:floor", requirement, passed, figure, better, brief=f"{figure}, at least {floor:g}")
    excess = next(one for one in leak.excesses(tested, sides, labels, plan) if one.group == OVERALL)
    requirement = f"{title(plan.headline)} does not rise on test by measurably more than on the private test set"
    told = excess.text.replace("on validation", "on the private set")
    brief = f"{excess.difference:.4f} more on test"
    yield Rule("private:leak", requirement, not excess.measurable or same, told, leak.REMEDY, brief=brief)
