"""Tests of verdict/classifier/dataset/contracts.py: each rule, broken on purpose."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from verdict.classifier.dataset.vader import DOMAINS, read_domain

from verdict.classifier.dataset.contracts import Tables, Violation, drift, violations
from verdict.classifier.dataset.splits import rows, split
from verdict.classifier.params import Params


@pytest.fixture
def tables(raw_folder: Path, params: Params) -> Tables:
    """The three tables of the small corpus."""
    dropped: Counter[tuple[str, str]] = Counter()
    sentences = [sentence for domain in DOMAINS for sentence in read_domain(raw_folder, domain, dropped)]
    found = split(rows(sentences, params.prepare.neutral_band, dropped), params.prepare)
    return {name: table.to_pandas() for name, table in found.items()}


def put(column: str, value: str | float | None, row: int = 0) -> Callable[[Tables], None]:
    """Set one cell of the training table."""

    def change(tables: Tables) -> None:
        table = tables["train"].astype({column: object})
        table[column] = [value if number == row else old for number, old in enumerate(table[column])]
        kind = {"raters": "int64", "valence": "float64", "deviation": "float64"}.get(column, "str")
        tables["train"] = table.astype({column: kind})

    return change


def copy_to_test(column: str) -> Callable[[Tables], None]:
    """Give the first test row the value of a training row."""

    def change(tables: Tables) -> None:
        tables["test"].loc[tables["test"].index[0], column] = str(tables["train"][column].iloc[0])

    return change


def replace(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Tables], None]:
    """Exchange the training table."""

    def changed(tables: Tables) -> None:
        tables["train"] = change(tables["train"])

    return changed


def test_valid_tables_have_no_violation(tables: Tables, params: Params) -> None:
    """The tables that prepare writes keep every rule."""
    assert violations(tables, params) == []


BROKEN: dict[str, tuple[Callable[[Tables], None], str, str, bool]] = {
    "missing column": (replace(lambda t: t.drop(columns="raters")), "train", "column raters is missing", False),
    "unknown column": (replace(lambda t: t.assign(mood=1)), "train", "column mood is unknown", False),
    "order": (replace(lambda t: t[t.columns[::-1]]), "train", "out of order", False),
    "type": (replace(lambda t: t.assign(raters=t["raters"].astype(float))), "train", "raters has another type", False),
    "null": (put("text", None), "train", "text", True),
    "unknown domain": (put("domain", "mars"), "train", "domain is known", True),
    "unknown label": (put("label", "mixed"), "train", "label is known", True),
    "foreign id": (put("id", "mars-1"), "train", "id begins with its domain", True),
    "repeated id": (lambda t: put("id", str(t["train"]["id"].iloc[1]))(t), "train", "id is unique", True),
    "valence": (put("valence", 4.5), "train", "valence lies in [-4, 4]", True),
    "NaN valence": (put("valence", float("nan")), "train", "valence is missing", True),
    "deviation": (put("deviation", -1.0), "train", "deviation lies in [0, 4]", True),
    "raters": (put("raters", 0), "train", "at least one rater", True),
    "empty text": (put("text", " "), "train", "text is not empty", True),
    "long text": (put("text", "a" * 2001), "train", "at most 2000 characters", True),
    "replaced character": (put("text", "a caf\ufffd"), "train", "free of encoding damage", True),
    "mojibake": (put("text", "a caf\u00c3\u00a9"), "train", "free of encoding damage", True),
    "control character": (put("text", "a\x07lamp"), "train", "free of encoding damage", True),
    "empty document": (put("document", ""), "train", "document is not empty", True),
    "id in two splits": (copy_to_test("id"), "train, test", "an id stands in one split", True),
    "document in two splits": (copy_to_test("document"), "train, test", "a document stands in one split", True),
    "text in two splits": (copy_to_test("text"), "train, test", "a normalised text stands in one split", True),
    "few rows": (replace(lambda t: t.head(50)), "train", "at least 100 rows, not 50", False),
    "few of a domain": (replace(lambda t: t[t["domain"] != "news"]), "train", "rows with domain news, not 0", False),
    "few of a class": (replace(lambda t: t[t["label"] != "neutral"]), "train", "rows with label neutral, not 0", False),
    "drift of a domain": (replace(lambda t: t[t["domain"] == "news"]), "train", "share of domain news", False),
    "drift of a class": (
        replace(lambda t: t[t["label"] == "positive"]),
        "validation",
        "share of label positive",
        False,
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_is_named_with_its_table_and_rows(tables: Tables, params: Params, name: str) -> None:
    """Each rule, broken once, gives a violation of that table and rule, with the row's id where there is one."""
    change, table, rule, has_ids = BROKEN[name]
    change(tables)
    found = [
        violation for violation in violations(tables, params) if violation.table == table and rule in violation.rule
    ]
    assert found, [str(violation) for violation in violations(tables, params)]
    assert bool(found[0].ids) is has_ids


def test_a_label_against_its_valence_is_one_violation_with_its_row(tables: Tables, params: Params) -> None:
    """A relabelled row is reported once, by its id, and not once for each column."""
    wrong = {"positive": "negative", "negative": "positive", "neutral": "positive"}
    row_id = str(tables["train"]["id"].iloc[5])
    put("label", wrong[str(tables["train"]["label"].iloc[5])], row=5)(tables)
    assert violations(tables, params) == [Violation("train", "label agrees with valence", (row_id,))]


def test_all_violations_of_all_tables_are_listed_at_once(tables: Tables, params: Params) -> None:
    """Three faults in two tables give three violations in one go."""
    put("raters", 0)(tables)
    put("text", "a caf\ufffd", row=1)(tables)
    copy_to_test("document")(tables)
    assert {(violation.table, violation.rule) for violation in violations(tables, params)} == {
        ("train", "at least one rater"),
        ("train", "text is free of encoding damage"),
        ("train, test", "a document stands in one split"),
    }


def test_drift_is_the_distance_of_shares() -> None:
    """A class that makes up all of one split and none of the other is off by its share in the whole."""
    tables = {"train": pd.DataFrame({"label": ["positive"] * 3}), "test": pd.DataFrame({"label": ["negative"]})}
    assert drift(tables, "label") == {
        "train": {"negative": 0.25, "positive": 0.25},
        "test": {"negative": 0.75, "positive": 0.75},
    }


@pytest.mark.parametrize("column", ["label", "domain"])
def test_a_label_of_another_type_is_a_violation(tables: Tables, params: Params, column: str) -> None:
    """Numbers where one table should have names come back as violations, with whatever else is wrong."""
    tables["train"][column] = pd.Series(1, index=tables["train"].index)
    found = violations(tables, params)
    assert any(one.table == "train" and one.rule.startswith(f"{column} has another type") for one in found)
