"""The results of one side of a comparison, all checked: its test rows, its predictions for them, its artifact.

Written results are not trusted: the predictions must be those of the artifact, the figures those of the predictions.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from verdict.base.errors import VerdictError
from verdict.base.files import sha256
from verdict.base.paths import ARTIFACT, DATASET, PREDICTIONS, SEED, TEST, VALIDATION_PREDICTIONS, VALIDATION_SPLIT
from verdict.classifier.artifact import (
    Classifier,
    Manifest,
    load_classifier,
    load_groups,
    load_manifest,
)
from verdict.classifier.dataset.description import Dataset, read_dataset, select_truth
from verdict.classifier.dataset.groups import group_hash
from verdict.classifier.scores.predictions import probability_columns
from verdict.repo.revisions import Revision, Store
from verdict.review.data import PREPARED
from verdict.review.policy import headline_of
from verdict.review.tables import bounded_table
from verdict.review.truth import read_truth, require_names, require_probabilities, require_truth, with_probabilities

Mask = npt.NDArray[np.bool_]
Loaded = TypeVar("Loaded")
_LEARNT: tuple[Literal["train", "validation"], ...] = ("train", "validation")
_MOST_DESCRIBED = 10_000_000  # bytes of dataset.json
# Another processor may differ in the last digits of a float32 product; another model differs by far more.
PROBABILITY_TOLERANCE = 1e-4
# Rows, and repeats, to measure the speed again where the first measurement was too slow.
_SAMPLE, _REPEATS = 200, 3


@contextmanager
def errors_about(path: Path, name: str, revision: Revision) -> Iterator[None]:
    """Replace a path in a cache or a temporary folder by the file's name in the repository, in errors about it."""
    try:
        yield
    except VerdictError as error:
        where = error.where
        if where.startswith(str(path)):
            where = f"{name}{where.removeprefix(str(path))} of {revision.name}"
        raise VerdictError(where, error.what, error.remedy) from None


@dataclass(frozen=True)
class Evidence:
    """The results of a revision, read on first use."""

    store: Store
    revision: Revision

    @cached_property
    def test(self) -> pd.DataFrame:
        """The test rows: their truth columns and text."""
        table = self._rows(TEST, "text")
        require_truth(table, f"{TEST} of {self.revision.name}", self.labels)
        return table

    def _rows(self, name: str, *more: str) -> pd.DataFrame:
        """A prepared table's truth columns, and some more."""
        path = self.store.file(self.revision, name)
        with errors_about(path, name, self.revision):
            return read_truth(path, "dvc repro prepare", *more)

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """The stored predictions for `test`, row for row: truth columns, and one for each of `labels`.

        `verify` checks that they are the artifact's.
        """
        return self._predictions(*PREDICTIONS, self.test, TEST, "dvc repro evaluate")

    @cached_property
    def on_validation(self) -> dict[str, pd.DataFrame]:
        """Stored predictions for the validation rows by file: the artifact's before further seeds'; before any refit.

        Empty where dvc.lock names no such folder. They cannot be run again: they are the stage's claim.
        """
        folder, of_artifact = VALIDATION_PREDICTIONS
        if folder not in self.revision.outputs:
            return {}
        truth = self._rows(VALIDATION_SPLIT)
        members = self.store.members(self.revision, folder)
        return {
            name: self._predictions(folder, name, truth, VALIDATION_SPLIT, "dvc repro -f train")
            for name in (of_artifact, *sorted(name for name in members if SEED.fullmatch(name)))
        }

    def _predictions(self, folder: str, name: str, truth: pd.DataFrame, split: str, remedy: str) -> pd.DataFrame:
        """Stored predictions for a split, row for row."""
        place = f"{folder}/{name}"
        where = f"{place} of {self.revision.name}"
        path, truth_columns = self.store.file(self.revision, folder, name), select_truth(truth.columns)
        with errors_about(path, place, self.revision):
            table = bounded_table(path, remedy, [*truth_columns, *probability_columns(self.labels)])
        require_truth(table, where, self.labels)
        require_probabilities(table, self.labels, where)
        if not table[truth_columns].equals(truth[truth_columns]):
            raise VerdictError(where, f"not predictions for the rows of {split}, row for row", remedy)
        return table

    def _artifact(self, load: Callable[[Path], Loaded]) -> Loaded:
        """Load the artifact, or a part of it."""
        folder = self.store.folder(self.revision, ARTIFACT)
        with errors_about(folder, ARTIFACT, self.revision):
            return load(folder)

    @cached_property
    def _manifest(self) -> Manifest:
        return self._artifact(load_manifest)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The artifact's classes, in the order of its probabilities."""
        labels = self._manifest.labels
        require_names(labels, "labels", f"{ARTIFACT} of {self.revision.name}", "dvc repro -f train")
        return labels

    @property
    def headline(self) -> str:
        """The metric that decides, by the revision's params."""
        return headline_of(self.revision)

    @cached_property
    def classifier(self) -> Classifier:
        """The artifact, loaded."""
        return self._artifact(load_classifier)

    @cached_property
    def artifact_bytes(self) -> int:
        """The size of the artifact."""
        return self.store.size(self.revision, ARTIFACT)

    @cached_property
    def _learnt_groups(self) -> frozenset[str]:
        """Hashes of the groups that the artifact says it learnt from."""
        return frozenset(self._artifact(load_groups))

    def was_trained_on(self, groups: pd.Series) -> pd.Series:
        """Mask of the groups that the artifact says it learnt from; `false_training_claims` checks what it says."""
        return groups.map(group_hash).isin(self._learnt_groups)

    def false_training_claims(self) -> list[str]:
        """Claims of the artifact's manifest that contradict the prepared data, one line each.

        It names the tables and groups it learnt from, its classes in their order (of two the second is the positive
        one), and how its text is made: the review must score what it does elsewhere.
        """
        manifest, dataset = self._manifest, self._dataset()
        groups, wrong = set[str](), list[str]()
        if manifest.labels != dataset.labels:
            wrong.append(f"its labels are {', '.join(manifest.labels)}, not {', '.join(dataset.labels)}"[:300])
        if manifest.text != dataset.text:
            wrong.append(f"its text is made in another way than {DATASET} says")
        for name in _LEARNT:
            path = PREPARED[name]
            file = self.store.file(self.revision, path)
            with errors_about(file, path, self.revision):
                groups.update(bounded_table(file, "dvc repro prepare", ["group"])["group"])
            if manifest.trained_on.get(name) != sha256(file):
                wrong.append(f"trained_on names another table than {path}")
        hashes = frozenset(map(group_hash, groups))
        if missing := len(hashes - self._learnt_groups):
            wrong.append(f"documents.json lacks {missing:,} of {len(hashes):,} groups")
        if surplus := len(self._learnt_groups - hashes):
            wrong.append(f"documents.json names {surplus:,} that are no groups of train or validation")
        return wrong

    def _dataset(self) -> Dataset:
        path = self.store.file(self.revision, DATASET)
        with errors_about(path, DATASET, self.revision):
            if path.stat().st_size > _MOST_DESCRIBED:
                raise VerdictError(str(path), f"more than {_MOST_DESCRIBED / 1e6:,.0f} MB", "dvc repro prepare")
            return read_dataset(path)

    def predict(self, table: pd.DataFrame) -> pd.DataFrame:
        """Compute the artifact's predictions for rows from their text alone: truth columns, and one for each label."""
        probabilities = self.classifier.probabilities(table["text"])
        predictions = with_probabilities(table, self.labels, probabilities)
        require_probabilities(predictions, self.labels, f"{ARTIFACT} of {self.revision.name}")
        return predictions

    def predictions_for(self, rows: pd.DataFrame) -> tuple[pd.DataFrame, Mask]:
        """Predictions for test rows of another side, and the mask of those that the artifact learnt from: NaN there.

        Rows of this side's test split get the stored predictions; on others the artifact is run.
        """
        table, names = rows.reset_index(drop=True), probability_columns(self.labels)
        columns = [*select_truth(table.columns.intersection(self.test.columns)), "text"]
        stored = self.test[columns].reset_index(names="row")
        stored_row = table[columns].merge(stored, on=columns, how="left")["row"]
        new = stored_row.isna().to_numpy()
        learnt = new & self.was_trained_on(table["group"]).to_numpy() if new.any() else new
        values = np.full((len(table), len(names)), np.nan)
        values[~new] = self.predictions[names].to_numpy()[stored_row[~new].to_numpy(dtype=int)]
        if (to_run := new & ~learnt).any():
            values[to_run] = self.predict(table[to_run].reset_index(drop=True))[names].to_numpy()
        return with_probabilities(table, self.labels, values), learnt

    def verify(self) -> float:
        """Check that the stored predictions are the artifact's; return the seconds that it took for 1,000 rows."""
        stored = self.predictions
        leaked = self.was_trained_on(self.test["group"])
        if leaked.any():
            what = f"was trained on {self.test.loc[leaked, 'group'].nunique()} groups of its own test split"
            raise VerdictError(f"{ARTIFACT} of {self.revision.name}", what, "dvc repro -f train")
        _ = self.classifier  # loaded before the clock starts
        computed, seconds = self._timed(self.test)
        names = probability_columns(self.labels)
        off = np.abs(computed[names].to_numpy() - stored[names].to_numpy()).max(axis=1)
        if (off > PROBABILITY_TOLERANCE).any():
            row = int(off.argmax())
            what = (
                f"not what the artifact says: {int((off > PROBABILITY_TOLERANCE).sum())} of {len(off)} rows differ,"
                f" most in row {row} ({stored['id'].iloc[row]}), by {off[row]:.4f}"
            )
            where = f"{'/'.join(PREDICTIONS)} of {self.revision.name}"
            raise VerdictError(where, what, "dvc repro -f evaluate, and commit dvc.lock")
        return seconds

    def remeasured_seconds(self) -> float:
        """The seconds for 1,000 rows: the least of several measurements on a sample from all over the test split."""
        sample = self.test.iloc[:: len(self.test) // _SAMPLE + 1].reset_index(drop=True)
        return min(self._timed(sample)[1] for _ in range(_REPEATS))

    def _timed(self, table: pd.DataFrame) -> tuple[pd.DataFrame, float]:
        """Predict rows; return the predictions, and the seconds for 1,000 rows.

        These are by the clock or by the processor's time, whichever is less: other work on the machine adds to the
        clock, and the processor's time adds up all threads.
        """
        clock, processor = time.perf_counter(), time.process_time()
        predictions = self.predict(table)
        seconds = min(time.perf_counter() - clock, time.process_time() - processor)
        return predictions, seconds / len(table) * 1000
