"""train: fit the chosen model on the features, and write an artifact that needs nothing else.

data/features -> models/classifier/, data/validation/, metrics/validation.json, plots/training.json
"""

import statistics
import sys
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import scipy.sparse as sp

from verdict.base.errors import VerdictError, exit_code
from verdict.base.files import is_sha256, read_arrow, read_json, write_json, write_rows, write_table
from verdict.base.numerics import hardware_class
from verdict.classifier import params
from verdict.classifier.artifact import Manifest, save_classifier, used_params
from verdict.classifier.dataset.splits import LABELS, require_labels
from verdict.classifier.dataset.text import Text
from verdict.classifier.features.pretrained import START
from verdict.classifier.features.sparse_io import read_matrix
from verdict.classifier.features.tfidf import TfIdf
from verdict.classifier.features.tfidf_io import load_tfidf
from verdict.classifier.features.tokens import Tokeniser, Tokens, load_tokeniser, read_tokens
from verdict.classifier.kinds import KINDS
from verdict.classifier.scores.metric_names import BINS, HEADLINE, OVERALL
from verdict.classifier.scores.predictions import SCHEMA, TRUTH, all_scores, truth_of, with_probabilities
from verdict.classifier.training import fit, require_possible
from verdict.classifier.training.checkpoints import forget
from verdict.classifier.training.loop import Data, Fitted
from verdict.classifier.training.timing import record_cost
from verdict.classifier.training.torchrun import leads, leave, torchrun

FEATURES = Path("data/features")
MODEL = Path("models/classifier")
CURVE = Path("plots/training.json")
HELD_OUT = Path("data/validation/predictions.parquet")
SCORES = Path("metrics/validation.json")
Split = Literal["train", "validation"]
SPLITS: tuple[Split, ...] = ("train", "validation")
_REMEDY = "dvc repro featurize"


def main() -> None:
    """Train with each seed; write the artifact and the learning curve of the first, and all scores on validation."""
    loaded = params.load()
    settings = loaded.train
    require_possible(settings)
    kind = KINDS[settings.model]
    torchrun(settings.processes, several=kind.processes)
    reads, features = _features(settings.model)
    tables = {name: read_arrow(FEATURES / f"{name}.parquet", _REMEDY, list(TRUTH)) for name in SPLITS}
    for name, table in tables.items():
        require_labels(FEATURES / f"{name}.parquet", table["label"].to_pylist())
    data = {name: _data(name, table, features[name]) for name, table in tables.items()}
    _refuse_absent_classes(tables["train"])
    fitted = {seed: _fit(settings, seed, data) for seed in (settings.seed, *settings.seeds)}
    leave()
    if not leads():
        return
    first = fitted[settings.seed]
    manifest = Manifest(
        kind=settings.model,
        representation=kind.representation,
        labels=LABELS,
        text=Text(max_length=loaded.validation.max_text_length),
        train=used_params(settings),
        trained_on=_source(),
        hardware_class=hardware_class(settings.device, kind.representation == "tokens", settings.deterministic),
        files={},
    )
    documents = [document for table in tables.values() for document in table["document"].to_pylist()]
    save_classifier(MODEL, reads, first.model, documents, manifest)
    write_rows(CURVE, first.curve)
    scores = _write_scores(tables["validation"], fitted)
    seconds, sentences = (sum(getattr(one, what) for one in fitted.values()) for what in ("seconds", "sentences"))
    record_cost(seconds, sentences, manifest.hardware_class)
    forget(path for one in fitted.values() for path in one.states)
    best = first.curve[2 * first.epochs - 1]
    print(
        f"train: {settings.model}, best of {len(first.curve) // 2} epochs is {best['epoch']}: validation loss"
        f" {best['loss']:.4f}, weighted F1 {best['validation_weighted_f1']:.4f}{_spread(scores['seeds'])}"
    )


def _fit(settings: params.Train, seed: int, data: dict[Split, Data]) -> Fitted:
    """Train with one seed; only the artifact's own is trained on the validation split, too."""
    if seed != settings.seed:
        settings = settings.model_copy(update={"seed": seed, "refit": False})
    return fit(settings, data["train"], data["validation"], FEATURES / START)


def _write_scores(table: pa.Table, fitted: dict[int, Fitted]) -> dict[str, Any]:
    """Predictions of each seed, scores of the first, and weighted F1 of each, on the validation split."""
    source = FEATURES / "validation.parquet"
    predictions = [with_probabilities(table, one.validation) for one in fitted.values()]
    names = [HELD_OUT.name, *(f"seed-{seed}.parquet" for seed in list(fitted)[1:])]
    for name, one in zip(names, predictions, strict=True):
        write_table(HELD_OUT.with_name(name), one, SCHEMA)
    scores = [all_scores(one, BINS, source) for one in predictions]
    values = [one[OVERALL][HEADLINE] for one in scores]
    seeds = {
        "values": {str(seed): value for seed, value in zip(fitted, values, strict=True)},
        "mean": round(statistics.fmean(values), 6),
        "std": round(statistics.stdev(values), 6) if len(values) > 1 else 0.0,
    }
    results = {**scores[0], "seeds": seeds}
    write_json(SCORES, results)
    return results


def _spread(seeds: dict[str, Any]) -> str:
    if len(seeds["values"]) == 1:
        return ""
    return f"; {len(seeds['values'])} seeds: {seeds['mean']:.4f} ± {seeds['std']:.4f}"


def _features(kind: str) -> tuple[TfIdf | Tokeniser, dict[Split, sp.csr_matrix | Tokens]]:
    """What the model reads text with, and what featurize made of the text with it."""
    paths = {name: FEATURES / f"{name}.safetensors" for name in SPLITS}
    if KINDS[kind].representation == "tokens":
        return load_tokeniser(FEATURES, _REMEDY), {name: read_tokens(path, _REMEDY) for name, path in paths.items()}
    tfidf = load_tfidf(FEATURES)
    matrices = {name: read_matrix(path, _REMEDY) for name, path in paths.items()}
    for name, matrix in matrices.items():
        if matrix.shape[1] != tfidf.size:
            what = f"has {matrix.shape[1]} columns, expected {tfidf.size}"
            raise VerdictError(str(paths[name]), what, _REMEDY)
    return tfidf, matrices


def _data(name: str, table: pa.Table, features: sp.csr_matrix | Tokens) -> Data:
    rows = len(features) if isinstance(features, Tokens) else features.shape[0]
    if rows != len(table):
        path = FEATURES / f"{name}.safetensors"
        raise VerdictError(str(path), f"has {rows} rows, expected {len(table)}", _REMEDY)
    return Data(features, *truth_of(table))


def _source() -> dict[Split, str]:
    """The hashes of the tables that the features came from."""
    path = FEATURES / "source.json"
    source = read_json(path, _REMEDY)
    if not isinstance(source, dict) or set(source) != set(SPLITS) or not all(map(is_sha256, source.values())):
        raise VerdictError(str(path), f"does not hold the hashes of {' and '.join(SPLITS)}", _REMEDY)
    return source


def _refuse_absent_classes(table: pa.Table) -> None:
    if absent := [label for label in LABELS if label not in table["label"].unique().to_pylist()]:
        what = f"no sentence is {' or '.join(absent)}: that class could not be learnt"
        raise VerdictError(str(FEATURES / "train.parquet"), what, "more data, or another prepare.neutral_band")


if __name__ == "__main__":
    sys.exit(exit_code(main))
