"""The approved test rows: no change passes by testing on easier, fewer, other or learnt rows."""

from collections.abc import Callable
from operator import itemgetter
from typing import Any

import pandas as pd
import pytest

from stages import evaluate
from tests.dvc.pipeline.clone import Clone
from tests.dvc.review import edits
from tests.dvc.review.edits import TEST, ReviewRunner, TableEdit, correct_ids, edit_json, edit_test_and_predictions
from tests.dvc.review.tampering import relock
from tests.dvc.review.test_gate_artifact import resealed
from tests.dvc.review.test_gate_data import with_rows
from verdict.base.outcome import APPROVABLE
from verdict.base.paths import TEST_SET
from verdict.classifier.dataset.groups import group_hash
from verdict.review.testset import write_test_set

clone, runner = edits.clone, edits.runner


def only_right(clone: Clone) -> TableEdit:
    """The rows that the model has right."""
    ids = correct_ids(clone)
    return lambda table: table[table["id"].isin(ids)]


def approved(clone: Clone) -> None:
    """Make dvc.lock and the list of approved rows match the files."""
    relock(clone)
    write_test_set(clone.path)


def test_a_test_split_of_easy_rows_fails(clone: Clone, runner: ReviewRunner) -> None:
    """With the wrong rows gone from split, predictions, figures, lock and list, `data` fails with their number."""
    before = pd.read_parquet(clone.path / TEST)
    edit_test_and_predictions(clone, only_right(clone))
    approved(clone)
    outcome = runner.gate(clone)
    assert (outcome.code, outcome.failed) == (1, ["data"]), outcome.text
    gone = len(before) - len(pd.read_parquet(clone.path / TEST))
    assert gone > 0
    assert f"test: {gone} removed" in outcome.text
    assert "not what main's code derives: test.parquet: other rows" in outcome.text


def test_rows_cannot_go_and_stay_on_the_list(clone: Clone, runner: ReviewRunner) -> None:
    """A list that names rows that the test split does not have fails, approved or not; the command mends it."""
    edit_test_and_predictions(clone, only_right(clone))
    relock(clone)
    outcome = runner.gate(clone, "--approve", "data")
    assert (outcome.code, outcome.failed) == (1, ["test-file"]), outcome.text
    assert "remedy: verdict test-set, and commit data/test-set.txt" in outcome.text
    assert runner.run(clone, "test-set").code == 0
    assert runner.gate(clone, "--approve", "data").code == 0


def test_easy_rows_pass_by_approval_alone_and_main_is_asked_about_the_same_rows(
    clone: Clone, runner: ReviewRunner
) -> None:
    """Approved by name it passes, but main's model, too, is scored on the easy rows, and is as good there."""
    edit_test_and_predictions(clone, only_right(clone))
    approved(clone)
    assert runner.gate(clone, "--approve", "policy", "--approve", "split").failed == ["data"]
    verdict = runner.judge(clone, ["data"])
    assert verdict.code == 0
    assert [rule.name for rule in verdict.rules if rule.approved] == ["data"]
    assert verdict.comparison is not None
    assert verdict.comparison.test_changed
    assert not verdict.comparison.unchanged
    assert verdict.comparison.difference("overall").base == 1.0


def test_a_slice_without_test_rows_fails_by_its_name(clone: Clone, runner: ReviewRunner) -> None:
    """A slice without test rows is named by the rules `worse` and `floor`; approval is no way out."""
    edit_test_and_predictions(clone, lambda table: table[table["slice"] != "news"])
    approved(clone)
    outcome = runner.gate(clone)
    assert outcome.code == 1, outcome.text
    assert outcome.failed == ["data", "worse:news", "floor:news"]
    assert runner.gate(clone, "--approve", "data").failed == ["worse:news", "floor:news"]


def edit_list(clone: Clone, change: Callable[[list[str]], list[str]]) -> None:
    """Change the lines of the list of approved rows."""
    path = clone.path / TEST_SET
    path.write_text("\n".join(change(path.read_text(encoding="utf-8").splitlines())) + "\n", encoding="utf-8")


def test_a_row_leaves_the_list_only_with_approval(clone: Clone, runner: ReviewRunner) -> None:
    """A line less fails by `data`, an emptied list, too; another comment does not, nor does a list in other order."""
    edit_list(clone, lambda lines: ["# another comment", *sorted(lines[2:], reverse=True)])
    assert runner.gate(clone).code == 0
    for kept in (5, 10_000):
        edit_list(clone, itemgetter(slice(kept, None)))
        outcome = runner.gate(clone)
        assert outcome.failed == ["data"], outcome.text
        assert "would be approved no more" in outcome.text


def test_an_approved_empty_list_judges_nothing(clone: Clone, runner: ReviewRunner) -> None:
    """Once main's list is empty there is no row that a rule could be asked of: that is no pass."""
    edit_list(clone, lambda lines: lines[:1])
    clone.commit("An empty list")
    outcome = runner.gate(clone)
    assert outcome.code == 2, outcome.text
    assert "names none of the" in outcome.reason


def test_a_line_without_a_row_on_main_is_not_the_fault_of_a_change(clone: Clone, runner: ReviewRunner) -> None:
    """Ids of main's list without a row fail no change; a further such id does."""
    edit_list(clone, lambda lines: [*lines, "0" * 16])
    clone.commit("A name too many")
    assert runner.gate(clone).code == 0
    edit_list(clone, lambda lines: [*lines, "1" * 16])
    assert runner.gate(clone).failed == ["test-file"]


def without_list(clone: Clone) -> None:
    """Main from before there was a list."""
    (clone.path / TEST_SET).unlink()
    clone.commit("No list")


def test_the_first_list_needs_no_approval_where_it_names_mains_rows(clone: Clone, runner: ReviewRunner) -> None:
    """Without a list all of main's test rows are approved; a list of just these passes, one of fewer does not."""
    without_list(clone)
    assert runner.gate(clone).code == 0
    write_test_set(clone.path)
    assert runner.gate(clone).code == 0
    edit_list(clone, lambda lines: lines[:-1])
    assert runner.gate(clone).failed == ["data"]


def test_without_a_list_added_rows_need_approval(clone: Clone, runner: ReviewRunner) -> None:
    """Without a list on main, rows that come would count at once; a list of main's rows alone leaves them out."""
    without_list(clone)
    write_test_set(clone.path)
    mains = (clone.path / TEST_SET).read_text(encoding="utf-8")
    with_rows(clone)
    outcome = runner.gate(clone)
    assert outcome.code == 0, outcome.text
    (clone.path / TEST_SET).unlink()
    refused = runner.gate(clone)
    assert refused.failed == ["data"], refused.text
    assert "would become approved" in refused.text
    (clone.path / TEST_SET).write_text(mains, encoding="utf-8")
    assert runner.gate(clone).code == 0


def test_a_new_split_is_approved_in_two_steps(clone: Clone, runner: ReviewRunner) -> None:
    """Another salt is judged on the rows that main tests, too; the others count once main has not learnt from them."""
    edits.set_params(clone, "split", salt="b")
    edits.rerun_all(clone)
    write_test_set(clone.path)
    refused = runner.gate(clone, "--approve", "split", "--approve", "data")
    assert refused.code == 2, refused.text
    assert "-- data/test-set.txt && verdict test-set --no-new" in refused.text
    clone.run("git", "checkout", "main", "--", TEST_SET)
    assert runner.run(clone, "test-set", "--no-new").code == 0
    first = runner.gate(clone, "--approve", "split")
    assert "test-file" not in first.failed, first.text
    assert "data" not in first.failed
    assert "CANNOT" not in first.text
    clone.commit("Another split")
    assert runner.run(clone, "test-set").code == 0
    assert runner.gate(clone).failed == ["data"]
    assert runner.gate(clone, "--approve", "data").code == 0


def test_a_first_run_has_a_list_of_its_own_rows(clone: Clone, runner: ReviewRunner) -> None:
    """With `--bootstrap` a list of other data is refused with the command that mends it."""
    edit_list(clone, lambda lines: [*lines, "0" * 16])
    assert runner.gate(clone, "--bootstrap").failed == ["test-file"]
    write_test_set(clone.path)
    assert runner.gate(clone, "--bootstrap").code == 0


def swapped(column: str) -> TableEdit:
    """The values of a column, given to one another's rows."""
    return lambda table: table.assign(**{column: list(table[column])[::-1]})


TAMPERED: dict[str, TableEdit] = {
    "labels": lambda table: table.assign(label=table[list(edits.LABELS)].idxmax(axis=1)),
    "a few labels": lambda table: table.assign(label=["neutral"] * 4 + list(table["label"])[4:]),
    "ids": lambda table: table.assign(id=[f"{name}-new" for name in table["id"]]),
    "slices": swapped("slice"),
    "groups": lambda table: table.assign(group=[f"{name}-x{n % 2}" for n, name in enumerate(table["slice"])]),
    "ratings": lambda table: table.assign(rating=table["positive"] - table["negative"]),
}


@pytest.mark.parametrize("column", TAMPERED)
def test_rows_with_other_truth_fail(clone: Clone, runner: ReviewRunner, column: str) -> None:
    """Another label, id, slice, group or rating of the test rows needs the approval of a person."""
    predictions = TAMPERED[column](pd.read_parquet(clone.path / edits.PREDICTED))
    truth = {name: list(predictions[name]) for name in ("id", "group", "slice", "label", "rating")}
    edit_test_and_predictions(clone, lambda table: table.assign(**truth))
    relock(clone)
    assert "data" in runner.gate(clone).failed
    write_test_set(clone.path)
    outcome = runner.gate(clone)
    assert outcome.code == 1, outcome.text
    assert "data" in outcome.failed


def worse(clone: Clone) -> tuple[set[str], set[str]]:
    """A much worse model; the ids of what it broke, and of what it mended."""
    before = correct_ids(clone)
    edits.train_on_flipped_labels(clone)
    edits.run_stage(clone, evaluate)
    after = correct_ids(clone)
    return before - after, after - before


def with_copies(ids: set[str], count: int) -> TableEdit:
    """Add copies of some rows, as rows of new groups."""

    def more(table: pd.DataFrame) -> pd.DataFrame:
        easy = table[table["id"].isin(ids)]
        names = ("id", "group")
        return pd.concat([table, *(easy.assign(**{k: easy[k] + f"-x{n}" for k in names}) for n in range(count))])

    return more


def test_groups_are_not_drawn_anew_to_hide_a_loss(clone: Clone, runner: ReviewRunner) -> None:
    """Without floors a worse model fails also where the rows that it broke are called one group a slice."""
    edits.set_params(clone, "gate", floors={})
    clone.commit("No floors")
    broken, _ = worse(clone)
    edit_test_and_predictions(
        clone, lambda table: table.assign(group=table["slice"] + "-x" + table["id"].isin(broken).map(str))
    )
    approved(clone)
    outcome = runner.gate(clone)
    assert outcome.code == 1, outcome.text


def test_a_worse_model_does_not_pass_by_new_test_rows_of_its_choice(clone: Clone, runner: ReviewRunner) -> None:
    """A worse model fails also where copies of the few rows that it alone has right are added to the split."""
    _, mended = worse(clone)
    edit_test_and_predictions(clone, with_copies(mended, 40))
    approved(clone)
    outcome = runner.gate(clone)
    assert outcome.code == 1, outcome.text


def test_a_floor_is_not_reached_by_new_test_rows(clone: Clone, runner: ReviewRunner) -> None:
    """A model below a floor on main's test rows stays below it where copies of those it has right are added."""
    edits.set_params(clone, "gate", floors={"movies": 0.86})
    clone.commit("A floor")
    edits.retrain(clone, **{"linear.alpha": 1e6})
    relock(clone)
    assert runner.gate(clone).failed == ["floor:movies"]
    edit_test_and_predictions(clone, with_copies(correct_ids(clone), 5))
    approved(clone)
    outcome = runner.gate(clone)
    assert outcome.code == 1, outcome.text


def test_rewritten_test_rows_fail(clone: Clone, runner: ReviewRunner) -> None:
    """Rows with a helpful word added, predicted again, fail by `data` with their number."""
    helpful = {"negative": " awful", "neutral": " wooden", "positive": " lovely"}
    edits.edit_table(clone, TEST, lambda table: table.assign(text=table["text"] + table["label"].map(helpful)))
    edits.run_stage(clone, evaluate)
    approved(clone)
    outcome = runner.gate(clone)
    assert (outcome.code, outcome.failed) == (1, ["data"]), outcome.text
    assert "test: 102 rewritten" in outcome.text


def learnt(clone: Clone) -> list[str]:
    """A group of each split that the artifact learns from."""
    splits = (pd.read_parquet(clone.path / TEST.replace("test", name)) for name in ("train", "validation"))
    return [str(table["group"].iloc[0]) for table in splits]


def leaked(clone: Clone) -> None:
    """Let the artifact say that it learnt from a group of its test split."""
    group = str(pd.read_parquet(clone.path / TEST)["group"].iloc[0])
    edit_json(clone, "models/classifier/documents.json", lambda content: content.append(group_hash(group)))
    resealed(clone)


def moved(clone: Clone) -> None:
    """Test on a group that the artifact learnt from."""
    names = learnt(clone)
    edit_test_and_predictions(clone, lambda table: table.assign(group=[*names, *table["group"][2:]]))


@pytest.mark.parametrize(("leak", "count"), [(leaked, 1), (moved, 2)])
def test_an_artifact_that_learnt_from_test_groups_cannot_be_judged(
    clone: Clone, runner: ReviewRunner, leak: Callable[[Clone], None], count: int
) -> None:
    """Exit code 2 with the number of groups, whether the artifact's list or the test split was changed."""
    leak(clone)
    relock(clone)
    outcome = runner.gate(clone)
    assert outcome.code == 2, outcome.text
    assert f"was trained on {count} groups of its own test split" in outcome.reason
    assert runner.gate(clone, "--approve", "data").code == 2


def test_main_is_not_judged_on_what_it_learnt_from(clone: Clone, runner: ReviewRunner) -> None:
    """If the new test split is main's training data, no comparison is fair: exit code 2, with the reason."""
    tables = {name: pd.read_parquet(clone.path / TEST.replace("test", name)) for name in ("test", "train")}
    moved = tables["train"].iloc[::4]
    edits.edit_table(clone, TEST, lambda _: moved)
    edits.edit_table(clone, TEST.replace("test", "train"), lambda table: table[~table["id"].isin(moved["id"])])
    edit_json(clone, "models/classifier/documents.json", lambda content: content.clear())
    resealed(clone)
    edits.run_stage(clone, evaluate)
    approved(clone)
    outcome = runner.gate(clone, "--approve", "data", "--approve", "split")
    assert outcome.code == 2, outcome.text
    assert "the model of main was trained on 102 of the 102 test rows" in outcome.reason


def sealed(path: str, change: Callable[[Any], object]) -> Callable[[Clone], None]:
    """A change of a JSON file of the artifact, whose own hashes are made to match."""

    def changed(clone: Clone) -> None:
        edit_json(clone, f"models/classifier/{path}", change)
        resealed(clone)

    return changed


UNTRUE: dict[str, tuple[Callable[[Clone], None], str]] = {
    "cut": (sealed("documents.json", lambda content: content.__delitem__(slice(1, None))), "documents.json lacks "),
    "padded": (
        sealed("documents.json", lambda content: content.append("0" * 16)),
        "documents.json names 1 that are ",
    ),
    "of other tables": (
        sealed("manifest.json", lambda content: content["trained_on"].update(train="0" * 64)),
        "trained_on names another table than data/prepared/train.parquet",
    ),
    "of no validation": (
        sealed("manifest.json", lambda content: content["trained_on"].pop("validation")),
        "trained_on names another table than data/prepared/validation.parquet",
    ),
}


@pytest.mark.parametrize("kind", UNTRUE)
def test_an_artifact_must_name_what_it_learnt_from(clone: Clone, runner: ReviewRunner, kind: str) -> None:
    """A list of groups that is cut or padded, or another hash of a table, fails by `documents`, approved or not."""
    change, found = UNTRUE[kind]
    change(clone)
    relock(clone)
    outcome = runner.gate(clone, *(f"--approve={name}" for name in APPROVABLE))
    assert (outcome.code, outcome.failed) == (1, ["documents"]), outcome.text
    assert found in outcome.text
    assert "documents" in runner.gate(clone, "--bootstrap").failed
