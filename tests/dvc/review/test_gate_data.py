"""The origin of rows: main's code derives all tables, and no row changes its label, text or split unseen."""

import gzip
import json
from collections.abc import Callable

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.corpus import RAW
from tests.dvc.pipeline.clone import Clone
from tests.dvc.review import edits
from tests.dvc.review.edits import (
    TEST,
    ReviewRunner,
    edit_json,
    edit_table,
    rerun_after_validate,
    rerun_all,
    set_params,
)
from tests.dvc.review.tampering import delete_raw, relock, update_pointer

clone, runner = edits.clone, edits.runner
TRAIN, VALIDATION = (TEST.replace("test", name) for name in ("train", "validation"))
Lines = list[str]


def edit_raw(clone: Clone, change: Callable[[Lines], Lines]) -> None:
    """Change the lines of the raw table but for the first, and the pointer with it."""
    path = clone.path / "data" / "raw" / RAW
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    path.unlink()
    path.write_text("".join(f"{line}\n" for line in [head, *change(lines)]), encoding="utf-8")
    update_pointer(clone)


def ids(clone: Clone, table: str) -> list[str]:
    """The ids of one slice in a table."""
    rows = pd.read_parquet(clone.path / table)
    return [str(name) for name in rows["id"][rows["slice"] == "movies"]]


def edit_rows(clone: Clone, names: list[str], change: Callable[[str, str], tuple[str, str]]) -> None:
    """Replace rating and text of some raw rows by what `change` makes of both."""

    def edited(line: str) -> str:
        name, group, part, text, rating = line.split(",")
        return ",".join([name, group, part, *change(rating, text)[::-1]]) if name in names else line

    edit_raw(clone, lambda lines: [edited(line) for line in lines])


def add_rows(clone: Clone, count: int = 40) -> None:
    """Add rows of every split to the raw data."""
    more = [f"movies-n{n},,movies,a lovely film number {n},2.0" for n in range(count)]
    edit_raw(clone, lambda lines: [*lines, *more])


def with_rows(clone: Clone) -> None:
    """Add rows of every split, honestly, and run everything."""
    add_rows(clone)
    rerun_all(clone)


def test_rows_that_are_only_added_need_no_approval(clone: Clone, runner: ReviewRunner) -> None:
    """New rows of all splits pass; rules are asked of main's test rows, and of the new ones the verdict has a line."""
    before = {path: len(pd.read_parquet(clone.path / path)) for path in (TEST, TRAIN, VALIDATION)}
    with_rows(clone)
    after = {path: len(pd.read_parquet(clone.path / path)) for path in before}
    assert all(after[path] > before[path] for path in before)
    outcome = runner.gate(clone)
    assert (outcome.code, outcome.failed) == (0, []), outcome.text
    new = after[TEST] - before[TEST]
    assert f"test: {new} added; train: " in outcome.text
    assert f"{new} test rows nobody has approved yet, and no rule is asked of: weighted F1 " in outcome.text
    assert f"on {before[TEST]} approved test rows" in outcome.text


def test_added_rows_count_once_a_person_approves(clone: Clone, runner: ReviewRunner) -> None:
    """`review test-set` lets them in, which needs the approval `data` and no other; rules are then asked of all."""
    with_rows(clone)
    assert "came, 0 went; a person must approve that" in runner.run(clone, "test-set").text
    refused = runner.gate(clone, "--approve", "policy", "--approve", "split")
    assert refused.failed == ["data"], refused.text
    assert "test rows would become approved" in refused.text
    approved = runner.judge(clone, ["data"])
    assert approved.code == 0
    assert approved.comparison is not None
    assert approved.shared is not None
    assert approved.comparison.groups[0].rows == len(pd.read_parquet(clone.path / TEST))
    assert approved.shared.groups[0].rows < approved.comparison.groups[0].rows
    assert approved.unapproved == ""


@pytest.mark.parametrize("split", [TEST, TRAIN])
def test_one_row_with_another_label_needs_approval_each_time(clone: Clone, runner: ReviewRunner, split: str) -> None:
    """One label changed in the raw data fails by `data`, and so does another one in the next change."""
    first, second = ids(clone, split)[:2]
    for name in (first, second):
        edit_rows(clone, [name], lambda rating, text: (f"{-float(rating) or 1.0}", text))
        rerun_all(clone)
        runner.run(clone, "test-set")
        outcome = runner.gate(clone)
        assert outcome.failed == ["data"], outcome.text
        what = split.removeprefix("data/prepared/").removesuffix(".parquet")
        assert f"{what}: 1 relabelled; {what}: 1 regrouped" in outcome.text
        clone.commit("Passed by an approval")


def rewritten(clone: Clone, name: str) -> None:
    """A text with two words more."""
    edit_rows(clone, [name], lambda rating, text: (rating, f"{text} it is"))


def rated(clone: Clone, name: str) -> None:
    """A row with another rating."""
    edit_rows(clone, [name], lambda _, text: ("3.999", text))


def gone(clone: Clone, name: str) -> None:
    """A row less."""
    edit_raw(clone, lambda lines: [line for line in lines if line.split(",")[0] != name])


@pytest.mark.parametrize(
    ("change", "split", "word"),
    [(rewritten, "test", "rewritten"), (rated, "train", "regrouped"), (gone, "validation", "removed")],
)
def test_a_row_that_changes_or_goes_needs_approval(
    clone: Clone, runner: ReviewRunner, change: Callable[[Clone, str], None], split: str, word: str
) -> None:
    """One row of any split, rewritten, rated otherwise or removed, fails by `data`; approved, it passes."""
    change(clone, ids(clone, TEST.replace("test", split))[0])
    rerun_all(clone)
    runner.run(clone, "test-set")
    refused = runner.gate(clone, "--approve", "split", "--approve", "policy")
    assert refused.failed == ["data"], refused.text
    assert f"{split}: 1 {word}" in refused.text
    assert runner.gate(clone, "--approve", "data").code == 0


def copied(clone: Clone) -> None:
    """The code of a `prepare` that copies test rows to train, with an added word and new ids."""
    test = pd.read_parquet(clone.path / TEST)
    more = test.assign(text=test["text"] + " indeed", id=test["id"] + "-x", group=test["group"] + "-x")
    edit_table(clone, TRAIN, lambda table: pd.concat([table, more], ignore_index=True))


def hidden(clone: Clone) -> None:
    """A column of test texts that no reader of the training rows looks for."""
    path = clone.path / TRAIN
    table, texts = pq.read_table(path), pd.read_parquet(clone.path / TEST)["text"]
    path.unlink()
    pq.write_table(table.append_column("hidden", pa.array([texts[n % len(texts)] for n in range(len(table))])), path)


def in_metadata(clone: Clone) -> None:
    """The test texts in the metadata of the training rows' file."""
    path = clone.path / TRAIN
    table, texts = pq.read_table(path), pd.read_parquet(clone.path / TEST)["text"]
    path.unlink()
    pq.write_table(table.replace_schema_metadata({"test": json.dumps(list(texts))}), path)


def relabelled(clone: Clone) -> None:
    """Rows with other labels than their ratings give."""
    edit_table(clone, VALIDATION, lambda table: table.assign(label=["neutral", *table["label"][1:]]))


OTHER_TABLES: dict[str, tuple[Callable[[Clone], object], str]] = {
    "test rows in train": (copied, "train.parquet: other rows"),
    "a hidden column": (hidden, "train.parquet: the same rows in other bytes, and a column 'hidden'"),
    "metadata of parquet": (in_metadata, "train.parquet: the same rows in other bytes"),
    "a label": (relabelled, "validation.parquet: other rows"),
}


@pytest.mark.parametrize("kind", OTHER_TABLES)
def test_other_tables_than_those_of_mains_code_need_approval(clone: Clone, runner: ReviewRunner, kind: str) -> None:
    """A change whose code makes other training rows, or the same in other bytes, fails by `data`, and says how."""
    change, found = OTHER_TABLES[kind]
    change(clone)
    rerun_after_validate(clone)
    refused = runner.gate(clone, "--approve", "policy", "--approve", "split")
    assert refused.code == 1, refused.text
    assert set(refused.failed) - {"near-duplicates"} == {"data"}, refused.text
    assert f"not what main's code derives: {found}" in refused.text


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("metrics/data.json", "surplus"),
        ("data/prepared/dropped.json", "surplus"),
        ("data/prepared/dataset.json", "slice"),
    ],
)
def test_other_figures_of_the_data_need_approval(clone: Clone, runner: ReviewRunner, path: str, key: str) -> None:
    """A summary of the data that main's code does not give fails by `data`, its hash in dvc.lock or not."""
    content = (clone.path / path).read_text(encoding="utf-8")
    (clone.path / path).unlink()  # it may be linked into the cache
    (clone.path / path).write_text(content, encoding="utf-8")
    edit_json(clone, path, lambda told: told.update({key: "1"}))
    relock(clone)
    refused = runner.gate(clone)
    assert refused.failed == ["data"], refused.text
    assert f"{path.rpartition('/')[2]}: other content" in refused.text


def test_a_summary_that_dvc_lock_does_not_name_needs_approval(clone: Clone, runner: ReviewRunner) -> None:
    """With `lock: ignore` on main, too, metrics/data.json is what main's code gives."""
    set_params(clone, "gate", lock="ignore")
    clone.commit("No look at the lock")
    edit_json(clone, "metrics/data.json", lambda told: told.update(violations=-1))
    assert runner.gate(clone).failed == ["data"]


def test_limits_of_validate_change_only_with_approval(clone: Clone, runner: ReviewRunner) -> None:
    """Looser limits fail by `policy`, and pass with its approval alone: main's code runs with the new ones."""
    set_params(clone, "validate", min_class_rows=1, max_class_drift=0.9)
    rerun_all(clone)
    refused = runner.gate(clone, "--approve", "data", "--approve", "split")
    assert refused.failed == ["policy"], refused.text
    assert "validate.max_class_drift: 0.3 → 0.9" in refused.text
    approved = runner.gate(clone, "--approve", "policy")
    assert approved.code == 0, approved.text
    assert "main's code derives them from the change's raw data" in approved.text


def test_data_that_mains_code_refuses_needs_approval(clone: Clone, runner: ReviewRunner) -> None:
    """Raw data of another format, with tables that some other code made of it, fail by `data` with main's reason."""
    edit_raw(clone, lambda lines: [line.replace(",", ";") for line in lines])
    relock(clone)
    refused = runner.gate(clone)
    assert refused.failed == ["data"], refused.text
    assert "main's stage prepare refuses them" in refused.text
    assert "number of cells" in refused.text
    assert runner.gate(clone, "--approve", "data").code == 0


def test_raw_data_that_are_nowhere_are_no_pass(clone: Clone, runner: ReviewRunner) -> None:
    """If neither cache nor remote has the pointer's data, there is no verdict."""
    edit_raw(clone, lambda lines: lines[1:])
    delete_raw(clone)
    assert runner.gate(clone, "--approve", "data").code == 2


def test_the_data_may_come_in_another_format_from_another_place(clone: Clone, runner: ReviewRunner) -> None:
    """The same rows as packed jsonl in another folder below data change no row and need no approval."""
    old, new = clone.path / "data" / "raw" / RAW, clone.path / "data" / "other" / "rows.jsonl.gz"
    rows = pd.read_csv(old, dtype=str, keep_default_na=False).to_dict("records")
    new.parent.mkdir()
    new.write_bytes(gzip.compress("".join(f"{json.dumps(row)}\n" for row in rows).encode(), mtime=0))
    clone.run("git", "rm", "--quiet", f"data/raw/{RAW}.dvc")
    old.unlink()
    clone.run("dvc", "add", "--quiet", "data/other/rows.jsonl.gz")
    set_params(clone, "data", path="data/other/rows.jsonl.gz")
    clone.run("dvc", "repro", "--quiet")
    outcome = runner.gate(clone)
    assert (outcome.code, outcome.failed) == (0, []), outcome.text
    assert "main's code derives them from the change's raw data" in outcome.text
