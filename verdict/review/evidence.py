"""What one side of a comparison brings: its test sentences, its predictions for them, its artifact; all is checked.

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
from verdict.base.paths import ARTIFACT, HELD_OUT, PREDICTIONS, SEED, TEST, VALIDATION
from verdict.classifier.artifact import Classifier, document_hash, load_classifier, load_documents, load_manifest
from verdict.classifier.dataset.splits import LABELS
from verdict.classifier.dataset.text import GIVEN
from verdict.repo.revisions import Revision, Store
from verdict.review.data import PREPARED
from verdict.review.tables import bounded_table

Mask = npt.NDArray[np.bool_]
_LEARNT: tuple[Literal["train", "validation"], ...] = ("train", "validation")
TRUTH = ["id", "document", "domain", "label", "valence"]
# Another processor may differ in the last digits of a float32 product; another model differs by far more.
PROBABILITY_TOLERANCE = 1e-4
# Sentences, and times, to measure the speed again where one look was too slow.
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
        """The test sentences with `TRUTH` and their text."""
        where = f"{TEST} of {self.revision.name}"
        path = self.store.file(self.revision, TEST)
        with errors_about(path, TEST, self.revision):
            table = bounded_table(path, "dvc repro prepare", [*TRUTH, "text"])
        require_truth(table, where)
        return table

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """The stored predictions for `test`, row for row: `TRUTH`, and a probability for each of `LABELS`."""
        return self._predictions(*PREDICTIONS, self.test, TEST, "dvc repro evaluate")

    @cached_property
    def on_validation(self) -> dict[str, pd.DataFrame]:
        """Predictions for the validation sentences by file, the artifact's own before further seeds'; before any refit.

        There is none where dvc.lock names no such folder. What they say cannot be run again: it is the stage's claim.
        """
        folder, own = VALIDATION
        if folder not in self.revision.outputs:
            return {}
        path = self.store.file(self.revision, HELD_OUT)
        with errors_about(path, HELD_OUT, self.revision):
            truth = bounded_table(path, "dvc repro prepare", TRUTH)
        members = self.store.members(self.revision, folder)
        return {
            name: self._predictions(folder, name, truth, HELD_OUT, "dvc repro -f train")
            for name in (own, *sorted(name for name in members if SEED.fullmatch(name)))
        }

    def _predictions(self, folder: str, name: str, truth: pd.DataFrame, split: str, remedy: str) -> pd.DataFrame:
        """Stored predictions for a split, row for row."""
        place = f"{folder}/{name}"
        where = f"{place} of {self.revision.name}"
        path = self.store.file(self.revision, folder, name)
        with errors_about(path, place, self.revision):
            table = bounded_table(path, remedy, [*TRUTH, *LABELS])
        require_truth(table, where)
        _require_probabilities(table, where)
        if not table[TRUTH].equals(truth[TRUTH]):
            raise VerdictError(where, f"not predictions for the sentences of {split}, row for row", remedy)
        return table

    @cached_property
    def classifier(self) -> Classifier:
        """The artifact, loaded; its labels are `LABELS` in their order."""
        folder = self.store.folder(self.revision, ARTIFACT)
        with errors_about(folder, ARTIFACT, self.revision):
            classifier = load_classifier(folder)
        if classifier.labels != LABELS:
            what = f"predicts {', '.join(classifier.labels)}; this code reads {', '.join(LABELS)}"
            raise VerdictError(f"{ARTIFACT} of {self.revision.name}", what, "one set of labels, in one order, for both")
        return classifier

    @cached_property
    def artifact_bytes(self) -> int:
        """The size of the artifact."""
        return self.store.size(self.revision, ARTIFACT)

    @cached_property
    def _known(self) -> frozenset[str]:
        folder = self.store.folder(self.revision, ARTIFACT)
        with errors_about(folder, ARTIFACT, self.revision):
            return frozenset(load_documents(folder))

    def was_trained_on(self, documents: pd.Series) -> pd.Series:
        """Which of the documents the artifact learnt from, as it says itself; `untrue_of_training` checks that."""
        return documents.map(document_hash).isin(self._known)

    def untrue_of_training(self) -> list[str]:
        """What the artifact says of its training that the tables of train and validation do not bear out."""
        folder = self.store.folder(self.revision, ARTIFACT)
        with errors_about(folder, ARTIFACT, self.revision):
            told = load_manifest(folder).trained_on
        documents, found = set[str](), list[str]()
        for name in _LEARNT:
            path = PREPARED[name]
            file = self.store.file(self.revision, path)
            with errors_about(file, path, self.revision):
                documents.update(bounded_table(file, "dvc repro prepare", ["document"])["document"])
            if told.get(name) != sha256(file):
                found.append(f"trained_on names another table than {path}")
        true = frozenset(map(document_hash, documents))
        if absent := len(true - self._known):
            found.append(f"documents.json lacks {absent:,} of {len(true):,} documents")
        if surplus := len(self._known - true):
            found.append(f"documents.json names {surplus:,} that are no documents of train or validation")
        return found

    def predict(self, table: pd.DataFrame) -> pd.DataFrame:
        """The artifact's own predictions for sentences, computed now: `TRUTH` and the probabilities."""
        where = f"{ARTIFACT} of {self.revision.name}"
        probabilities = self.classifier.probabilities(self.classifier.text.of(table[GIVEN], where))
        predictions = table[TRUTH].assign(**dict(zip(LABELS, probabilities.T, strict=True)))
        _require_probabilities(predictions, where)
        return predictions

    def predictions_for(self, sentences: pd.DataFrame) -> tuple[pd.DataFrame, Mask]:
        """Predictions for test sentences of another side, and which of these the artifact learnt from: those hold NaN.

        For a sentence that is tested here, too, the stored ones; for others the artifact is run.
        """
        table, columns = sentences.reset_index(drop=True), [*TRUTH, "text"]
        stored = self.test[columns].reset_index(names="row")
        place = table[columns].merge(stored, on=columns, how="left")["row"]
        new = place.isna().to_numpy()
        known = new & self.was_trained_on(table["document"]).to_numpy() if new.any() else new
        values = np.full((len(table), len(LABELS)), np.nan)
        values[~new] = self.predictions[list(LABELS)].to_numpy()[place[~new].to_numpy(dtype=int)]
        if (asked := new & ~known).any():
            values[asked] = self.predict(table[asked].reset_index(drop=True))[list(LABELS)].to_numpy()
        return table[TRUTH].assign(**dict(zip(LABELS, values.T, strict=True))), known

    def verified(self) -> tuple[pd.DataFrame, float]:
        """The stored predictions, found to be those of the artifact, and the seconds it took for 1,000 sentences."""
        where = f"{'/'.join(PREDICTIONS)} of {self.revision.name}"
        stored = self.predictions
        leaked = self.was_trained_on(self.test["document"])
        if leaked.any():
            what = f"was trained on {self.test.loc[leaked, 'document'].nunique()} documents of its own test split"
            raise VerdictError(f"{ARTIFACT} of {self.revision.name}", what, "dvc repro -f train")
        _ = self.classifier
        computed, seconds = self._timed(self.test)
        off = np.abs(computed[list(LABELS)].to_numpy() - stored[list(LABELS)].to_numpy()).max(axis=1)
        if (off > PROBABILITY_TOLERANCE).any():
            row = int(off.argmax())
            what = (
                f"not what the artifact says: {int((off > PROBABILITY_TOLERANCE).sum())} of {len(off)} rows differ,"
                f" most in row {row} ({stored['id'].iloc[row]}), by {off[row]:.4f}"
            )
            raise VerdictError(where, what, "dvc repro -f evaluate, and commit dvc.lock")
        return stored, seconds

    def measured_again(self) -> float:
        """The seconds for 1,000 sentences, the least of some looks at a few that stand all over the test split."""
        sample = self.test.iloc[:: len(self.test) // _SAMPLE + 1].reset_index(drop=True)
        return min(self._timed(sample)[1] for _ in range(_REPEATS))

    def _timed(self, table: pd.DataFrame) -> tuple[pd.DataFrame, float]:
        """The predictions, and how long they take for 1,000 sentences on a machine that does nothing else, at most.

        By the clock or by the processor's time, whichever is less: other work on the machine slows the clock down, and
        the processor's time counts every thread for itself.
        """
        clocks = (time.perf_counter, time.process_time)
        begin = [clock() for clock in clocks]
        predictions = self.predict(table)
        seconds = min(clock() - start for clock, start in zip(clocks, begin, strict=True))
        return predictions, seconds / len(table) * 1000


def require_truth(table: pd.DataFrame, where: str) -> None:
    """Refuse a table without rows, with an id twice, a label that is none, or a valence that is no number."""
    if table.empty:
        raise VerdictError(where, "no sentence in it", "dvc repro prepare")
    if table["id"].duplicated().any():
        raise VerdictError(
            where, f"id {table['id'][table['id'].duplicated()].iloc[0]} stands twice", "dvc repro prepare"
        )
    if unknown := sorted(set(table["label"]) - set(LABELS)):
        raise VerdictError(
            where, f"unknown labels: {', '.join(map(repr, unknown))}", "one set of labels for both sides"
        )
    if not np.isfinite(table["valence"].to_numpy()).all():
        raise VerdictError(where, "a valence that is not a finite number", "dvc repro prepare")


def _require_probabilities(table: pd.DataFrame, where: str) -> None:
    values = table[list(LABELS)].to_numpy(dtype=np.float64)
    remedy = "dvc repro -f train evaluate"
    bad = ~np.isfinite(values).all(axis=1)
    if bad.any():
        row = int(bad.argmax())
        raise VerdictError(f"{where}, row {row}", "a probability that is not a finite number", remedy)
    bad = (values < 0).any(axis=1) | (np.abs(values.sum(axis=1) - 1) > 1e-4)
    if bad.any():
        row = int(bad.argmax())
        raise VerdictError(f"{where}, row {row}", "probabilities below 0, or not adding up to 1", remedy)
