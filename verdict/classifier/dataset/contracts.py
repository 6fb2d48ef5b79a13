"""The contracts of the prepared tables: a pandera schema of their rows, and checks across all rows of all tables.

The tables are read in parts; memory holds the ids and a few numbers for each row.
"""

from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd
import pandera.pandas as pa

from verdict.classifier.dataset.description import COLUMNS, Dataset
from verdict.classifier.dataset.quality import Tables, Violation, drift
from verdict.classifier.dataset.ratings import label_of
from verdict.classifier.dataset.rows import damage_of
from verdict.classifier.dataset.splits import SPLITS, hash64, normalise
from verdict.classifier.params import Params

# The drift that a share may have without a limit in params.yaml: so many standard errors, or this minimum, if more.
_STANDARD_ERRORS, _MIN_LIMIT = 4.0, 0.05


def contract(params: Params, dataset: Dataset) -> pa.DataFrameSchema:
    """The contract of one prepared table: columns in order, their types, ranges and values, no gaps."""
    text, rating = dataset.text, params.data.rating
    optional = {"slice": dataset.slice, "rating": rating, "weight": params.data.weight}
    columns = {
        "id": pa.Column(str, pa.Check.str_length(min_value=1, error="id is not empty")),
        "group": pa.Column(str, pa.Check.str_length(min_value=1, error="group is not empty")),
        "slice": pa.Column(str, pa.Check.isin(dataset.slices, error="slice is known")),
        "text": pa.Column(
            str,
            [
                pa.Check(lambda column: column.str.strip() != "", error="text is not empty"),
                pa.Check.str_length(max_value=text.max_length, error=f"text has at most {text.max_length} characters"),
                pa.Check(lambda column: ~column.str.contains(damage_of(text)), error="text is free of encoding damage"),
            ],
        ),
        "label": pa.Column(str, pa.Check.isin(dataset.labels, error="label is known")),
        "weight": pa.Column(float, pa.Check.in_range(0, np.finfo(float).max, error="weight is not negative")),
    }
    checks = []
    if rating:
        low, high = rating.limits
        error = f"rating lies in [{low:g}, {high:g}]"
        columns["rating"] = pa.Column(float, pa.Check.in_range(low, high, error=error))
        middle, band = (low + high) / 2, rating.neutral_band

        def agrees(table: pd.DataFrame) -> pd.Series:
            return table["rating"].map(lambda value: label_of(value, middle, band, dataset.labels)) == table["label"]

        checks.append(pa.Check(agrees, error="label agrees with rating"))
    ordered = {name: columns[name] for name in COLUMNS if optional.get(name, True)}
    return pa.DataFrameSchema(ordered, checks=checks, strict=True, ordered=True)


class Contracts:
    """Checks prepared tables part by part: `add` each part in order, then ask for the `violations` of all."""

    def __init__(self, params: Params, dataset: Dataset) -> None:
        self._params, self._dataset = params, dataset
        self._schema = contract(params, dataset)
        self._parts: dict[str, list[pd.DataFrame]] = {name: [] for name in SPLITS}
        self._found: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._across = {"id", "group", "text", "label"} | ({"slice"} if dataset.slice else set())
        self._complete = True

    def add(self, name: str, table: pd.DataFrame) -> None:
        """Check some rows of a split, and keep what the checks across need."""
        for rule, ids in _broken_rules(self._schema, table):
            self._found[name, rule].extend(ids)
        self._complete &= self._across <= set(table.columns)
        if self._complete:
            self._parts[name].append(self._known(table))

    def _known(self, table: pd.DataFrame) -> pd.DataFrame:
        """Keep the values of some rows that the checks across tables need."""
        known = {
            "id": table["id"].astype(str),
            "key": np.array([hash64(str(key)) for key in table["id"]], np.uint64),
            "group": np.array([hash64(str(group)) for group in table["group"]], np.uint64),
            "words": np.array([hash64(normalise(str(text))) for text in table["text"]], np.uint64),
            "label": _categorical(table["label"], self._dataset.labels),
        }
        if self._dataset.slice:
            known["slice"] = _categorical(table["slice"], self._dataset.slices)
        return pd.DataFrame(known)

    def tables(self) -> Tables:
        """Return the ids, labels and slices of all rows, and hashes of their groups and words."""
        for parts in self._parts.values():
            parts[:] = [pd.concat(parts, ignore_index=True)]  # in place of the parts, whose room it takes
        return {name: table for name, (table,) in self._parts.items()}

    def violations(self) -> list[Violation]:
        """List every broken rule of all tables."""
        found = [Violation(name, rule, tuple(dict.fromkeys(ids))) for (name, rule), ids in self._found.items()]
        if not self._complete:
            return found  # the missing column is among the violations
        tables = self.tables()
        found.extend(_repeated_ids(tables))
        found.extend(_shared_between_splits(tables, self._params))
        found.extend(_too_few_rows(tables, self._params, self._dataset))
        found.extend(_too_much_drift(tables, self._params, self._dataset))
        return found


def _categorical(column: pd.Series, values: tuple[str, ...]) -> pd.Categorical:
    """Convert a column to categories; other values, which the contract reports, become missing."""
    return pd.Categorical(column.where(column.isin(values)), values)


def _broken_rules(schema: pa.DataFrameSchema, table: pd.DataFrame) -> Iterator[tuple[str, list[str]]]:
    """Yield each broken rule of some rows, with their ids."""
    try:
        schema.validate(table, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases
        # A check of the whole table comes back once a column; of these it is one violation.
        cases["column"] = cases["column"].where(cases["schema_context"] == "Column")
        about_columns = cases["check"].astype(str).str.startswith("column_")
        cases["column"] = cases["failure_case"].where(about_columns, cases["column"])
        for (column, check), group in cases.groupby(["column", "check"], dropna=False, sort=False):
            yield _rule(column, check, group), _ids(table, group["index"])


def _rule(column: object, check: object, group: pd.DataFrame) -> str:
    """Name a broken rule; pandera's names of its own checks become words."""
    case = group["failure_case"].iloc[0]
    words = {
        "not_nullable": f"{column} is missing",
        "column_in_dataframe": f"column {column} is missing",
        "column_in_schema": f"column {column} is unknown",
        "column_ordered": f"column {column} is out of order",
    }
    if str(check).startswith("dtype("):
        return f"{column} has another type: {case}, not {str(check)[6:-1].strip(chr(39))}"
    return words.get(str(check), str(check))


def _ids(table: pd.DataFrame, index: pd.Series) -> list[str]:
    rows = sorted({int(row) for row in index.dropna()})
    return list(table["id"].loc[rows].astype(str)) if "id" in table.columns else [f"row {row}" for row in rows]


def _repeated_ids(tables: Tables) -> Iterator[Violation]:
    for name, table in tables.items():
        if (repeated := table["key"].duplicated(keep=False)).any():
            yield Violation(name, "id is unique", tuple(table["id"][repeated].unique()))


def _shared_between_splits(tables: Tables, params: Params) -> Iterator[Violation]:
    """Find what two splits share: a model would be tested on what it was trained on."""
    rules = {"key": "an id stands in one split", "group": "a group stands in one split"}
    if params.data.duplicates == "drop":
        rules["words"] = "a normalised text stands in one split"
    for column, rule in rules.items():
        for first, second in combinations(SPLITS, 2):
            shared = tables[second][column].isin(tables[first][column])
            if shared.any():
                yield Violation(f"{first}, {second}", rule, tuple(tables[second]["id"][shared]))


def _too_few_rows(tables: Tables, params: Params, dataset: Dataset) -> Iterator[Violation]:
    limits = params.validation
    for name, table in tables.items():
        minimum = getattr(limits.min_rows, name)
        if len(table) < minimum:
            yield Violation(name, f"at least {minimum} rows, not {len(table)} (validate.min_rows)")
        for column, values, key in (
            ("slice", dataset.slices, "min_slice_rows"),
            ("label", dataset.labels, "min_class_rows"),
        ):
            least = getattr(limits, key)
            for value in values:
                if (count := int((table[column] == value).sum())) < least:
                    yield Violation(name, f"at least {least} rows with {column} {value}, not {count} (validate.{key})")


def _too_much_drift(tables: Tables, params: Params, dataset: Dataset) -> Iterator[Violation]:
    limits, by_chance = params.validation, params.split.by == "group"
    for column, key in (("slice", "max_slice_drift"), ("label", "max_class_drift")):
        limit = getattr(limits, key)
        if (column == "slice" and not dataset.slice) or (limit is None and not by_chance):
            continue  # what a date or a column splits may drift for reasons
        allowed = chance_limits(tables, column) if limit is None else {}
        for name, drifts in drift(tables, column).items():
            for value, distance in drifts.items():
                most = limit if limit is not None else allowed[name][value]
                if distance > most:
                    rule = f"the share of {column} {value} is within {most:.3g} of its share in all data"
                    yield Violation(name, f"{rule}, not {distance:.3f} off (validate.{key})")


def chance_limits(tables: Tables, column: str) -> dict[str, dict[str, float]]:
    """Return by split and value how far a share may be from that of all rows if groups are split by chance.

    It is four standard errors, since many shares are compared, and at least 0.05. A group is one draw, however many
    rows it has.
    """
    column_of = pd.concat([table[column] for table in tables.values()])
    values, code = column_of.cat.categories, column_of.cat.codes.to_numpy(np.int64)
    _, group = np.unique(pd.concat([table["group"] for table in tables.values()]), return_inverse=True)
    sizes, shares = np.bincount(group), np.bincount(code[code >= 0], minlength=len(values)) / max(len(code), 1)
    # The count of each occurring pair of group and value; the rest of the sum of squares does not depend on the group.
    pairs, counts = np.unique(group * len(values) + code, return_counts=True)
    met, which = pairs // len(values), pairs % len(values)
    alike = np.bincount(which, counts**2.0, len(values))
    mixed = np.bincount(which, counts * sizes[met].astype(float), len(values))
    squares = alike - 2 * shares * mixed + shares**2 * (sizes**2.0).sum()
    limits = {}
    for name, table in tables.items():
        part = len(table) / len(code)
        errors = np.sqrt((1 - part) / part * squares) / len(code) if part else np.ones(len(values))
        allowed = np.maximum(_MIN_LIMIT, _STANDARD_ERRORS * errors).tolist()
        limits[name] = dict(zip(map(str, values), allowed, strict=True))
    return limits
