"""The run in CI: main's code drives it and makes the data, and a change's training gets no sight of the test split."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.documents import load, save
from tests.dvc.pipeline.clone import Clone
from tests.dvc.review import edits
from tests.dvc.review.edits import Change, ReviewRunner, set_params
from tests.dvc.review.tampering import relock
from verdict.base.errors import VerdictError
from verdict.ci.audit import reproduce_main
from verdict.ci.run.reproduce import reproduce
from verdict.repo.isolation import landlock
from verdict.repo.isolation.main_code import DATA_LABEL, MainCode
from verdict.repo.repro import StageError

clone, runner = edits.clone, edits.runner
pytestmark = pytest.mark.skipif(landlock.version() < 1, reason="this kernel has no Landlock")
TRAIN, PREPARE = "data/prepared/train.parquet", "stages/prepare.py"


@pytest.fixture
def main(clone: Clone) -> MainCode:
    """Main's code in a separate checkout."""
    clone.run("git", "worktree", "add", "--quiet", "--detach", str(clone.path.with_name("main")))
    return MainCode(clone.path.with_name("main"))


def begin(name: str, text: str) -> Change:
    """A change of a stage's main function: some lines before all others."""

    def change(clone: Clone) -> None:
        path = clone.path / name
        head, function, rest = path.read_text(encoding="utf-8").partition("def main() -> None:\n")
        path.write_text(f"{head}{function}{text}{rest}", encoding="utf-8")

    return change


def declare(stage: str, path: str) -> Change:
    """Declare one more dependency."""

    def change(clone: Clone) -> None:
        dag = clone.dag()
        dag["stages"][stage]["deps"].append(path)
        save(clone.path / "dvc.yaml", dag)

    return change


def both(*several: Change) -> Change:
    """Make one change after the other."""
    return lambda place: [change(place) for change in several]


LEARNS = "    import pandas as pd\n    print('learns', len(pd.read_parquet({!r})))\n"
BY_NAME = begin("stages/train.py", LEARNS.format("data/prepared/test.parquet"))
BY_PATH = begin(
    "stages/train.py",
    "    import os, subprocess\n"
    "    subprocess.run(['cat', os.environ['DVC_ROOT'] + '/data/prepared/test.parquet'], check=True)\n",
)
RAW = begin("stages/train.py", "    import os\n    print('learns', os.listdir('data/raw'))\n")
PREDICTED = begin("stages/train.py", LEARNS.format("data/predictions/test.parquet"))
# A training that learns from test rows, and how the run ends: at a stage, or before any.
ATTACKS: dict[str, tuple[Change, str | None]] = {
    "by its name": (BY_NAME, "train"),
    "by its path": (BY_PATH, "train"),
    "from the raw data": (RAW, "train"),
    "declared": (both(BY_NAME, declare("train", "data/prepared/test.parquet")), None),
    "raw data declared": (both(RAW, declare("train", "data/raw/sentences.csv")), None),
    "by what evaluate wrote": (both(PREDICTED, declare("train", "data/predictions")), None),
}


def ran(runner: ReviewRunner, clone: Clone, main: MainCode | None) -> dict[str, Any]:
    """The head of the bundle that a run leaves."""
    out = clone.path / "bundle"
    with runner.at((main and Clone(main.folder)) or clone):
        try:
            reproduce(clone.path, "main", out, remote=False, main=main)
        except VerdictError as error:
            print(error)
    found: dict[str, Any] = json.loads((out / "bundle.json").read_text(encoding="utf-8"))
    return found


def proposed(clone: Clone, change: Change) -> None:
    """The change, committed on a branch."""
    clone.run("git", "switch", "--quiet", "--create", "change")
    change(clone)
    clone.commit("Change")


@pytest.mark.parametrize("name", ATTACKS)
def test_a_training_that_learns_from_test_rows_ends_the_run(
    clone: Clone, runner: ReviewRunner, main: MainCode, name: str
) -> None:
    """Whichever way it takes, the bundle says that the run failed, and why; the judge fails such a change."""
    change, stage = ATTACKS[name]
    proposed(clone, change)
    head = ran(runner, clone, main)
    assert (head["outcome"], head["stage"]) == ("failed", stage), head
    assert stage or "train" in head["reason"]
    assert not (clone.path / "bundle" / "models").exists()


@pytest.mark.parametrize("fresh", [False, True], ids=["main", "audit"])
@pytest.mark.parametrize("name", ["by its name", "declared"])
def test_main_and_audit_fail_on_it(clone: Clone, runner: ReviewRunner, name: str, fresh: bool) -> None:
    """Had it got into main, with a lock to match, neither says that main is true."""
    change, stage = ATTACKS[name]
    change(clone)
    dag = clone.dag()
    document = load(clone.path / "dvc.lock")
    for path in set(dag["stages"]["train"]["deps"]) - {dep["path"] for dep in document["stages"]["train"]["deps"]}:
        if "$" not in path:
            document["stages"]["train"]["deps"].append({"path": path, "hash": "md5", "md5": "", "size": 0})
    save(clone.path / "dvc.lock", document)
    relock(clone)
    clone.commit("Straight to main")
    with runner.at(clone), pytest.raises(VerdictError) as failed:
        reproduce_main(clone.path, remote=False, fresh=fresh)
    assert isinstance(failed.value, StageError) == bool(stage)
    assert "train" in str(failed.value)


COPIES = """
    import pyarrow as pa, pyarrow.parquet as pq
    rows, more = (pq.read_table(PREPARED / f"{name}.parquet") for name in ("train", "test"))
    ends = {"id": "x", "group": "x", "text": " indeed"}
    copies = [{key: f"{value}{ends[key]}" if key in ends else value for key, value in row.items()}
              for row in more.to_pylist()]
    pq.write_table(pa.Table.from_pylist([*rows.to_pylist(), *copies], schema=rows.schema), PREPARED / "train.parquet")
"""


def copying(clone: Clone) -> None:
    """A prepare that copies test rows, with a word added, to the training rows."""
    path = clone.path / PREPARE
    end = '\n\nif __name__ == "__main__":'
    text = path.read_text(encoding="utf-8")
    assert end in text
    path.write_text(text.replace(end, COPIES + end), encoding="utf-8")


def texts(clone: Clone) -> pd.Series:
    """The texts to learn from."""
    return pd.read_parquet(clone.path / TRAIN)["text"]


@pytest.mark.parametrize("approved", [False, True])
def test_mains_code_makes_the_data(
    clone: Clone, runner: ReviewRunner, main: MainCode, approved: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """A prepare that copies test rows to training runs only where a person approved it: else main's tables come out."""
    before = texts(clone)
    proposed(clone, copying)
    head = ran(runner, clone, None if approved else main)
    after = texts(clone)
    assert after.str.endswith(" indeed").any() == approved
    if not approved:
        assert head["outcome"] == "reproduced", head
        assert list(after) == list(before)
        assert f"prepare: main's code runs it, since the change's own is another and lacks the label {DATA_LABEL}" in (
            capsys.readouterr().out
        )
        assert ran(runner, clone, None)[
            "outcome"
        ]  # the label, set later: no record says that main's tables were its own
        assert texts(clone).str.endswith(" indeed").any()


def test_a_stage_that_misses_what_mains_code_does_not_write_is_told_so(
    clone: Clone, runner: ReviewRunner, main: MainCode
) -> None:
    """If featurize needs an output of the change's own prepare, the reason names the label that allows it."""

    def with_column(place: Clone) -> None:
        path = place.path / "stages" / "featurize.py"
        text = path.read_text(encoding="utf-8")
        line = "    first = next(parts)\n"
        assert line in text
        asked = """    every = (part["text"].to_pylist() for part in prepared_parts(source, _REMEDY))
    words = " ".join(map(" ".join, every))
    assert source.stem != "train" or " indeed" in words
"""
        path.write_text(text.replace(line, line + asked), encoding="utf-8")
        copying(place)

    proposed(clone, with_column)
    head = ran(runner, clone, main)
    assert (head["outcome"], head["stage"]) == ("failed", "featurize"), head
    assert "main's code ran prepare" in head["reason"]
    assert DATA_LABEL in head["reason"]


def test_an_honest_change_of_the_code_needs_no_label(clone: Clone, runner: ReviewRunner, main: MainCode) -> None:
    """If the change's code writes what main's does, the run reproduces its lock."""

    def commented(place: Clone) -> None:
        path = place.path / PREPARE
        path.write_text(path.read_text(encoding="utf-8") + "\n# A remark.\n", encoding="utf-8")
        place.run("python", "-I", "-m", "verdict", "repro")

    proposed(clone, commented)
    lock = load(clone.path / "dvc.lock")["stages"]
    assert ran(runner, clone, main)["outcome"] == "reproduced"
    assert load(clone.path / "dvc.lock")["stages"] == lock


def renamed_output(clone: Clone) -> None:
    """One output more."""
    dag = clone.dag()
    dag["stages"]["prepare"]["outs"].append("data/prepared/more.parquet")
    save(clone.path / "dvc.yaml", dag)


def new_setting(clone: Clone) -> None:
    """A setting that main's code does not know, and that the change's does."""
    set_params(clone, "data", language="en")
    path = clone.path / "verdict/classifier/params/__init__.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("    path: Annotated", "    language: str\n    path: Annotated", 1), encoding="utf-8")


@pytest.mark.parametrize("change", [renamed_output, new_setting])
def test_what_mains_code_cannot_do_names_the_label(
    clone: Clone, runner: ReviewRunner, main: MainCode, change: Callable[[Clone], None]
) -> None:
    """Other outputs, or settings that main's code does not know: the run fails, and says who can let it through."""
    proposed(clone, change)
    head = ran(runner, clone, main)
    assert head["outcome"] == "failed"
    assert DATA_LABEL in head["reason"]


def test_the_changes_settings_count(clone: Clone, runner: ReviewRunner, main: MainCode) -> None:
    """Main's code makes the data with the change's groups data, split and validate of params.yaml."""

    def change(place: Clone) -> None:
        copying(place)
        set_params(place, "split", salt="another")
        set_params(place, "validate", min_class_rows=1)
        set_params(place, "train.linear", alpha=0.001)

    before = texts(clone)
    proposed(clone, change)
    assert ran(runner, clone, main)["outcome"] == "reproduced"
    assert sorted(texts(clone)) != sorted(before)
    assert not texts(clone).str.endswith(" indeed").any()


def test_the_changes_own_review_has_no_say(clone: Clone, runner: ReviewRunner, main: MainCode) -> None:
    """Isolation that a change switches off in its own verdict/review/ is on in its run, which is main's."""

    def change(place: Clone) -> None:
        BY_NAME(place)
        path = place.path / "verdict/repo/isolation/sandbox.py"
        path.write_text("from contextlib import contextmanager\n\n\n@contextmanager\ndef isolated(*_):\n    yield\n")

    proposed(clone, change)
    out = clone.path / "bundle"
    options = ("--root", str(clone.path), "--base", "main", "--out", str(out))
    done = Clone(main.folder).try_run("python", "-I", "-m", "verdict", "ci", "reproduce", *options)
    assert done.returncode == 1, done.stdout
    assert json.loads((out / "bundle.json").read_text(encoding="utf-8"))["stage"] == "train"
    assert "data/prepared/test.parquet" in done.stdout


def test_a_params_file_of_another_shape_is_no_obstacle(clone: Clone, runner: ReviewRunner, main: MainCode) -> None:
    """A new key of a stage that the change's own code runs is that code's business."""

    def change(place: Clone) -> None:
        set_params(place, "evaluate", digits=4)
        path = place.path / "verdict/classifier/params/__init__.py"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("    calibration_bins: ", "    digits: int\n    calibration_bins: ", 1), "utf-8")

    proposed(clone, change)
    assert "digits: int" in Path(clone.path / "verdict/classifier/params/__init__.py").read_text(encoding="utf-8")
    assert ran(runner, clone, main)["outcome"] == "reproduced"


def test_a_machine_that_cannot_keep_stages_apart_hands_nothing_over(
    clone: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without Landlock there is no bundle: that is no verdict on the change, so the judge cannot judge."""
    monkeypatch.setattr(landlock, "version", lambda: 0)
    with pytest.raises(VerdictError, match="no Landlock"):
        reproduce(clone.path, "main", clone.path / "bundle", remote=False, main=None)
    assert not (clone.path / "bundle").exists()
