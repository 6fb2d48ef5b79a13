"""Grouped five-fold scores of the chosen settings on everything but test.

    python -m benchmarks.crossval            # the settings of params.yaml, and scikit-learn's LinearSVC beside them
    python -m benchmarks.crossval -S train.model=bag -S train.bag.epochs=8

Each fold's model is trained as the stage would: on the other four folds, of which an eighth of the groups serves as
the validation split. The reference is a LinearSVC (the best of five C, chosen on these very folds, in its favour) on
the same features, trained on all of the four folds. Test is never read.
"""

import argparse
import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import GroupKFold
from sklearn.svm import LinearSVC

from benchmarks.retrained import data_of
from verdict.base import documents
from verdict.base.files import read_table
from verdict.classifier import params
from verdict.classifier.dataset.description import Dataset, read_dataset
from verdict.classifier.features import tfidf
from verdict.classifier.params.metric_names import OVERALL, metrics_of
from verdict.classifier.scores.metrics import Floats
from verdict.classifier.scores.predictions import metrics_by_slice, with_probabilities
from verdict.classifier.scores.published import read_published
from verdict.classifier.training.fit import fit
from verdict.review.bootstrap import ResamplingSettings, paired_bootstrap

FOLDS = 5
SVC_STRENGTHS = (0.05, 0.1, 0.2, 0.3, 0.5)
BINS, RESAMPLES = 15, 1000


def overridden(assignments: list[str]) -> params.Params:
    """params.yaml with `key.path=value` assignments applied, checked like the file itself."""
    document = documents.read(params.PATH, f"git diff {params.PATH}")
    for assignment in assignments:
        path, _, value = assignment.partition("=")
        *parents, last = path.split(".")
        place = document
        for name in parents:
            place = place[name]
        place[last] = documents.parse(value, assignment, "write the value as in YAML")
    return params.Params.model_validate(document)


def inner_validation(groups: pd.Series) -> npt.NDArray[np.bool_]:
    """About an eighth of the groups, by hash."""
    return groups.map(lambda group: hashlib.sha256(f"inner:{group}".encode()).digest()[0] < 32).to_numpy(dtype=bool)


def cross_validate(
    settings: params.Params, table: pd.DataFrame, dataset: Dataset, with_svc: bool
) -> tuple[Floats, npt.NDArray[np.int_], dict[float, Floats]]:
    """Out-of-fold probabilities (n, K), each row's fold, and the SVC's out-of-fold answers by C, as probabilities."""
    probabilities = np.zeros((len(table), len(dataset.labels)))
    fold_of = np.zeros(len(table), dtype=int)
    svc = {strength: np.zeros_like(probabilities) for strength in SVC_STRENGTHS if with_svc}
    splits = GroupKFold(FOLDS, shuffle=True, random_state=0).split(table, groups=table["group"])
    for fold, (rest, held_out) in enumerate(splits):
        inner = inner_validation(table["group"].iloc[rest])
        parts = [table.iloc[rows] for rows in (rest[~inner], rest[inner], held_out)]
        encoder = tfidf.fit(parts[0]["text"].tolist(), settings.featurize)
        train, validation, test = (data_of(encoder, part, dataset) for part in parts)
        model = fit(settings.train, settings.evaluate.headline, train, validation).model
        probabilities[held_out] = model.probabilities(test.features)
        fold_of[held_out] = fold
        whole = train.concatenate(validation)
        for strength, answers in svc.items():
            machine = LinearSVC(C=strength, random_state=0).fit(whole.features, whole.actual)
            answers[held_out, machine.predict(test.features)] = 1
    return probabilities, fold_of, svc


def published() -> dict[tuple[str, str], str]:
    """The best published score of each slice and metric."""
    best: dict[tuple[str, str], float] = {}
    for score in read_published(Path("data/published.csv")):
        key = (score.slice, score.metric)
        best[key] = max(score.value, best.get(key, score.value))
    return {key: f"{value:.2f}" for key, value in best.items()}


def show(ours: pd.DataFrame, fold_of: npt.NDArray[np.int_], dataset: Dataset, headline: str) -> None:
    """Print a line overall and for each slice: the headline metric, its spread over folds, and the other metrics."""
    metrics = [name for name in metrics_of(len(dataset.labels), dataset.rating is not None) if name != headline]
    scores = metrics_by_slice(ours, dataset.labels, BINS)
    folds = [metrics_by_slice(ours[fold_of == fold], dataset.labels, BINS) for fold in range(FOLDS)]
    print(f"{'':12} {headline:>17} {'± folds':>8} {'published':>9}" + "".join(f" {name:>17}" for name in metrics))
    best = published()
    for name, values in scores.items():
        spread = np.std([fold[name][headline] for fold in folds if name in fold], ddof=1)
        print(
            f"{name:12} {values[headline]:17.4f} {spread:8.4f} {best.get((name, headline), ''):>9}"
            + "".join(f" {values[metric]:17.4f}" for metric in metrics)
        )


def compare_svc(ours: pd.DataFrame, svc: Mapping[float, pd.DataFrame], labels: tuple[str, ...], headline: str) -> None:
    """Print the scores of the best SVC, and the difference to it with its interval."""
    scores = {strength: metrics_by_slice(table, labels, BINS) for strength, table in svc.items()}
    best = max(scores, key=lambda strength: scores[strength][OVERALL][headline])
    shown = ", ".join(f"{name} {values[headline]:.4f}" for name, values in scores[best].items())
    print(f"LinearSVC on the same features, C={best}: {shown}")
    resampling = ResamplingSettings(BINS, RESAMPLES, 0, lambda group: [headline] if group == OVERALL else [])
    draws = paired_bootstrap(svc[best], ours, labels, resampling)[OVERALL]
    low, high = draws.interval(headline, 0.95)
    difference = draws.candidate[headline] - draws.base[headline]
    print(f"difference overall {difference:+.4f}, 95 % interval [{low:+.4f}, {high:+.4f}]")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("-S", "--set", action="append", default=[], metavar="KEY=VALUE", help="override a param")
    parser.add_argument("--no-svc", action="store_true", help="leave out the reference")
    options = parser.parse_args()
    settings, dataset = overridden(options.set), read_dataset(Path("data/prepared/dataset.json"))
    headline = settings.evaluate.headline
    splits = [
        read_table(Path(f"data/prepared/{name}.parquet"), "dvc repro prepare") for name in ("train", "validation")
    ]
    table = pd.concat(splits, ignore_index=True)
    probabilities, fold_of, svc = cross_validate(settings, table, dataset, not options.no_svc)
    tables = [
        with_probabilities(table, dataset.labels, values).to_pandas() for values in (probabilities, *svc.values())
    ]
    print(f"{settings.train.model}: grouped {FOLDS}-fold, {len(table)} rows (test left out)")
    show(tables[0], fold_of, dataset, headline)
    if svc:
        compare_svc(tables[0], dict(zip(svc, tables[1:], strict=True)), dataset.labels, headline)


if __name__ == "__main__":
    main()
