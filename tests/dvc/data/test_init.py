"""`verdict init`: the user's own table replaces the example."""

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.corpus import mails, write_csv
from tests.documents import load
from tests.dvc.pipeline.clone import Clone, commented_clone
from verdict.init.columns import columns_of, likely_label, likely_text
from verdict.init.params_file import rewrite_params, yaml_value
from verdict.init.trial import try_prepare

TEXTS = ("--text", "subject", "--text", "body", "--label", "label")


@pytest.fixture
def clone(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone with the committed params.yaml, comments and all."""
    return commented_clone(tmp_path_factory.getbasetemp(), tmp_path / "verdict")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table outside of the clone, with two columns of text and two labels."""
    write_csv(tmp_path / "mails.csv", mails(400))
    return tmp_path / "mails.csv"


def test_init_then_repro_then_the_first_gate_pass(clone: Clone, table: Path) -> None:
    """Three options and the next commands that init names lead to a verdict, and nothing of the example is left."""
    output = clone.run("verdict", "init", str(table), *TEXTS, "--positive", "ham", "--headline", "roc_auc")
    assert "verdict repro" in output
    assert "verdict test-set" in output
    assert "verdict gate --bootstrap" in output
    clone.run("verdict", "repro")
    clone.run("verdict", "test-set")
    clone.commit("Own data")
    assert clone.run("verdict", "gate", "--bootstrap").strip().splitlines()[-1].startswith("Pass: first run")
    assert load(clone.path / "data/prepared/dataset.json")["labels"] == ["spam", "ham"]
    told = "".join((clone.path / name).read_text("utf-8") for name in ("data/README.md", "models/README.md"))
    told += (clone.path / "params.yaml").read_text("utf-8") + (clone.path / "data/published.csv").read_text("utf-8")
    for word in ("tweets", "valence", "sentiment", "VADER", "neutral:", "rater"):
        assert word not in told
    assert not (clone.path / "data/raw/sentences.csv.dvc").exists()
    assert load(clone.path / "params.yaml")["gate"]["fail_on_worse"] == {"overall": ["headline"]}
    assert load(clone.path / "params.yaml")["evaluate"]["headline"] == "roc_auc"
    assert re.findall("^(spam|ham) ", clone.run("verdict", "scores"), re.MULTILINE) == ["spam", "ham"]
    assert "metrics/cost.json" in clone.run("git", "ls-files", "metrics"), "else experiments keep no cost"


def test_git_checkout_brings_everything_back(clone: Clone, table: Path) -> None:
    """After init `git checkout .` leaves no tracked file changed."""
    output = clone.run("verdict", "init", str(table), *TEXTS)
    clone.run("git", "checkout", ".")
    left = sorted(line.removeprefix("?? ") for line in clone.changes().splitlines() if line.startswith("??"))
    assert left == ["data/raw/mails.csv", "data/raw/mails.csv.dvc"]
    assert f"leaves {' and '.join(left)}, " in output
    assert [line for line in clone.changes().splitlines() if not line.startswith("??")] == []


def test_a_second_init_is_refused_without_force(clone: Clone, table: Path) -> None:
    """Own data, or changes that git could not bring back, are not overwritten unless asked for."""
    clone.run("verdict", "init", str(table), *TEXTS)
    again = clone.try_run("verdict", "init", str(table), *TEXTS)
    assert again.returncode == 1
    assert "not committed" in again.stdout
    clone.commit("Own data")
    again = clone.try_run("verdict", "init", str(table), *TEXTS)
    assert again.returncode == 1
    assert "in the place of the example already" in again.stdout
    assert clone.changes() == ""
    clone.run("verdict", "init", str(table), *TEXTS, "--force")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "which columns are text and label?"),
        (("--text", "sujbect", "--label", "label"), 'no column "sujbect"'),
        (("--text", "body", "--label", "body"), "the column that the labels come from"),
        (("--text", "body", "--label", "subject"), "a number or an id?"),
        (("--text", "body", "--rating", "label", "0", "1", "x"), "is no number"),
        (("--text", "body", "--label", "label", "--headline", "rating_r"), "rating_r is none of weighted_f1, "),
    ],
)
def test_what_stands_against_it_is_told_and_nothing_is_changed(
    clone: Clone, table: Path, options: tuple[str, ...], words: str
) -> None:
    """A wrong or a missing option ends in one message, before anything is written."""
    done = clone.try_run("verdict", "init", str(table), *options)
    assert done.returncode == 1
    assert words in done.stdout
    assert "Traceback" not in done.stdout
    assert clone.changes() == ""


def test_a_corrected_table_takes_the_place_of_the_one_before(clone: Clone, table: Path) -> None:
    """A table in data/raw from an earlier try is not taken for the table, and not overwritten without `--force`."""
    clone.run("verdict", "init", str(table), *TEXTS)
    clone.run("git", "checkout", ".")
    write_csv(table, mails(300))
    again = clone.try_run("verdict", "init", str(table), *TEXTS)
    assert again.returncode == 1
    assert "another table lies there" in again.stdout
    clone.run("verdict", "init", str(table), *TEXTS, "--force")
    assert (clone.path / "data/raw/mails.csv").read_bytes() == table.read_bytes()


def test_a_name_that_the_judge_would_refuse_is_changed_or_told(clone: Clone, tmp_path: Path) -> None:
    """Blanks and the like in a table's name become hyphens; in a folder's files they are refused."""
    write_csv(tmp_path / "all mails (new).csv", mails(400))
    assert "data/raw/all-mails-new-.csv: " in clone.run(
        "verdict", "init", str(tmp_path / "all mails (new).csv"), *TEXTS
    )
    clone.run("verdict", "params")
    clone.run("git", "checkout", ".")
    (tmp_path / "folder").mkdir()
    write_csv(tmp_path / "folder/part 1.csv", mails(400))
    done = clone.try_run("verdict", "init", str(tmp_path / "folder"), *TEXTS)
    assert done.returncode == 1
    assert "'part 1.csv' has other letters" in done.stdout


def test_a_slice_without_test_rows_is_said_and_passes(clone: Clone, tmp_path: Path) -> None:
    """Init reports a slice that a given split leaves without test rows, and writes no limit that it would break."""
    made = [
        {
            **mail,
            "part": ("test", "validation", "train")[min(number % 5, 2)],
            "from": "old" if number % 5 == 4 else "new",
        }
        for number, mail in enumerate(mails(400))
    ]
    write_csv(tmp_path / "parts.csv", made)
    options = (*TEXTS, "--slice", "from", "--split", "part")
    output = clone.run("verdict", "init", str(tmp_path / "parts.csv"), *options)
    assert "no row in test: slice old" in output
    clone.run("dvc", "repro", "validate")


def test_the_columns_are_guessed_and_named(table: Path) -> None:
    """The longest texts are the text, and a column called label is the label."""
    columns = columns_of(table)
    assert [column.name for column in columns] == ["subject", "body", "label"]
    assert likely_text(columns) == "body"
    assert likely_label(columns, ["body"]) == "label"


def test_the_params_fit_the_table(tmp_path: Path, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits are below what the table has, and keys that init does not know stay as they are."""
    monkeypatch.chdir(tmp_path)
    data = {"path": table.name, "text": "body", "label": "label", "slice": "subject"}
    trial = try_prepare({**data, "slice": "label"}, {})
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_text(
        rewrite_params(text, {**data, "slice": "label"}, {}, trial, "weighted_f1"), encoding="utf-8"
    )
    found, before = load(tmp_path / "params.yaml"), load(ROOT / "params.yaml")
    assert all(found["validate"]["min_rows"][name] <= rows for name, rows in trial.rows.items())
    assert 1 <= found["validate"]["min_class_rows"] <= trial.rarest("label")
    assert found["gate"]["floors"] == {}
    assert found["featurize"]["word"] == before["featurize"]["word"]
    assert found["train"]["bag"] == before["train"]["bag"]
    assert found["train"]["class_weight"] is None
    noted = rewrite_params(
        text.replace("\nsplit:", "\n# a note\n\n# on the split\nsplit:"), data, {}, trial, "weighted_f1"
    )
    assert "\n# a note\n\n# on the split\nsplit:" in noted, "a comment before a group stays"


def test_conflicts_are_dropped_and_said(tmp_path: Path, clone: Clone) -> None:
    """If single rows would stop the pipeline, init writes the rule that drops them, and reports their number."""
    torn: list[dict[str, object]] = [{"subject": "a", "body": "twice", "label": label} for label in ("ham", "spam")]
    write_csv(tmp_path / "torn.csv", [*mails(400), *torn])
    output = clone.run("verdict", "init", str(tmp_path / "torn.csv"), *TEXTS)
    assert "2 × words under two labels" in output
    assert load(clone.path / "params.yaml")["data"]["conflicts"] == "drop"


def test_where_every_row_conflicts_one_is_named(clone: Clone, tmp_path: Path) -> None:
    """No rule saves such a table, and the message names one of them instead of a list that is gone with the trial."""
    torn = [{"text": text, "label": label} for text in "abcdefgh" for label in ("ham", "spam")]
    write_csv(tmp_path / "torn.csv", torn)
    done = clone.try_run("verdict", "init", str(tmp_path / "torn.csv"), "--text", "text", "--label", "label")
    assert done.returncode == 1
    assert f"16 rows have words that stand under another label, too (such as {tmp_path}/torn.csv, line " in done.stdout


def test_a_label_may_hold_commas(clone: Clone, tmp_path: Path) -> None:
    """In quotes, as in a line of csv."""
    made = [{**mail, "label": {"ham": "good, bad", "spam": 'the "ugly"'}[str(mail["label"])]} for mail in mails(400)]
    write_csv(tmp_path / "mails.csv", made)
    clone.run("verdict", "init", str(tmp_path / "mails.csv"), *TEXTS, "--labels", '"the ""ugly""", "good, bad"')
    assert load(clone.path / "params.yaml")["data"]["labels"] == ['the "ugly"', "good, bad"]


@pytest.mark.parametrize("value", ["plain", "with: colon", "yes", "1.0", "#x", "[a]", "好评", "", " padded", "it's"])
def test_a_value_comes_back_as_it_was(tmp_path: Path, value: str) -> None:
    """params.yaml quotes any column name so that YAML reads it back unchanged."""
    (tmp_path / "a.yaml").write_text(f"a: {yaml_value([value])}\n", encoding="utf-8")
    assert load(tmp_path / "a.yaml") == {"a": [value]}
