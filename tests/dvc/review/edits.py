"""Edits of a candidate, the small main that it is compared with, and the review run in this process.

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
from tests.warm.server import cache_yaml_parsing
from verdict.classifier.dataset.description import read_dataset
from verdict.classifier.scores.predictions import metrics_by_slice, metrics_document_of_predictions
from verdict.cli import main
from verdict.review.command import Request, sides
from verdict.review.gate import Review, review
from verdict.review.testset import write_test_set

BINS = 15
TEST = "data/prepared/test.parquet"
PREDICTED = "data/predictions/test.parquet"
EVALUATION = "metrics/evaluation.json"
LABELS = ("negative", "neutral", "positive")
# Floors that the model of the noisy table keeps; prediction time is not limited, since the machine may be busy.
FLOORS = {"overall": 0.7, "tweets": 0.5, "movies": 0.5, "products": 0.5, "news": 0.5}
POLICY = {"resamples": 1000, "floors": FLOORS, "max_seconds_per_1000": 1000.0}
WORSE = {"class_weight": {"neutral": 1e4}}
# Every sixth row has a word of the other class, so that some test rows are predicted wrong.
_NOISE = 6
_OTHER = {"wonderful": "awful", "brilliant": "broken", "great": "ugly", "awful": "lovely", "terrible": "superb"}
Change = Callable[[Clone], object]
TableEdit = Callable[[pd.DataFrame], pd.DataFrame]


class CurrentStderr:
    """The current sys.stderr at each write: a fixture's is not the test's."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a stream has
        return getattr(sys.stderr, name)


def redirect_dvc_log(patch: pytest.MonkeyPatch) -> None:
    """Let DVC log to the current standard error: it keeps that of its import, which was another test's."""
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
        """The reason of *cannot judge*."""
        return "".join(re.findall(r"^CANNOT +judge +(.*)", self.text, re.MULTILINE))


@dataclass(frozen=True)
class ReviewRunner:
    """Runs the review in this process, with a clone as the current folder."""

    patch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    @contextmanager
    def at(self, clone: Clone) -> Iterator[None]:
        """Make the clone the current folder, with its environment."""
        with self.patch.context() as patch, chdir(clone.path):
            patch.setattr(sys, "executable", str(warm.python()))
            for name, value in environment(clone.path).items():
                patch.setenv(name, value)
            redirect_dvc_log(patch)
            cache_yaml_parsing()
            yield

    def run(self, clone: Clone, *arguments: str) -> Outcome:
        """`verdict` with these arguments."""
        self.capsys.readouterr()
        with self.at(clone):
            try:
                code = main(arguments)
            except SystemExit as end:  # argparse's way to refuse
                code = end.code if isinstance(end.code, int) else 1
        return Outcome(code, "".join(self.capsys.readouterr()))

    def gate(self, clone: Clone, *options: str) -> Outcome:
        """`verdict gate`."""
        return self.run(clone, "gate", *options)

    def judge(self, clone: Clone, approvals: Collection[str] = ()) -> Review:
        """The review of the working tree against main."""
        with self.at(clone), sides(Request(clone.path, "main")) as (store, base, candidate):
            return review(store, base, candidate, approvals)


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> ReviewRunner:
    """Runs the review in this process."""
    return ReviewRunner(monkeypatch, capsys)


@pytest.fixture
def clone(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A copy of a repository whose main is reproduced and committed, for one test to change."""
    return committed_main(tmp_path_factory.getbasetemp()).copy(tmp_path / "verdict")


def committed_main(temporary: Path) -> Clone:
    """The repository behind `clone`, made once a run of pytest; do not change it."""
    return Clone(once(temporary, "main", _make_main) / "verdict")


def _make_main(folder: Path) -> None:
    main_clone = fresh_clone(folder / "verdict")
    raw = main_clone.path / "data" / "raw" / RAW
    head, *lines = raw.read_text(encoding="utf-8").splitlines(keepends=True)
    noisy = (_noisy(line) if n % _NOISE == 0 else line for n, line in enumerate(lines))
    raw.write_text("".join([head, *noisy]), encoding="utf-8")
    document = main_clone.params()
    document["gate"].update(POLICY)
    main_clone.write_params(document)
    main_clone.run("dvc", "add", "--quiet", f"data/raw/{RAW}")
    main_clone.run("dvc", "repro", "--quiet")
    write_test_set(main_clone.path)
    main_clone.commit("Main")


def _noisy(line: str) -> str:
    for word, other in _OTHER.items():
        if word in line:
            return line.replace(word, other)
    return line


def set_params(clone: Clone, group: str, **values: object) -> None:
    """Set keys of a group of params.yaml; dots separate nested groups."""
    document = clone.params()
    section: dict[str, Any] = document
    for name in filter(None, group.split(".")):
        section = section[name]
    section.update(values)
    clone.write_params(document)


def edit_json(clone: Clone, path: str, change: Callable[[Any], object]) -> None:
    """Change the content of a JSON file in clone."""
    content = json.loads((clone.path / path).read_text(encoding="utf-8"))
    change(content)
    (clone.path / path).write_text(json.dumps(content), encoding="utf-8")


def edit_table(clone: Clone, path: str, change: TableEdit) -> None:
    """Replace the table of a parquet file by the result of `change`."""
    target = clone.path / path
    schema, table = pq.read_schema(target), change(pd.read_parquet(target))
    columns = pa.schema([field for field in schema if field.name in table])
    target.unlink()
    # By lists: pandas would write NaN as a gap.
    pq.write_table(pa.Table.from_pydict({name: table[name].tolist() for name in columns.names}, columns), target)


def edit_test_and_predictions(clone: Clone, change: TableEdit) -> None:
    """Change the test split and the predictions alike, and rewrite the metrics."""
    for path in (TEST, PREDICTED):
        edit_table(clone, path, change)
    rescore(clone)


def correct_ids(clone: Clone) -> set[str]:
    """The ids of the test rows that are predicted right."""
    table = pd.read_parquet(clone.path / PREDICTED)
    return set(table["id"][table[list(LABELS)].idxmax(axis=1) == table["label"]])


def labels(clone: Clone) -> tuple[str, ...]:
    """The classes of a clone's data, in their order."""
    return read_dataset(clone.path / "data/prepared/dataset.json").labels


def rescore(clone: Clone) -> None:
    """Rewrite the metrics file from the stored predictions."""
    table = pd.read_parquet(clone.path / PREDICTED)
    scores = metrics_document_of_predictions(table, labels(clone), BINS, clone.path / PREDICTED)
    (clone.path / EVALUATION).write_text(json.dumps(scores), encoding="utf-8")


def group_scores(table: pd.DataFrame) -> dict[str, float]:
    """The metrics of all these predictions together, by the code of the stage."""
    return metrics_by_slice(table, LABELS, BINS)["overall"]


def run_stage(clone: Clone, stage: ModuleType, **changes: object) -> None:
    """Run a stage without DVC, with other params of `train` (dots between names) that are restored afterwards."""
    before = (clone.path / "params.yaml").read_text(encoding="utf-8")
    for name, value in changes.items():
        group, _, key = f"train.{name}".rpartition(".")
        set_params(clone, group, **{key: value})
    for name, cached in declared_outs(clone.dag(), stage.__name__.rpartition(".")[2]):
        if cached and (clone.path / name).exists():
            remove(clone.path / name)  # never write into an object of the cache that is linked here
    with chdir(clone.path):
        stage.main()
    (clone.path / "params.yaml").write_text(before, encoding="utf-8")


def rerun_all(clone: Clone) -> None:
    """Run all stages without DVC and write a matching lock: what an honest author would commit."""
    for stage in (prepare, validate, featurize, train, evaluate, reference):
        run_stage(clone, stage)
    relock(clone)


def rerun_after_validate(clone: Clone) -> None:
    """Run the stages after `validate` without DVC and write a matching lock."""
    for stage in (featurize, train, evaluate, reference):
        run_stage(clone, stage)
    relock(clone)


def retrain(clone: Clone, **changes: object) -> None:
    """Train and evaluate another model, without DVC and without a new dvc.lock."""
    run_stage(clone, train, **changes)
    run_stage(clone, evaluate)


def train_on_flipped_labels(clone: Clone) -> None:
    """Train a model on flipped labels and ratings."""
    opposite = dict(zip(LABELS, LABELS[::-1], strict=True))

    def flipped(table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(label=table["label"].map(opposite), rating=-table["rating"])

    edit_table(clone, "data/features/train.parquet", flipped)
    run_stage(clone, train)
