"""The changes of the data, row by row and word by word."""

import pandas as pd
import pytest

from verdict.review.data import KINDS, summarize_changes

OLD = pd.DataFrame(
    [
        ("news-1", "news-1", "news", "negative", -1.0, "taxes rise again", "train"),
        ("news-2", "news-2", "news", "positive", 1.0, "a fine budget", "test"),
        ("news-3", "news-2", "news", "positive", 1.0, "a fine speech", "test"),
        ("tweets-1", "tweets-1", "tweets", "positive", 1.0, "so good", "train"),
    ],
    columns=["id", "group", "slice", "label", "rating", "text", "split"],
)


def changed(**cells: tuple[str, str | float]) -> pd.DataFrame:
    """The rows with some cells replaced: id (with _ for -) to column and value."""
    table = OLD.copy()
    for key, (column, value) in cells.items():
        table.loc[table["id"] == key.replace("_", "-"), column] = value
    return table


def counts(new: pd.DataFrame) -> dict[tuple[str, str], dict[str, int]]:
    """The kinds of change that occur, by slice and class."""
    table = summarize_changes(OLD, new).counts
    kinds_by_class = {}
    for row in table.reset_index().to_dict("records"):
        kinds = {kind: row[kind] for kind in KINDS if row[kind]}
        if kinds:
            kinds_by_class[row["slice"], row["label"]] = kinds
    return kinds_by_class


def test_rows_are_counted_by_what_happened_to_them() -> None:
    """Relabelled, rewritten, regrouped and moved rows count under their new class, removed rows under their old."""
    assert counts(OLD) == {}
    assert counts(changed(news_1=("label", "neutral"))) == {("news", "neutral"): {"relabelled": 1}}
    assert counts(changed(news_1=("text", "taxes fall"))) == {("news", "negative"): {"rewritten": 1}}
    for column, value in (("group", "news-9"), ("rating", -2.0)):
        assert counts(changed(news_1=(column, value))) == {("news", "negative"): {"regrouped": 1}}
    assert counts(changed(tweets_1=("split", "test"))) == {("tweets", "positive"): {"moved": 1}}
    assert counts(OLD[OLD["id"] != "news-2"]) == {("news", "positive"): {"removed": 1}}


def test_a_new_row_is_added_and_its_words_are_compared() -> None:
    """An added row is counted, and the share of its words that main never saw in that slice is told."""
    row = pd.DataFrame([("tweets-2", "tweets-2", "tweets", "negative", -1.0, "so very bad", "train")])
    row.columns = OLD.columns
    change = summarize_changes(OLD, pd.concat([OLD, row], ignore_index=True))
    assert change.counts.loc[("tweets", "negative"), "added"] == 1
    texts = {text.slice: text for text in change.texts}
    assert texts["tweets"].unseen == pytest.approx(2 / 3)
    assert texts["news"].unseen is None
    assert (texts["tweets"].base_words, texts["tweets"].candidate_words) == (2, 2.5)


def test_the_distance_of_texts_runs_from_same_to_nothing_shared() -> None:
    """Jensen and Shannon's distance is 0 for the same words, 1 for others, and 1 for a slice that is gone."""
    distances = [
        next(text.distance for text in summarize_changes(OLD, new).texts if text.slice == "tweets")
        for new in (OLD, changed(tweets_1=("text", "utterly bad")), OLD[OLD["slice"] == "news"])
    ]
    assert distances == pytest.approx([0, 1, 1])


def test_totals_are_those_of_both_sides() -> None:
    """Each class has main's and the candidate's number of rows, a class that is gone included."""
    table = summarize_changes(OLD, OLD[OLD["label"] != "negative"]).counts
    rows = {(row["slice"], row["label"]): row for row in table.reset_index().to_dict("records")}
    assert [rows["news", "negative"][side] for side in ("main", "candidate")] == [1, 0]
    assert [rows["news", "positive"][side] for side in ("main", "candidate")] == [2, 2]


def test_what_happened_is_told_by_split_with_the_first_ids() -> None:
    """The test split comes first, a row that moved counts where it came from and went, and at most five ids stand."""
    many = pd.concat([OLD, *(OLD.iloc[[3]].assign(id=f"tweets-{n}") for n in range(2, 9))], ignore_index=True)
    new = many.assign(split=many["split"].where(many["id"] != "news-1", "test"))
    new.loc[new["id"] == "news-2", "label"] = "neutral"
    new.loc[new["id"].str.startswith("tweets"), "text"] = "so bad"
    changes = [(move.split, move.kind, move.count, move.ids) for move in summarize_changes(many, new).changes_by_split]
    assert changes == [
        ("test", "relabelled", 1, ("news-2",)),
        ("train", "rewritten", 8, tuple(f"tweets-{n}" for n in range(1, 6))),
        ("train → test", "moved", 1, ("news-1",)),
    ]


PLAIN = OLD.drop(columns=["slice", "rating"])


def test_without_slices_all_rows_are_one() -> None:
    """Counts and texts of data without slices and ratings stand under one name, overall."""
    new = PLAIN.assign(text=["taxes fall", *PLAIN["text"][1:]])
    change = summarize_changes(PLAIN, new)
    assert change.counts.loc[("overall", "negative"), "rewritten"] == 1
    assert change.counts["main"].sum() == len(PLAIN)
    assert [text.slice for text in change.texts] == ["overall"]


@pytest.mark.parametrize(("old", "new"), [(PLAIN, OLD), (OLD, PLAIN)])
def test_slices_that_come_or_go_regroup_every_row(old: pd.DataFrame, new: pd.DataFrame) -> None:
    """A column that one side alone has is a change of all rows that both have, in either direction."""
    assert summarize_changes(old, new).counts["regrouped"].sum() == len(OLD)


def test_words_without_blanks_are_compared_by_pairs_of_letters() -> None:
    """Of a script without blanks two texts that share most letters are near each other, not as far as can be."""
    rows = PLAIN.assign(text="这本书的内容很好")
    (text,) = summarize_changes(rows, rows.assign(text="这本书的内容不好")).texts
    assert text.base_words == 7
    assert 0 < text.distance < 0.7
