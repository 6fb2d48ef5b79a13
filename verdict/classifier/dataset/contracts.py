"""What the prepared tables promise: pandera contracts for each table, and checks across the three of them."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pandas as pd
import pandera.pandas as pa

from verdict.classifier.dataset.splits import LABELS, SPLITS, label_of, normalise
from verdict.classifier.dataset.vader import DOMAINS, VALENCE_LIMIT
from verdict.classifier.params import Params

Tables = dict[str, pd.DataFrame]
# The marks of UTF-8 read as Latin-1 or Windows-1252, of a replaced character, and of control characters.
DAMAGE = re.compile("[\u00c2\u00c3][\u0080-\u00bf]|\u00e2\u20ac|\ufffd|[\u0080-\u009f]|[\x00-\x1f\x7f]")

# What the checks across the tables stand on.
_ACROSS = {"id", "document", "domain", "text", "label"}


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule: in which table (or between which), what it says, and the ids of the rows that break it."""

    table: str
    rule: str
    ids: tuple[str, ...] = ()


def contract(params: Params) -> pa.DataFrameSchema:
    """The contract of one prepared table: columns in order, their types, ranges and domains, no nulls, ids unique."""
    band, longest = params.prepare.neutral_band, params.validation.max_text_length

    def agrees(table: pd.DataFrame) -> pd.Series:
        computed = table["valence"].map(lambda valence: label_of(valence, band))
        return computed == table["label"]

    return pa.DataFrameSchema(
        {
            "id": pa.Column(str, pa.Check(_belongs, error="id begins with its domain"), unique=True),
            "document": pa.Column(str, pa.Check.str_length(min_value=1, error="document is not empty")),
            "domain": pa.Column(str, pa.Check.isin(DOMAINS, error="domain is known")),
            "text": pa.Column(
                str,
                [
                    pa.Check(lambda text: text.str.strip() != "", error="text is not empty"),
                    pa.Check.str_length(max_value=longest, error=f"text has at most {longest} characters"),
                    pa.Check(lambda text: ~text.str.contains(DAMAGE), error="text is free of encoding damage"),
                ],
            ),
            "label": pa.Column(str, pa.Check.isin(LABELS, error="label is known")),
            "valence": pa.Column(
                float, pa.Check.in_range(-VALENCE_LIMIT, VALENCE_LIMIT, error="valence lies in [-4, 4]")
            ),
            "raters": pa.Column(int, pa.Check.ge(1, error="at least one rater")),
            "deviation": pa.Column(float, pa.Check.in_range(0, VALENCE_LIMIT, error="deviation lies in [0, 4]")),
        },
        checks=pa.Check(agrees, error="label agrees with valence"),
        strict=True,
        ordered=True,
    )


def _belongs(ids: pd.Series) -> pd.Series:
    return ids.str.match(f"^({'|'.join(DOMAINS)})-.+")


def violations(tables: Tables, params: Params) -> list[Violation]:
    """Every broken rule of all tables, not just the first.

    Args:
        tables: split name to table with the columns of `corpus.SCHEMA`.
        params: gives the limits (`validate:`) and the label rule (`prepare.neutral_band`).
    """
    found = [violation for name in SPLITS for violation in _in_table(name, tables[name], params)]
    if any(not _ACROSS.issubset(table.columns) for table in tables.values()):
        return found  # the missing column is among what was found
    for check in (_shared, _sizes, _drifts):
        found.extend(check(tables, params))
    return found


def _in_table(name: str, table: pd.DataFrame, params: Params) -> Iterator[Violation]:
    try:
        contract(params).validate(table, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases
        # A check of the whole table comes back once a column; of these it is one violation.
        cases["column"] = cases["column"].where(cases["schema_context"] == "Column")
        for (column, check), group in cases.groupby(["column", "check"], dropna=False, sort=False):
            yield Violation(name, _rule(column, check, group), _ids(table, group["index"]))


def _rule(column: object, check: object, group: pd.DataFrame) -> str:
    """Pandera's names for its own checks, in words."""
    case = group["failure_case"].iloc[0]
    words = {
        "not_nullable": f"{column} is missing",
        "field_uniqueness": f"{column} is unique",
        "column_in_dataframe": f"column {case} is missing",
        "column_in_schema": f"column {case} is unknown",
        "column_ordered": f"column {case} is out of order",
    }
    if str(check).startswith("dtype("):
        return f"{column} has another type: {case}, not {str(check)[6:-1].strip(chr(39))}"
    return words.get(str(check), str(check))


def _ids(table: pd.DataFrame, index: pd.Series) -> tuple[str, ...]:
    positions = sorted({int(position) for position in index.dropna()})
    if "id" not in table.columns:
        return tuple(f"row {position}" for position in positions)
    return tuple(dict.fromkeys(str(table["id"].iloc[position]) for position in positions))


def _shared(tables: Tables, _: Params) -> Iterator[Violation]:
    """Nothing that stands in one split may stand in another: it would be learnt by heart, then tested."""
    rules: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
        "an id stands in one split": lambda table: table["id"],
        "a document stands in one split": lambda table: table["document"],
        "a normalised text stands in one split": lambda table: table["text"].map(lambda text: normalise(str(text))),
    }
    for rule, key_of in rules.items():
        keys = {name: key_of(table) for name, table in tables.items()}
        for position, first in enumerate(SPLITS):
            for second in SPLITS[position + 1 :]:
                twice = keys[second].isin(set(keys[first]))
                if twice.any():
                    ids = tuple(tables[second].loc[twice, "id"].astype(str))
                    yield Violation(f"{first}, {second}", rule, ids)


def _sizes(tables: Tables, params: Params) -> Iterator[Violation]:
    limits = params.validation
    for name, table in tables.items():
        wanted = getattr(limits.min_rows, name)
        if len(table) < wanted:
            yield Violation(name, f"at least {wanted} rows, not {len(table)}")
        for column, values, least in (
            ("domain", DOMAINS, limits.min_domain_rows),
            ("label", LABELS, limits.min_class_rows),
        ):
            counts = table[column].value_counts()
            for value in values:
                count = int(counts.get(value, 0))
                if count < least:
                    yield Violation(name, f"at least {least} rows with {column} {value}, not {count}")


def _drifts(tables: Tables, params: Params) -> Iterator[Violation]:
    limits = params.validation
    for column, limit in (("domain", limits.max_domain_drift), ("label", limits.max_class_drift)):
        for name, drifts in drift(tables, column).items():
            for value, distance in drifts.items():
                if distance > limit:
                    rule = f"the share of {column} {value} is within {limit} of its share in all data"
                    yield Violation(name, f"{rule}, not {distance:.3f} off")


def drift(tables: Tables, column: str) -> dict[str, dict[str, float]]:
    """By split and value of `column`: the distance of the value's share in the split from its share in all rows."""
    whole = pd.concat([table[column] for table in tables.values()]).value_counts(normalize=True)
    return {
        name: {
            str(value): float(abs(share - table[column].value_counts(normalize=True).get(value, 0.0)))
            for value, share in sorted(whole.items(), key=lambda item: str(item[0]))
        }
        for name, table in tables.items()
    }
