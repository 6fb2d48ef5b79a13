"""The test sentences: nobody passes by testing on easier ones, on fewer, on others, or on those learnt from."""

from collections.abc import Callable

import pandas as pd
import pytest

from classifier.artifact import document_hash
from stages import evaluate
from tests.pipeline.clone import Clone
from tests.review import changes
from tests.review.changes import TEST, Desk, Frame, edit_both, edit_json, right
from tests.review.forging import relock
from tests.review.test_gate_artifact import resealed

clone, desk = changes.clone, changes.desk


def only_right(place: Clone) -> Frame:
    """The rows that the model has right."""
    ids = right(place)
    return lambda table: table[table["id"].isin(ids)]


def test_a_test_split_of_easy_rows_fails(clone: Clone, desk: Desk) -> None:
    """With the wrong rows gone from split, predictions, figures and lock, the rule `test-set` fails, by each domain."""
    before = pd.read_parquet(clone.path / TEST)
    edit_both(clone, only_right(clone))
    relock(clone)
    outcome = desk.gate(clone)
    assert (outcome.code, outcome.failed) == (1, ["test-set"]), outcome.text
    gone = len(before) - len(pd.read_parquet(clone.path / TEST))
    assert gone > 0
    assert f"{gone} gone, 0 relabelled or rewritten, 0 new; above the limit of 2%: " in outcome.text
    assert "movies 15.4%" in outcome.text


def test_easy_rows_pass_by_approval_alone_and_main_is_asked_about_the_same_rows(clone: Clone, desk: Desk) -> None:
    """Approved by name it passes, but main's model, too, is scored on the easy rows, and is as good there."""
    edit_both(clone, only_right(clone))
    relock(clone)
    assert desk.gate(clone, "--approve", "policy", "--approve", "split").failed == ["test-set"]
    approved = desk.judge(clone, ["test-set"])
    assert approved.code == 0
    assert [rule.name for rule in approved.rules if rule.approved] == ["test-set"]
    assert approved.comparison is not None
    assert approved.comparison.test_changed
    assert not approved.comparison.unchanged
    assert approved.comparison.of("overall").base == 1.0


def test_a_domain_without_test_sentences_fails_by_its_name(clone: Clone, desk: Desk) -> None:
    """A domain without test sentences is named by the rules `test-set`, `worse` and `floor`; approval is no way out."""
    edit_both(clone, lambda table: table[table["domain"] != "news"])
    relock(clone)
    outcome = desk.gate(clone)
    assert outcome.code == 1, outcome.text
    assert outcome.failed == ["test-set", "worse:news", "floor:news"]
    assert "no sentence left of news" in outcome.text
    assert desk.gate(clone, "--approve", "test-set").failed == ["worse:news", "floor:news"]


def swapped(column: str) -> Frame:
    """The values of a column, given to one another's rows."""
    return lambda table: table.assign(**{column: list(table[column])[::-1]})


TAMPERED: dict[str, Frame] = {
    "labels": lambda table: table.assign(label=table[list(changes.LABELS)].idxmax(axis=1)),
    "a few labels": lambda table: table.assign(label=["neutral"] * 4 + list(table["label"])[4:]),
    "ids": lambda table: table.assign(id=[f"{name}-new" for name in table["id"]]),
    "domains": swapped("domain"),
    "documents": lambda table: table.assign(document=[f"{name}-x{n % 2}" for n, name in enumerate(table["domain"])]),
    "valences": lambda table: table.assign(valence=table["positive"] - table["negative"]),
}


@pytest.mark.parametrize("column", TAMPERED)
def test_test_sentences_with_other_truth_fail(clone: Clone, desk: Desk, column: str) -> None:
    """Another label, id, domain, document or valence of the test sentences needs the approval of a person."""
    predictions = TAMPERED[column](pd.read_parquet(clone.path / changes.PREDICTED))
    truth = {name: list(predictions[name]) for name in ("id", "document", "domain", "label", "valence")}
    edit_both(clone, lambda table: table.assign(**truth))
    relock(clone)
    outcome = desk.gate(clone)
    assert outcome.code == 1, outcome.text
    assert "test-set" in outcome.failed


def worse(place: Clone) -> tuple[set[str], set[str]]:
    """A much worse model; the ids of what it broke, and of what it mended."""
    before = right(place)
    changes.mislearn(place)
    changes.by_hand(place, evaluate)
    after = right(place)
    return before - after, after - before


def with_copies(ids: set[str], count: int) -> Frame:
    """Some rows once more and again, as rows of documents of their own."""

    def more(table: pd.DataFrame) -> pd.DataFrame:
        easy = table[table["id"].isin(ids)]
        names = ("id", "document")
        return pd.concat([table, *(easy.assign(**{k: easy[k] + f"-x{n}" for k in names}) for n in range(count))])

    return more


def test_documents_are_not_drawn_anew_to_hide_a_loss(clone: Clone, desk: Desk) -> None:
    """Without floors a worse model fails also where the sentences that it broke are called one document a domain."""
    changes.set_params(clone, "gate", floors={})
    clone.commit("No floors")
    broken, _ = worse(clone)
    edit_both(clone, lambda table: table.assign(document=table["domain"] + "-x" + table["id"].isin(broken).map(str)))
    relock(clone)
    outcome = desk.gate(clone)
    assert outcome.code == 1, outcome.text


def test_a_worse_model_does_not_pass_by_new_test_sentences_of_its_choice(clone: Clone, desk: Desk) -> None:
    """A worse model fails also where copies of the few sentences that it alone has right are added to the split."""
    _, mended = worse(clone)
    edit_both(clone, with_copies(mended, 40))
    relock(clone)
    outcome = desk.gate(clone)
    assert outcome.code == 1, outcome.text


def test_a_floor_is_not_reached_by_new_test_sentences(clone: Clone, desk: Desk) -> None:
    """A model below a floor on main's test sentences stays below it where copies of those it has right are added."""
    changes.set_params(clone, "gate", floors={"movies": 0.8})
    clone.commit("A floor")
    changes.retrain(clone, **{"linear.alpha": 0.1})
    relock(clone)
    assert desk.gate(clone).failed == ["floor:movies"]
    edit_both(clone, with_copies(right(clone), 5))
    relock(clone)
    outcome = desk.gate(clone)
    assert outcome.code == 1, outcome.text


def test_rewritten_test_sentences_fail(clone: Clone, desk: Desk) -> None:
    """Sentences with a helpful word at their end, predicted anew, fail by `test-set` with their number."""
    helpful = {"negative": " awful", "neutral": " wooden", "positive": " lovely"}
    changes.edit_table(clone, TEST, lambda table: table.assign(text=table["text"] + table["label"].map(helpful)))
    changes.by_hand(clone, evaluate)
    relock(clone)
    outcome = desk.gate(clone)
    assert (outcome.code, outcome.failed) == (1, ["test-set"]), outcome.text
    assert "0 gone, 102 relabelled or rewritten" in outcome.text


def learnt(place: Clone) -> list[str]:
    """A document of each split that the artifact learns from."""
    splits = (pd.read_parquet(place.path / TEST.replace("test", name)) for name in ("train", "validation"))
    return [str(table["document"].iloc[0]) for table in splits]


def leaked(place: Clone) -> None:
    """Let the artifact say that it learnt from a document of its own test split."""
    document = str(pd.read_parquet(place.path / TEST)["document"].iloc[0])
    edit_json(place, "models/classifier/documents.json", lambda content: content.append(document_hash(document)))
    resealed(place)


def moved(place: Clone) -> None:
    """Test on a document that the artifact learnt from."""
    names = learnt(place)
    edit_both(place, lambda table: table.assign(document=[*names, *table["document"][2:]]))


@pytest.mark.parametrize(("leak", "count"), [(leaked, 1), (moved, 2)])
def test_an_artifact_that_learnt_from_test_documents_cannot_be_judged(
    clone: Clone, desk: Desk, leak: Callable[[Clone], None], count: int
) -> None:
    """Whether the artifact's list or the test split was changed: exit code 2, with the number of documents."""
    leak(clone)
    relock(clone)
    outcome = desk.gate(clone)
    assert outcome.code == 2, outcome.text
    assert f"was trained on {count} documents of its own test split" in outcome.reason
    assert desk.gate(clone, "--approve", "test-set").code == 2


def test_main_is_not_judged_on_what_it_learnt_from(clone: Clone, desk: Desk) -> None:
    """Where the new test split is main's training data, there is no fair comparison: exit code 2, and why."""
    tables = {name: pd.read_parquet(clone.path / TEST.replace("test", name)) for name in ("test", "train")}
    changes.edit_table(clone, TEST, lambda _: tables["train"].iloc[::4])
    edit_json(clone, "models/classifier/documents.json", lambda content: content.clear())
    resealed(clone)
    changes.by_hand(clone, evaluate)
    relock(clone)
    outcome = desk.gate(clone, "--approve", "test-set", "--approve", "split")
    assert outcome.code == 2, outcome.text
    assert "main's model was trained on 102 of the 102 test sentences" in outcome.reason
