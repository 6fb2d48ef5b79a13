"""Tests of verdict/classifier/dataset: from a table to prepared rows, on made-up tables of a few rows."""

import csv
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.corpus import mails, write_csv
from verdict.base.errors import VerdictError
from verdict.base.files import read_json
from verdict.classifier.dataset import formats, preparation
from verdict.classifier.dataset.description import read_dataset
from verdict.classifier.dataset.duplicates import dense_ranks, has_several, occurrence_numbers, repeated_rows
from verdict.classifier.dataset.ratings import label_of, typical
from verdict.classifier.dataset.splits import SPLITS, normalise, split_of, splits_by_date
from verdict.classifier.params.data import Data, Rating, Split

Made = Sequence[Mapping[str, object]]
OUTS = ["dataset.json", "dropped.json", "test.parquet", "train.parquet", "validation.parquet"]


class Prepared:
    """A table made of rows, prepared in a folder of the test's own."""

    def __init__(self, folder: Path, made: Made, split: Mapping[str, Any] | None = None, **data: object) -> None:
        self.folder, self.details = folder / "prepared", folder / "violations.csv"
        write_csv(folder / "table.csv", made)
        self.data = Data.model_validate({"path": str(folder / "table.csv"), "text": "text", "label": "label"} | data)
        self.split = Split.model_validate(split or {"test": 0.3, "validation": 0.3})

    def run(self) -> pd.DataFrame:
        """The rows of all splits, with a column that says which, in the table's order of ids."""
        preparation.prepare(self.data, self.split, self.folder, self.details)
        assert sorted(path.name for path in self.folder.iterdir()) == OUTS
        parts = [pd.read_parquet(self.folder / f"{name}.parquet").assign(split=name) for name in SPLITS]
        return pd.concat(parts, ignore_index=True)

    def dropped(self) -> Any:  # noqa: ANN401 - JSON
        """What dropped.json says was dropped."""
        return read_json(self.folder / "dropped.json", "")["dropped"]

    def refused(self) -> str:
        """The message with which the table is refused; nothing is left behind."""
        with pytest.raises(VerdictError) as caught:
            self.run()
        assert not list(self.folder.glob("*"))
        assert not list(self.folder.glob(".*"))
        return str(caught.value)


def filled(*rows: Mapping[str, object], size: int = 60) -> list[dict[str, object]]:
    """Rows, and behind them enough others with the same columns that each split has some."""
    blank = dict.fromkeys(("id", "text", "label", *(key for row in rows for key in row)), "")
    fill: list[dict[str, object]] = [
        {**blank, "id": f"f{n}", "text": f"lamp number {n}", "label": "xy"[n % 2]} for n in range(size)
    ]
    return [{**blank, **row} for row in rows] + fill


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("Yay.", "YAY!!!", True),
        (":)", ":(", False),
        ("good", "goods", False),
        ("ﬁne", "fine", True),
        (" :) ", ":)", True),
    ],
)
def test_normalise_keeps_words_and_lone_emoticons_apart(left: str, right: str, same: bool) -> None:
    """Case and punctuation do not tell texts apart, except where there is nothing else."""
    assert (normalise(left) == normalise(right)) is same


@pytest.mark.parametrize(("rating", "label"), [(3.5, "mid"), (2.5, "mid"), (3.51, "high"), (2.49, "low"), (3.0, "mid")])
def test_the_band_around_the_middle_includes_its_ends(rating: float, label: str) -> None:
    """Exactly the band away from the middle is the class between."""
    assert label_of(rating, 3.0, 0.5, ("low", "mid", "high")) == label


@pytest.mark.parametrize(("rating", "label"), [(3.0, "low"), (3.01, "high"), (2.99, "low")])
def test_of_two_classes_the_middle_belongs_to_the_first(rating: float, label: str) -> None:
    """Without a band each rating is below or above the middle, which itself counts as below."""
    assert label_of(rating, 3.0, 0.0, ("low", "high")) == label


@pytest.mark.parametrize("labels", [("low", "high"), ("low", "mid", "high")])
def test_a_class_by_its_name_has_the_middle_of_its_ratings(labels: tuple[str, ...]) -> None:
    """What `typical` gives a class is a rating of that class, by the rule that finds classes."""
    rating = Rating(column="stars", limits=(1, 5), neutral_band=0.5 if len(labels) == 3 else 0)
    given = typical(rating, labels)
    assert {name: label_of(value, 3.0, rating.neutral_band, labels) for name, value in given.items()} == {
        name: name for name in labels
    }
    assert given["low"] == (1.75 if len(labels) == 3 else 2.0)


def test_a_row_may_name_its_class_in_the_place_of_a_rating(tmp_path: Path) -> None:
    """Where labels come from a rating, a cell with a label's name is that class; another word is refused by name."""
    rating = {"column": "stars", "limits": [1, 5], "neutral_band": 0.5}
    made = [{**row, "stars": 1 + 4 * (n % 2)} for n, row in enumerate(filled())]
    keys: dict[str, Any] = {"label": None, "rating": rating, "labels": ["low", "mid", "high"]}
    made[0] |= {"stars": "mid", "text": "a class by its name"}
    rows = Prepared(tmp_path, made, **keys).run().set_index("text")
    assert (rows.loc["a class by its name", "label"], rows.loc["a class by its name", "rating"]) == ("mid", 3.0)
    made[0] |= {"stars": "fine"}
    refused = Prepared(tmp_path / "again", made, **keys).refused()
    assert "no number from 1 to 5" in refused
    assert '"fine"' in refused


def test_three_keys_suffice(tmp_path: Path) -> None:
    """path, text and label alone give splits with ids that do not move, each row a group of its own, labels sorted."""
    made = Prepared(tmp_path, filled({"text": "one", "label": "x"}))
    rows = made.run()
    assert list(rows.columns) == ["id", "group", "text", "label", "split"]
    assert (rows["id"] == rows["group"]).all()
    assert rows["id"].is_unique
    dataset = read_dataset(made.folder / "dataset.json")
    assert (dataset.labels, dataset.slice, dataset.slices, dataset.rating) == (("x", "y"), None, (), None)
    again = Prepared(tmp_path / "again", filled({"text": "one", "label": "x"})[::-1]).run()
    assert set(zip(rows["id"], rows["split"], strict=True)) == set(zip(again["id"], again["split"], strict=True))


def test_several_text_columns_are_one_text(tmp_path: Path) -> None:
    """The columns are joined by the separator in the order of data.text, and dataset.json says so."""
    made = Prepared(tmp_path, mails(), text=["subject", "body"], separator=": ", positive="ham")
    rows = made.run()
    assert rows["text"].str.match(r"letter \d+: ").all()
    dataset = read_dataset(made.folder / "dataset.json")
    assert dataset.text.columns == ("subject", "body")
    assert dataset.labels == ("spam", "ham")
    assert dataset.text.join({"body": "b", "subject": "a"}) == "a: b"


def test_a_separator_alone_is_no_text(tmp_path: Path) -> None:
    """A row whose text columns are all empty is dropped, whatever stands between them."""
    made = Prepared(
        tmp_path, [*mails(), {"subject": " ", "body": "", "label": "ham"}], text=["subject", "body"], separator=": "
    )
    assert len(made.run()) == 300
    assert made.dropped() == {"overall": {"no text": 1}}


def test_every_column_has_its_place(tmp_path: Path) -> None:
    """Ids, groups, slices of two columns, ratings and weights are those of the table."""
    row = {"key": "k", "text": "odd", "score": 4.5, "thread": "t", "year": 2020, "place": "Rome", "count": 2}
    others = [{**row, "key": f"k{n}", "text": f"lamp {n}", "score": n % 6, "thread": f"t{n}"} for n in range(60)]
    made = Prepared(
        tmp_path,
        [row, *others],
        label=None,
        labels=["low", "mid", "high"],
        rating={"column": "score", "limits": [0, 5], "neutral_band": 0.5},
        id="key",
        group="thread",
        slice=["year", "place"],
        weight="count",
    )
    found = made.run().set_index("id").loc["k"].drop("split").to_dict()
    assert found == {"group": "t", "slice": "2020 / Rome", "text": "odd", "label": "high", "rating": 4.5, "weight": 2.0}
    dataset = read_dataset(made.folder / "dataset.json")
    assert (dataset.slice, dataset.slices) == ("year / place", ("2020 / Rome",))
    assert dataset.rating is not None
    assert (dataset.rating.low, dataset.rating.high) == (0.0, 5.0)


def test_labels_that_are_numbers_are_sorted_as_numbers(tmp_path: Path) -> None:
    """1 and 1.0 are one class, and 10 comes after 9."""
    made = [{"text": f"lamp {n}", "label": ("1", "1.0", "9", "10")[n % 4]} for n in range(80)]
    found = Prepared(tmp_path, made)
    assert set(found.run()["label"]) == {"1", "9", "10"}
    assert read_dataset(found.folder / "dataset.json").labels == ("1", "9", "10")


def test_labels_may_be_named_as_the_table_writes_them(tmp_path: Path) -> None:
    """A list of labels with "1.0" means what the cells with 1.0 are: 1, and 1.10 is another."""
    made = [{"text": f"lamp {n}", "label": ("1.0", "1.10", "2.0")[n % 3]} for n in range(80)]
    found = Prepared(tmp_path, made, labels=["2.0", "1.10", "1.0"])
    found.run()
    assert read_dataset(found.folder / "dataset.json").labels == ("2", "1.10", "1")


def two(left: Mapping[str, object], right: Mapping[str, object], **data: object) -> tuple[Made, dict[str, Any]]:
    """Two rows that may be the same, among others, and what data says of the columns that they have."""
    names = {name: name for name in ("id", "group", "slice") if name in left}
    return filled(left, right), {**names, **data}


SAME: dict[str, tuple[tuple[Made, dict[str, Any]], list[tuple[str, str]], dict[str, int]]] = {
    "one text twice": (
        two({"id": "a", "text": "salt &amp; pepper", "label": "x"}, {"id": "b", "text": "salt & pepper", "label": "x"}),
        [("a", "a")],
        {"text seen before": 1},
    ),
    "variants alone": (
        two({"id": "a", "text": "Yay.", "label": "x"}, {"id": "b", "text": "YAY!!!", "label": "x"}),
        [("a", "a"), ("b", "a")],
        {},
    ),
    "variants in two groups": (
        two(
            {"id": "a", "text": "Works well.", "label": "x", "group": "g"},
            {"id": "b", "text": "works well", "label": "x", "group": "h"},
        ),
        [("a", "g")],
        {"words seen in another group": 1},
    ),
    "variants in one group": (
        two(
            {"id": "a", "text": "Works well.", "label": "x", "group": "g"},
            {"id": "b", "text": "works well", "label": "x", "group": "g"},
        ),
        [("a", "g"), ("b", "g")],
        {},
    ),
    "alone beside a group": (
        two(
            {"id": "a", "text": "Works well.", "label": "x", "group": "g"},
            {"id": "b", "text": "works well", "label": "x", "group": ""},
        ),
        [("a", "g")],
        {"words seen in another group": 1},
    ),
    "kept": (
        two({"id": "a", "text": "same", "label": "x"}, {"id": "b", "text": "same", "label": "x"}, duplicates="keep"),
        [("a", "a"), ("b", "a")],
        {},
    ),
    "white space kept": (
        two({"id": "a", "text": "a\tb", "label": "x"}, {"id": "b", "text": "a b", "label": "x"}, clean=[]),
        [("a", "a"), ("b", "a")],
        {},
    ),
    "conflict, the first": (
        two({"id": "a", "text": "same", "label": "x"}, {"id": "b", "text": "same", "label": "y"}, conflicts="first"),
        [("a", "a")],
        {"text seen before": 1},
    ),
    "conflict, none": (
        two({"id": "a", "text": "same", "label": "x"}, {"id": "b", "text": "Same!", "label": "y"}, conflicts="drop"),
        [],
        {"words under two labels": 2},
    ),
    "no text": (
        two({"id": "a", "text": "&nbsp;", "label": "x"}, {"id": "b", "text": "", "label": "y"}),
        [],
        {"no text": 2},
    ),
    "damage": (
        two({"id": "a", "text": "a caf\ufffd", "label": "x"}, {"id": "b", "text": "b", "label": "y"}, damaged="drop"),
        [("b", "b")],
        {"damaged text": 1},
    ),
    "length": (
        two(
            {"id": "a", "text": "a" * 21, "label": "x"},
            {"id": "b", "text": "b" * 20, "label": "y"},
            max_text_length=20,
            too_long="drop",
        ),
        [("b", "b")],
        {"too long": 1},
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_rows_are_kept_grouped_or_dropped_and_counted(tmp_path: Path, name: str) -> None:
    """Each rule on duplicates, conflicts, damage and length keeps these rows in these groups, and counts the others."""
    (rows, data), expected, reasons = SAME[name]
    made = Prepared(tmp_path, rows, **data)
    found = made.run()
    mine = found[found["id"].isin(["a", "b"])].sort_values("id")
    assert list(zip(mine["id"], mine["group"], strict=True)) == expected
    assert made.dropped() == {"overall": reasons}


def test_variants_of_two_slices_are_duplicates_and_counted_by_slice(tmp_path: Path) -> None:
    """Rows alone in two slices do not become a group that spans them: the later one is dropped, and counted."""
    rows = [{"text": "Yay.", "label": "x", "kind": "p"}, {"text": "yay", "label": "x", "kind": "q"}]
    fill = [{"text": f"lamp {n}", "label": "xy"[n % 2], "kind": "pq"[n % 3 % 2]} for n in range(60)]
    made = Prepared(tmp_path, rows + fill, slice="kind")
    assert len(made.run()) == 61
    assert made.dropped() == {"p": {}, "q": {"words seen in another group": 1}}


def test_a_text_that_is_too_long_is_cut_and_counted(tmp_path: Path) -> None:
    """By default what is longer than data.max_text_length is cut, as a prediction cuts it."""
    made = Prepared(tmp_path, filled({"id": "a", "text": "b" * 40, "label": "x"}), id="id", max_text_length=20)
    assert made.run().set_index("id").loc["a", "text"] == "b" * 20
    assert read_json(made.folder / "dropped.json", "")["cut"] == {"overall": 1}


def test_kept_duplicates_get_ids_of_their_own(tmp_path: Path) -> None:
    """Of rows that are kept and the same in everything the ids are numbered."""
    made = Prepared(tmp_path, filled(*[{"text": "same", "label": "x"}] * 3), duplicates="keep")
    same = made.run().query("text == 'same'")
    first = same["id"].iloc[0]
    assert list(same["id"]) == [first, f"{first}-2", f"{first}-3"]
    assert set(same["group"]) == {first}


def test_conflicts_stop_the_run_and_are_listed(tmp_path: Path) -> None:
    """The same words under two labels are listed with place and label, those that belong together side by side."""
    rows = filled(
        {"id": "a", "text": "same", "label": "x"},
        {"id": "b", "text": "Other", "label": "x"},
        {"id": "c", "text": "Same!", "label": "y"},
        {"id": "d", "text": "other", "label": "y"},
    )
    made = Prepared(tmp_path, rows, id="id")
    message = made.refused()
    assert "data.conflicts: 4 rows have words that stand under another label" in message
    assert str(made.details) in message
    with made.details.open(encoding="utf-8", newline="") as file:
        listed = list(csv.DictReader(file))
    assert sorted(tuple(row["id"] for row in listed[at : at + 2]) for at in (0, 2)) == [("a", "c"), ("b", "d")]
    assert {row["rule"][-1] for row in listed} == {"x", "y"}
    assert listed[0]["table"].startswith(f"{tmp_path}/table.csv, line ")


def test_the_same_words_twice_in_a_group_are_no_conflict(tmp_path: Path) -> None:
    """Within a group a variant may have another label, since nothing can leak; the very same text may not."""
    rows = [{"text": "fine", "label": "x", "group": "g"}, {"text": "Fine!", "label": "y", "group": "g"}]
    assert len(Prepared(tmp_path, filled(*rows), group="group").run()) == 62
    rows[1]["text"] = "fine"
    assert "data.conflicts: 2 rows" in Prepared(tmp_path / "b", filled(*rows), group="group").refused()


def test_batches_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read in parts of seven rows the result is the same, also where a row's group begins in an earlier part."""
    rows = [{"id": f"r{n}", "text": f"word {n % 40}" + "!" * n, "label": "xy"[n % 40 % 2]} for n in range(120)]
    whole = Prepared(tmp_path / "a", rows, id="id").run()
    monkeypatch.setattr(formats, "ROWS", 7)
    parts = Prepared(tmp_path / "b", rows, id="id").run()
    pd.testing.assert_frame_equal(whole, parts)
    assert whole["group"].nunique() == 40


def test_the_shares_of_the_splits_are_those_of_the_params() -> None:
    """Of 10,000 groups each split gets its share to within 1.5 points; another salt is another split."""
    split = Split()
    found = [split_of(f"g{number}", split) for number in range(10_000)]
    assert Counter(found)["test"] / 10_000 == pytest.approx(split.test, abs=0.015)
    assert Counter(found)["validation"] / 10_000 == pytest.approx(split.validation, abs=0.015)
    other = split.model_copy(update={"salt": "other"})
    assert found[:100] != [split_of(f"g{number}", other) for number in range(100)]


def test_a_group_keeps_its_split_when_rows_are_added(tmp_path: Path) -> None:
    """Rows before and after it do not move a row to another split."""
    few = filled({"id": "a", "text": "one", "label": "x"})
    more = [{"id": f"m{n}", "text": f"boat {n}", "label": "xy"[n % 2]} for n in range(50)]
    before = Prepared(tmp_path / "a", few, id="id").run().set_index("id")["split"]
    after = Prepared(tmp_path / "b", [*more, *few], id="id").run().set_index("id")["split"]
    assert before.to_dict() == after[before.index].to_dict()


def test_the_newest_groups_are_tested_on(tmp_path: Path) -> None:
    """By date the test holds the newest rows, a group goes with its newest row, and the shares are about met."""
    rows = [{"id": n, "text": f"lamp {n}", "label": "xy"[n % 2], "sent": f"2020-01-{n + 1:02}"} for n in range(30)]
    rows = [{**row, "group": "g" if row["id"] in (0, 29) else ""} for row in rows]
    made = Prepared(
        tmp_path, rows[::-1], {"by": "date", "test": 0.2, "validation": 0.1}, date="sent", id="id", group="group"
    )
    found = made.run()
    ids = {name: set(found.loc[found["split"] == name, "id"].astype(int)) for name in SPLITS}
    assert ids["test"] == {0, 25, 26, 27, 28, 29}
    assert ids["validation"] == {22, 23, 24}
    assert len(ids["train"]) == 21


def test_rows_of_one_date_stay_together() -> None:
    """A day that lies across the border goes to the side that is nearer to the shares."""
    days = np.array([1, 1, 1, 2, 2, 2, 2, 3, 3, 4])
    found = splits_by_date(np.arange(10, dtype=np.int32), days, Split(test=0.2, validation=0.2))
    assert [SPLITS[place] for place in found] == ["train"] * 7 + ["validation"] * 2 + ["test"]


def test_dates_of_another_form_are_read_with_it(tmp_path: Path) -> None:
    """data.date_format reads what is no ISO 8601."""
    rows = [{"text": f"lamp {n}", "label": "xy"[n % 2], "sent": f"{n % 28 + 1}.2.2020"} for n in range(60)]
    made = Prepared(tmp_path, rows, {"by": "date"}, date="sent", date_format="%d.%m.%Y")
    assert len(made.run()) == 60


def test_dates_of_several_time_zones_are_compared_as_moments(tmp_path: Path) -> None:
    """Of 01:30+02:00 and 00:30Z on one day the second is the newer one."""
    rows = table(
        10,
        key=lambda n: n,
        sent=lambda n: "2020-01-01" if n < 8 else ["2020-02-01T01:30+02:00", "2020-02-01T00:30Z"][n % 2],
    )
    made = Prepared(tmp_path, rows, {"by": "date", "test": 0.1, "validation": 0.1}, date="sent", id="key")
    assert made.run().set_index("id")["split"].loc[["7", "8", "9"]].tolist() == ["train", "validation", "test"]


def test_a_column_says_the_split(tmp_path: Path) -> None:
    """With split.by: column each row is where its column says; words in two splits are dropped as duplicates."""
    rows = [{"id": n, "text": f"lamp {n}", "label": "xy"[n // 3 % 2], "part": SPLITS[n % 3]} for n in range(60)]
    rows.append({"id": 60, "text": "Lamp 0!", "label": "x", "part": "test"})
    made = Prepared(tmp_path, rows, {"by": "column", "column": "part"}, id="id")
    found = made.run()
    assert found["split"].tolist() == [SPLITS[int(key) % 3] for key in found["id"]]
    assert made.dropped() == {"overall": {"words seen in another group": 1}}


def table(size: int = 60, **columns: object) -> list[dict[str, object]]:
    """Rows with a text and a label, and further columns: a value, or a function of the row's number."""
    base: dict[str, object] = {"text": lambda n: f"lamp {n}", "label": lambda n: "xy"[n % 2], **columns}
    return [{name: value(n) if callable(value) else value for name, value in base.items()} for n in range(size)]


BAD: dict[str, tuple[Made, dict[str, Any], str]] = {
    "unknown label": (
        table(label=lambda n: ["ham", "spam", "Spam"][n % 3 if n > 9 else 0]),
        {"labels": ["ham", "spam"]},
        'data.labels: "Spam" in 17 rows (first: {path}, line 13) is none of ham, spam; add it or correct them',
    ),
    "no label": (
        table(label=lambda n: "x" if n % 20 else ""),
        {},
        "data.label: no value in 3 rows (first: {path}, line 2)",
    ),
    "a label that no row has": (table(), {"labels": ["x", "y", "z"]}, 'data.labels: no row is "z"'),
    "one label": (table(label="x"), {}, 'data.label: all rows have the label "x": nothing to tell apart'),
    "labels that are ids": (
        table(label=lambda n: n),
        {},
        'data.label: "label" has 60 values, 60 of them once: a number',
    ),
    "5,000 labels": (
        table(5200, label=lambda n: max(0, n - 200)),
        {},
        '"label" has 5,000 values, 4,999 of them once: a number or an id? (this is a classifier)',
    ),
    "positive of three": (
        table(label=lambda n: "xyz"[n % 3]),
        {"positive": "x"},
        'data.positive: "x" must be one of two labels; the rows have "x", "y", "z"',
    ),
    "ids twice": (
        table(key=lambda n: n % 48),
        {"id": "key"},
        'data.id: 12 rows have an id that stands before them, first "0" ({path}, line 50)',
    ),
    "no id": (table(key=lambda n: n or " "), {"id": "key"}, "data.id: no value in 1 row (first: {path}, line 2)"),
    "one group": (
        table(thread=lambda n: "a" if n else "b"),
        {"group": "thread"},
        "data.group: 98% of rows share one thread: nothing to split",
    ),
    "texts that are mostly empty": (
        table(text=lambda n: "" if n > 20 else f"lamp {n}"),
        {},
        "39 of 60 rows have no text",
    ),
    "no text at all": (table(text=""), {}, "data.text: 60 of 60 rows have no text"),
    "damage": (
        table(text=lambda n: f"lamp {n} caf\u00c3\u00a9" if n == 3 else f"lamp {n}"),
        {},
        'data.text: signs of a wrong encoding, such as "Ã©", in 1 row (first: {path}, line 5); data.damaged: drop',
    ),
    "too long": (
        table(text=lambda n: "lamp " * n + str(n)),
        {"too_long": "stop", "max_text_length": 290},
        "data.max_text_length: a text of more than 290 characters in 2 rows (first: {path}, line 60)",
    ),
    "no rating": (
        table(score=lambda n: ["1", "5", "", "dear", "nan", "9", "inf"][n % 7]),
        {"label": None, "labels": ["low", "high"], "rating": {"column": "score", "limits": [1, 5]}},
        'no number from 1 to 5 in 33 rows (first: {path}, line 5: "dear")',
    ),
    "negative weight": (
        table(count=lambda n: 1 - (n == 4) * 2),
        {"weight": "count"},
        'data.weight: no number from 0 on in 1 row (first: {path}, line 6: "-1")',
    ),
    "weight that is no number": (
        table(count="many"),
        {"weight": "count"},
        "data.weight: no number from 0 on in 60 rows",
    ),
    "slice overall": (
        table(kind=lambda n: ["overall", "web"][n % 2]),
        {"slice": "kind"},
        'data.slice: "overall" in 30 rows',
    ),
    "no slice": (table(kind=lambda n: ["", "web"][n % 2]), {"slice": "kind"}, "data.slice: no value in 30 rows"),
    "slices that are ids": (table(300, kind=lambda n: n), {"slice": "kind"}, 'data.slice: "kind" has 300 values'),
    "no date": (
        table(sent=lambda n: "" if n < 14 else "2020-01-01"),
        {"date": "sent", "split": {"by": "date"}},
        "data.date: no date in 14 rows (first: {path}, line 2)",
    ),
    "dates of another form": (
        table(sent="1.2.2020"),
        {"date": "sent", "split": {"by": "date"}},
        'data.date: no date in ISO8601 in 60 rows (first: {path}, line 2: "1.2.2020"); see data.date_format',
    ),
    "one date": (
        table(sent="2020-01-01"),
        {"date": "sent", "split": {"by": "date"}},
        "split: no row is left for validation and test, of 60 in all",
    ),
    "unknown split": (
        table(part=lambda n: ["train", "dev"][n % 2]),
        {"split": {"by": "column", "column": "part"}},
        'split.column: none of train, validation, test in 30 rows (first: {path}, line 3: "dev")',
    ),
    "torn group": (
        table(part=lambda n: SPLITS[n % 3], thread=lambda n: n // 2 + 1),
        {"group": "thread", "split": {"by": "column", "column": "part"}},
        "split.column: 30 groups stand in two splits, first",
    ),
    "few rows": (table(2), {}, "split: no row is left for"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_table_ends_in_one_clear_message(tmp_path: Path, name: str) -> None:
    """Each fault of a table is told by its key of params.yaml, how often and where first; nothing is written."""
    rows, data, expected = BAD[name]
    split = data.get("split")
    made = Prepared(tmp_path, rows, split, **{key: value for key, value in data.items() if key != "split"})
    message = made.refused()
    assert expected.format(path=made.data.path) in message, message
    assert "\n  remedy: " in message


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    """Five faults of five columns are five lines of one message."""
    rows = table(
        label=lambda n: "" if n == 1 else "xy"[n % 2],
        key=lambda n: n // 2,
        count=lambda n: -n,
        text=lambda n: "caf\ufffd" if n == 5 else f"lamp {n}",
        kind=lambda n: "web" if n else "overall",
    )
    message = Prepared(tmp_path, rows, id="key", weight="count", slice="kind").refused()
    for key in ("data.label", "data.id", "data.weight", "data.text", "data.slice"):
        assert f"\n  {key}: " in message


def test_a_message_with_too_many_different_faults_is_cut(tmp_path: Path) -> None:
    """Of a thousand wrong labels some are told, and the number of the others."""
    rows = table(1000, label=lambda n: f"label {n}")
    message = Prepared(tmp_path, rows, labels=["x", "y"]).refused()
    assert len(message.splitlines()) < 40
    assert "more problems" in message


def test_tables_of_an_earlier_run_survive_one_that_is_refused(tmp_path: Path) -> None:
    """A run that stops changes no file, not even after some tables were written."""
    made = Prepared(tmp_path, filled({"text": "one", "label": "x"}))
    made.run()
    before = {path.name: path.read_bytes() for path in made.folder.iterdir()}
    write_csv(Path(made.data.path), table(2))
    with pytest.raises(VerdictError):
        preparation.prepare(made.data, made.split, made.folder, made.details)
    assert {path.name: path.read_bytes() for path in made.folder.iterdir()} == before


def test_counting_by_arrays_is_counting_by_hand() -> None:
    """What the arrays say of repeats and of differing values is what dictionaries say, on random numbers."""
    chance = np.random.default_rng(0)
    of, values = dense_ranks(chance.integers(0, 40, 500)), chance.integers(0, 2, 500)
    seen: Counter[int] = Counter()
    for row, key in enumerate(of.tolist()):
        assert occurrence_numbers(of)[row] == seen[key]
        assert (row in repeated_rows(of)) == (seen[key] > 0)
        assert has_several(of, values)[key] == (len(set(values[of == key])) > 1)
        seen[key] += 1


def test_the_description_is_written_in_one_way(tmp_path: Path) -> None:
    """dataset.json holds the labels, slices and the recipe of the text, and reads back as it was written."""
    made = Prepared(tmp_path, filled({"text": "one", "label": "x"}), clean=["whitespace"])
    made.run()
    written = json.loads((made.folder / "dataset.json").read_text(encoding="utf-8"))
    assert written["text"]["cleaning"] == ["nfc", "whitespace"]
    assert read_dataset(made.folder / "dataset.json").model_dump(mode="json") == written
