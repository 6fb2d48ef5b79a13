"""Tests of verdict/classifier/dataset/contracts.py: each rule, broken on purpose."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from verdict.classifier.dataset.contracts import Contracts, chance_limits
from verdict.classifier.dataset.description import Dataset, read_dataset
from verdict.classifier.dataset.preparation import prepare
from verdict.classifier.dataset.quality import Tables, Violation, drift
from verdict.classifier.dataset.splits import SPLITS
from verdict.classifier.params import Params


@pytest.fixture
def params(params: Params, raw_folder: Path) -> Params:
    """The params of a small table, with its path."""
    data = params.data.model_copy(update={"path": str(raw_folder / "sentences.csv")})
    return params.model_copy(update={"data": data})


@pytest.fixture
def prepared(params: Params, tmp_path: Path) -> Path:
    """The folder with what prepare makes of it."""
    prepare(params.data, params.split, tmp_path / "prepared", tmp_path / "violations.csv")
    return tmp_path / "prepared"


@pytest.fixture
def dataset(prepared: Path) -> Dataset:
    """What is known of it."""
    return read_dataset(prepared / "dataset.json")


@pytest.fixture
def tables(prepared: Path) -> Tables:
    """Its three tables."""
    return {name: pd.read_parquet(prepared / f"{name}.parquet") for name in SPLITS}


def violations(tables: Tables, params: Params, dataset: Dataset, rows: int = 1000) -> list[Violation]:
    """Every broken rule, the tables taken in parts of so many rows."""
    contracts = Contracts(params, dataset)
    for name, table in tables.items():
        for start in range(0, max(len(table), 1), rows):
            contracts.add(name, table.iloc[start : start + rows])
    return contracts.violations()


def put(column: str, value: str | float | None, row: int = 0) -> Callable[[Tables], None]:
    """Set one cell of the training table."""

    def change(tables: Tables) -> None:
        table = tables["train"].astype({column: object})
        table[column] = [value if number == row else old for number, old in enumerate(table[column])]
        tables["train"] = table.astype({column: "float64" if column == "rating" else "str"})

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


def test_valid_tables_have_no_violation(tables: Tables, params: Params, dataset: Dataset) -> None:
    """The tables that prepare writes keep every rule."""
    assert violations(tables, params, dataset) == []


BROKEN: dict[str, tuple[Callable[[Tables], None], str, str, bool]] = {
    "missing column": (replace(lambda t: t.drop(columns="rating")), "train", "column rating is missing", False),
    "unknown column": (replace(lambda t: t.assign(mood=1)), "train", "column mood is unknown", False),
    "order": (replace(lambda t: t[t.columns[::-1]]), "train", "out of order", False),
    "type": (replace(lambda t: t.assign(rating=1)), "train", "rating has another type", False),
    "null": (put("text", None), "train", "text", True),
    "unknown slice": (put("slice", "mars"), "train", "slice is known", True),
    "unknown label": (put("label", "mixed"), "train", "label is known", True),
    "empty id": (put("id", ""), "train", "id is not empty", True),
    "repeated id": (lambda t: put("id", str(t["train"]["id"].iloc[1]))(t), "train", "id is unique", True),
    "rating": (put("rating", 4.5), "train", "rating lies in [-4, 4]", True),
    "NaN rating": (put("rating", float("nan")), "train", "rating is missing", True),
    "empty text": (put("text", " "), "train", "text is not empty", True),
    "long text": (put("text", "a" * 2001), "train", "at most 2000 characters", True),
    "replaced character": (put("text", "a caf\ufffd"), "train", "free of encoding damage", True),
    "mojibake": (put("text", "a caf\u00c3\u00a9"), "train", "free of encoding damage", True),
    "control character": (put("text", "a\x07lamp"), "train", "free of encoding damage", True),
    "empty group": (put("group", ""), "train", "group is not empty", True),
    "id in two splits": (copy_to_test("id"), "train, test", "an id stands in one split", True),
    "group in two splits": (copy_to_test("group"), "train, test", "a group stands in one split", True),
    "text in two splits": (copy_to_test("text"), "train, test", "a normalised text stands in one split", True),
    "few rows": (replace(lambda t: t.head(50)), "train", "at least 100 rows, not 50", False),
    "no rows": (replace(lambda t: t.head(0)), "train", "at least 100 rows, not 0", False),
    "few of a slice": (replace(lambda t: t[t["slice"] != "news"]), "train", "rows with slice news, not 0", False),
    "few of a class": (replace(lambda t: t[t["label"] != "neutral"]), "train", "rows with label neutral, not 0", False),
    "drift of a slice": (replace(lambda t: t[t["slice"] == "news"]), "train", "share of slice news", False),
    "drift of a class": (
        replace(lambda t: t[t["label"] == "positive"]),
        "validation",
        "share of label positive",
        False,
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_is_named_with_its_table_and_rows(
    tables: Tables, params: Params, dataset: Dataset, name: str
) -> None:
    """Each rule, broken once, gives a violation of that table and rule, with the row's id where there is one."""
    change, table, rule, has_ids = BROKEN[name]
    change(tables)
    found = [
        violation
        for violation in violations(tables, params, dataset)
        if violation.table == table and rule in violation.rule
    ]
    assert found, [str(violation) for violation in violations(tables, params, dataset)]
    assert bool(found[0].ids) is has_ids


def test_a_label_against_its_rating_is_one_violation_with_its_row(
    tables: Tables, params: Params, dataset: Dataset
) -> None:
    """A relabelled row is reported once, by its id, and not once for each column."""
    wrong = {"positive": "negative", "negative": "positive", "neutral": "positive"}
    row_id = str(tables["train"]["id"].iloc[5])
    put("label", wrong[str(tables["train"]["label"].iloc[5])], row=5)(tables)
    assert violations(tables, params, dataset) == [Violation("train", "label agrees with rating", (row_id,))]


def test_all_violations_of_all_tables_are_listed_at_once(tables: Tables, params: Params, dataset: Dataset) -> None:
    """Three faults in two tables give three violations in one go."""
    put("rating", 9.0)(tables)
    put("text", "a caf\ufffd", row=1)(tables)
    copy_to_test("group")(tables)
    assert {(violation.table, violation.rule) for violation in violations(tables, params, dataset)} == {
        ("train", "rating lies in [-4, 4]"),
        ("train", "text is free of encoding damage"),
        ("train, test", "a group stands in one split"),
    }


def test_drift_is_the_distance_of_shares() -> None:
    """A class that makes up all of one split and none of the other is off by its share in the whole."""
    tables = {"train": pd.DataFrame({"label": ["positive"] * 3}), "test": pd.DataFrame({"label": ["negative"]})}
    assert drift(tables, "label") == {
        "train": {"negative": 0.25, "positive": 0.25},
        "test": {"negative": 0.75, "positive": 0.75},
    }


@pytest.mark.parametrize("column", ["label", "slice"])
def test_a_label_of_another_type_is_a_violation(tables: Tables, params: Params, dataset: Dataset, column: str) -> None:
    """Numbers where one table should have names come back as violations, with whatever else is wrong."""
    tables["train"][column] = pd.Series(1, index=tables["train"].index)
    found = violations(tables, params, dataset)
    assert any(one.table == "train" and one.rule.startswith(f"{column} has another type") for one in found)


def test_parts_do_not_show(tables: Tables, params: Params, dataset: Dataset) -> None:
    """Taken in parts of seven rows the tables have the same violations, each told once, with all its ids."""
    tables["train"].loc[tables["train"].index[[0, 200]], "text"] = " "
    copy_to_test("group")(tables)
    assert violations(tables, params, dataset, rows=7) == violations(tables, params, dataset)


def test_words_may_stand_in_two_splits_where_duplicates_are_kept(
    tables: Tables, params: Params, dataset: Dataset
) -> None:
    """With data.duplicates: keep the same text in two splits is what was asked for."""
    copy_to_test("text")(tables)
    kept = params.model_copy(update={"data": params.data.model_copy(update={"duplicates": "keep"})})
    assert violations(tables, params, dataset)
    assert violations(tables, kept, dataset) == []


def without_limits(params: Params, by: str) -> Params:
    """The params without limits of a drift, split in some way."""
    limits = params.validation.model_copy(update={"max_class_drift": None, "max_slice_drift": None})
    return params.model_copy(update={"validation": limits, "split": params.split.model_copy(update={"by": by})})


def test_without_a_limit_a_share_may_drift_as_chance_does(tables: Tables, params: Params, dataset: Dataset) -> None:
    """Splits by hash pass without limits, a class that is gone from a split does not; by date there is no limit."""
    assert violations(tables, without_limits(params, "group"), dataset) == []
    replace(lambda table: table[table["label"] != "negative"])(tables)
    found = [one.rule for one in violations(tables, without_limits(params, "group"), dataset)]
    assert any("the share of label negative" in rule for rule in found)
    assert not any("share of" in one.rule for one in violations(tables, without_limits(params, "date"), dataset))


def drawn(size: int, seed: int) -> Tables:
    """30,000 rows whose groups of `size` rows of one label were put into splits by chance."""
    generator = np.random.default_rng(seed)
    groups = 30_000 // size
    labels, splits = generator.integers(0, 2, groups), generator.choice(SPLITS, groups, p=[0.7, 0.1, 0.2])
    table = pd.DataFrame({"group": np.arange(groups, dtype=np.uint64), "split": splits, "label": labels})
    table = table.loc[table.index.repeat(size)].astype({"label": "category"})
    return {name: table[table["split"] == name] for name in SPLITS}


@pytest.mark.parametrize("size", [1, 100])
def test_the_limit_by_chance_counts_groups_and_not_rows(size: int) -> None:
    """Of 40 draws none goes beyond it; with groups of 100 alike rows it is wide, else .05."""
    beyond = 0
    for seed in range(40):
        tables = drawn(size, seed)
        allowed, drifts = chance_limits(tables, "label"), drift(tables, "label")
        beyond += any(drifts[name][value] > allowed[name][value] for name in SPLITS for value in "01")
    assert beyond == 0
    widest = max(value for limits in allowed.values() for value in limits.values())
    assert widest == 0.05 if size == 1 else 0.2 < widest < 0.5


def test_a_table_of_texts_and_labels_alone_has_a_contract(tables: Tables, params: Params, dataset: Dataset) -> None:
    """Without slices and ratings their columns are unknown, and without them the tables are valid."""
    data = params.data.model_copy(update={"rating": None, "slice": None, "label": "label"})
    plain = dataset.model_copy(update={"slice": None, "slices": (), "rating": None})
    bare = params.model_copy(update={"data": data})
    assert {"column slice is unknown", "column rating is unknown"} <= {v.rule for v in violations(tables, bare, plain)}
    stripped = {name: table.drop(columns=["slice", "rating"]) for name, table in tables.items()}
    assert violations(stripped, bare, plain) == []
    weighed = bare.model_copy(update={"data": data.model_copy(update={"weight": "w"})})
    stripped = {name: table.assign(weight=1.0) for name, table in stripped.items()}
    assert violations(stripped, weighed, plain) == []
    stripped["test"].loc[stripped["test"].index[0], "weight"] = -1.0
    assert [one.rule for one in violations(stripped, weighed, plain)] == ["weight is not negative"]
