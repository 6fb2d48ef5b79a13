"""Grouped five-fold scores of the chosen settings on everything but test.

    python -m benchmarks.crossval            # the settings of params.yaml, and scikit-learn's LinearSVC beside them
    python -m benchmarks.crossval -S train.model=bag -S train.bag.epochs=8

Each fold's model is trained as the stage would: on the other four folds, of which an eighth of the documents serves as
the validation split. The reference is a LinearSVC (the best of five C, chosen on these very folds, in its favour) on
the same features, trained on all of the four folds. Test is never read.
"""

import argparse
import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import f1_score
from sklearn.model_selection import GroupKFold
from sklearn.svm import LinearSVC
from verdict.classifier.dataset.vader import DOMAINS

from verdict.base import documents
from verdict.base.files import read_table
from verdict.classifier import params
from verdict.classifier.dataset.splits import LABELS
from verdict.classifier.features import tfidf
from verdict.classifier.scores.metrics import scores
from verdict.classifier.training.fit import fit
from verdict.classifier.training.loop import Data

Labels = npt.NDArray[np.str_]
FOLDS = 5
SVC_STRENGTHS = (0.05, 0.1, 0.2, 0.3, 0.5)
# Hutto & Gilbert 2014, tables 4 and 5: the best model trained in the domain.
PUBLISHED = {"tweets": 0.84, "movies": 0.75, "products": 0.61, "news": 0.50}
GOALS = {"overall": 0.745, "tweets": 0.83, "movies": 0.80, "products": 0.72, "news": 0.60}


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


def inner_validation(documents: pd.Series) -> npt.NDArray[np.bool_]:
    """About an eighth of the documents, by hash."""
    return documents.map(lambda d: hashlib.sha256(f"inner:{d}".encode()).digest()[0] < 32).to_numpy(dtype=bool)


def data(encoder: tfidf.TfIdf, table: pd.DataFrame) -> Data:
    """The table's rows with their features."""
    labels = table["label"].to_numpy(dtype=np.str_)
    return Data(encoder.transform(table["text"]), labels, table["valence"].to_numpy())


def cross_validate(
    settings: params.Params, table: pd.DataFrame, with_svc: bool
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int_], dict[float, Labels]]:
    """Out-of-fold probabilities (n, 3), each row's fold, and the SVC's out-of-fold labels by C."""
    probabilities = np.zeros((len(table), len(LABELS)))
    fold_of = np.zeros(len(table), dtype=int)
    svc = {strength: np.empty(len(table), dtype="<U8") for strength in SVC_STRENGTHS if with_svc}
    splits = GroupKFold(FOLDS, shuffle=True, random_state=0).split(table, groups=table["document"])
    for fold, (rest, held_out) in enumerate(splits):
        inner = inner_validation(table["document"].iloc[rest])
        parts = [table.iloc[rows] for rows in (rest[~inner], rest[inner], held_out)]
        encoder = tfidf.fit(parts[0]["text"].tolist(), settings.featurize)
        train, validation, test = (data(encoder, part) for part in parts)
        model = fit(settings.train, train, validation).model
        probabilities[held_out] = model.probabilities(test.features)
        fold_of[held_out] = fold
        whole = train.joined(validation)
        for strength, labels in svc.items():
            machine = LinearSVC(C=strength, random_state=0).fit(whole.features, whole.labels)
            labels[held_out] = machine.predict(test.features)
    return probabilities, fold_of, svc


def weighted_f1(truth: pd.Series, labels: Labels) -> float:
    """The headline metric."""
    return float(f1_score(truth, labels, average="weighted", zero_division=0.0))


def paired_interval(table: pd.DataFrame, ours: Labels, theirs: Labels) -> tuple[float, float]:
    """95 % interval of the difference of weighted F1, by 1,000 paired resamples of documents within their domains."""
    generator = np.random.default_rng(0)
    rows_of = [
        list(part.groupby("document").indices.values()) for _, part in table.reset_index(drop=True).groupby("domain")
    ]
    offsets = [part.index.to_numpy() for _, part in table.reset_index(drop=True).groupby("domain")]
    truth = table["label"].to_numpy(dtype=np.str_)
    differences = []
    for _ in range(1000):
        sample = np.concatenate(
            [
                offset[np.concatenate([documents[i] for i in generator.integers(len(documents), size=len(documents))])]
                for documents, offset in zip(rows_of, offsets, strict=True)
            ]
        )
        differences.append(_fast_f1(truth[sample], ours[sample]) - _fast_f1(truth[sample], theirs[sample]))
    low, high = np.percentile(differences, [2.5, 97.5])
    return float(low), float(high)


def _fast_f1(truth: Labels, labels: Labels) -> float:
    total = 0.0
    for label in LABELS:
        actual, said = truth == label, labels == label
        both = actual.sum() + said.sum()
        total += actual.sum() * (2 * (actual & said).sum() / both if both else 0.0)
    return total / len(truth)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("-S", "--set", action="append", default=[], metavar="KEY=VALUE", help="override a param")
    parser.add_argument("--no-svc", action="store_true", help="leave out the reference")
    options = parser.parse_args()
    settings = overridden(options.set)
    splits = [
        read_table(Path(f"data/prepared/{name}.parquet"), "dvc repro prepare") for name in ("train", "validation")
    ]
    table = pd.concat(splits, ignore_index=True)
    probabilities, fold_of, svc = cross_validate(settings, table, not options.no_svc)
    ours = np.asarray(LABELS)[probabilities.argmax(axis=1)]
    print(f"{settings.train.model}: grouped {FOLDS}-fold, {len(table)} sentences (test left out)")
    print(
        f"{'':10} {'weighted F1':>11} {'± folds':>8} {'goal':>6} {'paper':>6} {'macro F1':>9} {'log loss':>9} {'r':>6}"
    )
    for name in ("overall", *DOMAINS):
        inside = (table["domain"] == name).to_numpy() | (name == "overall")
        part, guess = table[inside], probabilities[inside]
        figures = scores(part["label"].to_numpy(dtype=np.str_), part["valence"].to_numpy(), guess, 15)
        folds = [
            weighted_f1(table["label"][inside & (fold_of == f)], ours[inside & (fold_of == f)]) for f in range(FOLDS)
        ]
        published = f"{PUBLISHED[name]:.2f}" if name in PUBLISHED else ""
        print(
            f"{name:10} {figures['weighted_f1']:11.4f} {np.std(folds, ddof=1):8.4f} {GOALS[name]:6.3f} {published:>6}"
            f" {figures['macro_f1']:9.4f} {figures['log_loss']:9.4f} {figures['valence_r']:6.3f}"
        )
    if svc:
        best = max(svc, key=lambda strength: weighted_f1(table["label"], svc[strength]))
        low, high = paired_interval(table, ours, svc[best])
        score = weighted_f1(table["label"], svc[best])
        by_domain = ", ".join(
            f"{d} {weighted_f1(table['label'][m], svc[best][m]):.4f}"
            for d in DOMAINS
            for m in [(table["domain"] == d).to_numpy()]
        )
        print(f"LinearSVC on the same features, C={best}: overall {score:.4f} ({by_domain})")
        difference = weighted_f1(table["label"], ours) - score
        print(f"difference overall {difference:+.4f}, 95 % interval [{low:+.4f}, {high:+.4f}]")


if __name__ == "__main__":
    main()
