"""What one side of a comparison brings: its test rows, its predictions for them, its artifact; all is checked.

Nothing is believed for being written down: the predictions must be those of the artifact, the figures those of the
predictions.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from verdict.base.errors import VerdictError
from verdict.base.files import sha256
from verdict.base.paths import ARTIFACT, DATASET, HELD_OUT, PREDICTIONS, SEED, TEST, VALIDATION
from verdict.classifier.artifact import (
    Classifier,
    Manifest,
    group_hash,
    load_classifier,
    load_groups,
    load_manifest,
)
from verdict.classifier.dataset.description import Dataset, read_dataset, select_truth
from verdict.classifier.scores.predictions import probability_columns
from verdict.repo.revisions import Revision, Store
from verdict.review.data import PREPARED
from verdict.review.policy import headline_of
from verdict.review.tables import bounded_table
from verdict.review.truth import read_truth, require_names, require_probabilities, require_truth, with_probabilities

Mask = npt.NDArray[np.bool_]
_LEARNT: tuple[Literal["train", "validation"], ...] = ("train", "validation")
_MOST_DESCRIBED = 10_000_000  # bytes of dataset.json
# Another processor may differ in the last digits of a float32 product; another model differs by far more.
PROBABILITY_TOLERANCE = 1e-4
# Rows, and times, to measure the speed again where one look was too slow.
_SAMPLE, _REPEATS = 200, 3


@contextmanager
def errors_about(path: Path, name: str, revision: Revision) -> Iterator[None]:
    """Errors about a file in a cache or a temporary folder, told by the name that people know it by."""
    try:
        yield
    except VerdictError as error:
        where = error.where
        if where.startswith(str(path)):
            where = f"{name}{where.removeprefix(str(path))} of {revision.name}"
        raise VerdictError(where, error.what, error.remedy) from None


@dataclass(frozen=True)
class Evidence:
    """One side's objects, read when they are asked for."""

    store: Store
    revision: Revision

    @cached_property
    def test(self) -> pd.DataFrame:
        """The test rows: what is true of them, and their text."""
        table = self._rows(TEST, "text")
        require_truth(table, f"{TEST} of {self.revision.name}", self.labels)
        return table

    def _rows(self, name: str, *more: str) -> pd.DataFrame:
        """A prepared table's columns of truth, and some more."""
        path = self.store.file(self.revision, name)
        with errors_about(path, name, self.revision):
            return read_truth(path, "dvc repro prepare", *more)

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """The stored predictions for `test`, row for row: what is true, and a column for each of `labels`."""
        return self._predictions(*PREDICTIONS, self.test, TEST, "dvc repro evaluate")

    @cached_property
    def on_validation(self) -> dict[str, pd.DataFrame]:
        """Predictions for the validation rows by file, the artifact's own before further seeds'; before any refit.

        There is none where dvc.lock names no such folder. What they say cannot be run again: it is the stage's claim.
        """
        folder, own = VALIDATION
        if folder not in self.revision.outputs:
            return {}
        truth = self._rows(HELD_OUT)
        members = self.store.members(self.revision, folder)
        return {
            name: self._predictions(folder, name, truth, HELD_OUT, "dvc repro -f train")
            for name in (own, *sorted(name for name in members if SEED.fullmatch(name)))
        }

    def _predictions(self, folder: str, name: str, truth: pd.DataFrame, split: str, remedy: str) -> pd.DataFrame:
        """Stored predictions for a split, row for row."""
        place = f"{folder}/{name}"
        where = f"{place} of {self.revision.name}"
        path, known = self.store.file(self.revision, folder, name), select_truth(truth.columns)
        with errors_about(path, place, self.revision):
            table = bounded_table(path, remedy, [*known, *probability_columns(self.labels)])
        require_truth(table, where, self.labels)
        require_probabilities(table, self.labels, where)
        if not table[known].equals(truth[known]):
            raise VerdictError(where, f"not predictions for the rows of {split}, row for row", remedy)
        return table

    @cached_property
    def _manifest(self) -> Manifest:
        folder = self.store.folder(self.revision, ARTIFACT)
        with errors_about(folder, ARTIFACT, self.revision):
            return load_manifest(folder)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The classes that the artifact tells apart, in the order of its probabilities."""
        labels = self._manifest.labels
        require_names(labels, "labels", f"{ARTIFACT} of {self.revision.name}", "dvc repro -f train")
        return labels

    @property
    def headline(self) -> str:
        """The metric that decides, by the revision's own params."""
        return headline_of(self.revision)

    @cached_property
    def classifier(self) -> Classifier:
        """The artifact, loaded."""
        folder = self.store.folder(self.revision, ARTIFACT)
        with errors_about(folder, ARTIFACT, self.revision):
            return load_classifier(folder)

    @cached_property
    def artifact_bytes(self) -> int:
        """The size of the artifact."""
        return self.store.size(self.revision, ARTIFACT)

    @cached_property
    def _known(self) -> frozenset[str]:
        folder = self.store.folder(self.revision, ARTIFACT)
        with errors_about(folder, ARTIFACT, self.revision):
            return frozenset(load_groups(folder))

    def was_trained_on(self, groups: pd.Series) -> pd.Series:
        """Which of the groups the artifact learnt from, as it says itself; `false_training_claims` checks that."""
        return groups.map(group_hash).isin(self._known)

    def false_training_claims(self) -> list[str]:
        """What the artifact says of itself that the prepared data does not bear out.

        That is what it learnt from, its classes in their order (of two the second is the positive one), and how its
        text is made: what is scored here must be what it does elsewhere.
        """
        told, made = self._manifest, self._described()
        groups, found = set[str](), list[str]()
        if told.labels != made.labels:
            found.append(f"its labels are {', '.join(told.labels)}, not {', '.join(made.labels)}"[:300])
        if told.text != made.text:
            found.append(f"its text is made in another way than {DATASET} says")
        for name in _LEARNT:
            path = PREPARED[name]
            file = self.store.file(self.revision, path)
            with errors_about(file, path, self.revision):
                groups.update(bounded_table(file, "dvc repro prepare", ["group"])["group"])
            if told.trained_on.get(name) != sha256(file):
                found.append(f"trained_on names another table than {path}")
        true = frozenset(map(group_hash, groups))
        if absent := len(true - self._known):
            found.append(f"documents.json lacks {absent:,} of {len(true):,} groups")
        if surplus := len(self._known - true):
            found.append(f"documents.json names {surplus:,} that are no groups of train or validation")
        return found

    def _described(self) -> Dataset:
        path = self.store.file(self.revision, DATASET)
        with errors_about(path, DATASET, self.revision):
            if path.stat().st_size > _MOST_DESCRIBED:
                raise VerdictError(str(path), f"more than {_MOST_DESCRIBED / 1e6:,.0f} MB", "dvc repro prepare")
            return read_dataset(path)

    def predict(self, table: pd.DataFrame) -> pd.DataFrame:
        """The artifact's own predictions for rows, computed now from their text alone: what is true, and `labels`."""
        probabilities = self.classifier.probabilities(table["text"])
        predictions = with_probabilities(table, self.labels, probabilities)
        require_probabilities(predictions, self.labels, f"{ARTIFACT} of {self.revision.name}")
        return predictions

    def predictions_for(self, rows: pd.DataFrame) -> tuple[pd.DataFrame, Mask]:
        """Predictions for test rows of another side, and which of these the artifact learnt from: those hold NaN.

        For a row that is tested here, too, the stored ones; for others the artifact is run.
        """
        table, names = rows.reset_index(drop=True), probability_columns(self.labels)
        columns = [*select_truth(table.columns.intersection(self.test.columns)), "text"]
        stored = self.test[columns].reset_index(names="row")
        place = table[columns].merge(stored, on=columns, how="left")["row"]
        new = place.isna().to_numpy()
        known = new & self.was_trained_on(table["group"]).to_numpy() if new.any() else new
        values = np.full((len(table), len(names)), np.nan)
        values[~new] = self.predictions[names].to_numpy()[place[~new].to_numpy(dtype=int)]
        if (asked := new & ~known).any():
            values[asked] = self.predict(table[asked].reset_index(drop=True))[names].to_numpy()
        return with_probabilities(table, self.labels, values), known

    def verified_predictions(self) -> tuple[pd.DataFrame, float]:
        """The stored predictions, found to be those of the artifact, and the seconds it took for 1,000 rows."""
        where = f"{'/'.join(PREDICTIONS)} of {self.revision.name}"
        stored = self.predictions
        leaked = self.was_trained_on(self.test["group"])
        if leaked.any():
            what = f"was trained on {self.test.loc[leaked, 'group'].nunique()} groups of its own test split"
            raise VerdictError(f"{ARTIFACT} of {self.revision.name}", what, "dvc repro -f train")
        _ = self.classifier
        computed, seconds = self._timed(self.test)
        names = probability_columns(self.labels)
        off = np.abs(computed[names].to_numpy() - stored[names].to_numpy()).max(axis=1)
        if (off > PROBABILITY_TOLERANCE).any():
            row = int(off.argmax())
            what = (
                f"not what the artifact says: {int((off > PROBABILITY_TOLERANCE).sum())} of {len(off)} rows differ,"
                f" most in row {row} ({stored['id'].iloc[row]}), by {off[row]:.4f}"
            )
            raise VerdictError(where, what, "dvc repro -f evaluate, and commit dvc.lock")
        return stored, seconds

    def remeasured_seconds(self) -> float:
        """The seconds for 1,000 rows, the least of some looks at a few that stand all over the test split."""
        sample = self.test.iloc[:: len(self.test) // _SAMPLE + 1].reset_index(drop=True)
        return min(self._timed(sample)[1] for _ in range(_REPEATS))

    def _timed(self, table: pd.DataFrame) -> tuple[pd.DataFrame, float]:
        """The predictions, and how long they take for 1,000 rows on a machine that does nothing else, at most.

        By the clock or by the processor's time, whichever is less: other work on the machine slows the clock down, and
        the processor's time counts every thread for itself.
        """
        clocks = (time.perf_counter, time.process_time)
        begin = [clock() for clock in clocks]
        predictions = self.predict(table)
        seconds = min(clock() - start for clock, start in zip(clocks, begin, strict=True))
        return predictions, seconds / len(table) * 1000
