"""What the tests of gate and report share: a small main, ways to change a candidate by hand, and the review at hand.

A test module takes the fixtures by name: `clone = edits.clone`, `runner = edits.runner`.
"""

import json
import logging
import re
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages import evaluate, featurize, prepare, reference, train, validate
from tests import warm
from tests.corpus import RAW
from tests.dvc.pipeline.clone import Clone, declared_outs, environment, fresh_clone, remove
from tests.dvc.review.tampering import relock
from tests.shared import once
from tests.warm.server import remember
from verdict.classifier.dataset.description import read_dataset
from verdict.classifier.scores.predictions import metrics_by_slice, scores_document
from verdict.cli import main
from verdict.review.command import Request, sides
from verdict.review.gate import Review, review
from verdict.review.testset import write_test_set

BINS = 15
TEST = "data/prepared/test.parquet"
PREDICTED = "data/predictions/test.parquet"
EVALUATION = "metrics/evaluation.json"
LABELS = ("negative", "neutral", "positive")
# Floors that the model of the noisy table keeps; time on a busy machine is nobody's business here.
FLOORS = {"overall": 0.7, "tweets": 0.5, "movies": 0.5, "products": 0.5, "news": 0.5}
POLICY = {"resamples": 1000, "floors": FLOORS, "max_seconds_per_1000": 1000.0}
WORSE = {"class_weight": {"neutral": 1e4}}
# Every so manieth row has a word of the other class: some test rows must be wrong.
_NOISE = 6
_OTHER = {"wonderful": "awful", "brilliant": "broken", "great": "ugly", "awful": "lovely", "terrible": "superb"}
Change = Callable[[Clone], object]
TableEdit = Callable[[pd.DataFrame], pd.DataFrame]


class CurrentStderr:
    """Standard error as it is when something is written: a fixture has another one than its test."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a stream has
        return getattr(sys.stderr, name)


def redirect_dvc_log(patch: pytest.MonkeyPatch) -> None:
    """Let DVC write where standard error is now: it keeps that of its import, another test's."""
    for handler in (h for name in ("dvc", "dvc_data", "dvc_objects") for h in logging.getLogger(name).handlers):
        patch.setattr(handler, "stream", CurrentStderr())


@dataclass(frozen=True)
class Outcome:
    """The exit code of a command, and what it printed on both streams."""

    code: int
    text: str

    @property
    def failed(self) -> list[str]:
        """The names of the rules that failed."""
        return re.findall(r"^FAIL +(\S+)", self.text, re.MULTILINE)

    @property
    def reason(self) -> str:
        """Why it could not be judged."""
        return "".join(re.findall(r"^CANNOT +judge +(.*)", self.text, re.MULTILINE))


@dataclass(frozen=True)
class ReviewRunner:
    """The review, run in this process as if in a clone."""

    patch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    @contextmanager
    def at(self, place: Clone) -> Iterator[None]:
        """The clone as the current folder, with its environment."""
        with self.patch.context() as patch, chdir(place.path):
            patch.setattr(sys, "executable", str(warm.python()))
            for name, value in environment(place.path).items():
                patch.setenv(name, value)
            redirect_dvc_log(patch)
            remember()
            yield

    def run(self, place: Clone, *arguments: str) -> Outcome:
        """`verdict` with these arguments."""
        self.capsys.readouterr()
        with self.at(place):
            try:
                code = main(arguments)
            except SystemExit as end:  # argparse's way to refuse
                code = end.code if isinstance(end.code, int) else 1
        return Outcome(code, "".join(self.capsys.readouterr()))

    def gate(self, place: Clone, *options: str) -> Outcome:
        """`verdict gate`."""
        return self.run(place, "gate", *options)

    def judge(self, place: Clone, approvals: Collection[str] = ()) -> Review:
        """The review of the working tree against main."""
        with self.at(place), sides(Request(place.path, "main")) as (store, old, new):
            return review(store, old, new, approvals)


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> ReviewRunner:
    """The review, run in this process."""
    return ReviewRunner(monkeypatch, capsys)


@pytest.fixture
def clone(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A copy of a repository whose main is reproduced and committed, for one test to change."""
    return committed_main(tmp_path_factory.getbasetemp()).copy(tmp_path / "verdict")


def committed_main(temporary: Path) -> Clone:
    """The repository behind `clone`, made once a run of pytest; not to be changed."""
    return Clone(once(temporary, "main", _make_main) / "verdict")


def _make_main(folder: Path) -> None:
    made = fresh_clone(folder / "verdict")
    raw = made.path / "data" / "raw" / RAW
    head, *lines = raw.read_text(encoding="utf-8").splitlines(keepends=True)
    noisy = (_noisy(line) if n % _NOISE == 0 else line for n, line in enumerate(lines))
    raw.write_text("".join([head, *noisy]), encoding="utf-8")
    document = made.params()
    document["gate"].update(POLICY)
    made.write_params(document)
    made.run("dvc", "add", "--quiet", f"data/raw/{RAW}")
    made.run("dvc", "repro", "--quiet")
    write_test_set(made.path)
    made.commit("Main")


def _noisy(line: str) -> str:
    for word, other in _OTHER.items():
        if word in line:
            return line.replace(word, other)
    return line


def set_params(place: Clone, group: str, **values: object) -> None:
    """Change keys of a group (dots between names) of params.yaml."""
    document = place.params()
    section: dict[str, Any] = document
    for name in filter(None, group.split(".")):
        section = section[name]
    section.update(values)
    place.write_params(document)


def edit_json(place: Clone, path: str, change: Callable[[Any], object]) -> None:
    """Change the content of a JSON file in place."""
    content = json.loads((place.path / path).read_text(encoding="utf-8"))
    change(content)
    (place.path / path).write_text(json.dumps(content), encoding="utf-8")


def edit_table(place: Clone, path: str, change: TableEdit) -> None:
    """Replace a parquet file by what `change` makes of its table."""
    target = place.path / path
    schema, table = pq.read_schema(target), change(pd.read_parquet(target))
    columns = pa.schema([field for field in schema if field.name in table])
    target.unlink()
    # By lists: pandas would write NaN as a gap.
    pq.write_table(pa.Table.from_pydict({name: table[name].tolist() for name in columns.names}, columns), target)


def edit_test_and_predictions(place: Clone, change: TableEdit) -> None:
    """Change the test split and the predictions alike, and the figures with them."""
    for path in (TEST, PREDICTED):
        edit_table(place, path, change)
    rescore(place)


def correct_ids(place: Clone) -> set[str]:
    """The ids of the test rows that the stored predictions have right."""
    table = pd.read_parquet(place.path / PREDICTED)
    return set(table["id"][table[list(LABELS)].idxmax(axis=1) == table["label"]])


def labels(place: Clone) -> tuple[str, ...]:
    """The classes of a clone's data, in their order."""
    return read_dataset(place.path / "data/prepared/dataset.json").labels


def rescore(place: Clone) -> None:
    """Write the figures that the stored predictions have, for the slices that they have."""
    table = pd.read_parquet(place.path / PREDICTED)
    found = scores_document(table, labels(place), BINS, place.path / PREDICTED)
    (place.path / EVALUATION).write_text(json.dumps(found), encoding="utf-8")


def group_scores(table: pd.DataFrame) -> dict[str, float]:
    """The figures of some predictions, all together, by the code of the stage."""
    return metrics_by_slice(table, LABELS, BINS)["overall"]


def run_stage(place: Clone, stage: ModuleType, **changes: object) -> None:
    """Run a stage past DVC, with other params of `train` (dots between names) that are taken back afterwards."""
    before = (place.path / "params.yaml").read_text(encoding="utf-8")
    for name, value in changes.items():
        group, _, key = f"train.{name}".rpartition(".")
        set_params(place, group, **{key: value})
    for name, cached in declared_outs(place.dag(), stage.__name__.rpartition(".")[2]):
        if cached and (place.path / name).exists():
            remove(place.path / name)  # never write into an object of the cache that is linked here
    with chdir(place.path):
        stage.main()
    (place.path / "params.yaml").write_text(before, encoding="utf-8")


def rerun_all(place: Clone) -> None:
    """All stages on the folder as it is, past DVC, and a lock to match: what an honest author would commit."""
    for stage in (prepare, validate, featurize, train, evaluate, reference):
        run_stage(place, stage)
    relock(place)


def rerun_after_validate(place: Clone) -> None:
    """The stages after `validate`, and a lock to match."""
    for stage in (featurize, train, evaluate, reference):
        run_stage(place, stage)
    relock(place)


def retrain(place: Clone, **changes: object) -> None:
    """Another model with its predictions, figures and plots, of which neither DVC nor dvc.lock knows."""
    run_stage(place, train, **changes)
    run_stage(place, evaluate)


def train_on_flipped_labels(place: Clone) -> None:
    """A model that learnt every row the wrong way round."""
    other = dict(zip(LABELS, LABELS[::-1], strict=True))

    def flipped(table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(label=table["label"].map(other), rating=-table["rating"])

    edit_table(place, "data/features/train.parquet", flipped)
    run_stage(place, train)
