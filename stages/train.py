"""train: fit the chosen model on the features, and write an artifact that needs nothing else.

data/features -> models/classifier/, data/validation/, metrics/validation.json, plots/training.json
"""

import sys
from pathlib import Path

from verdict.base.errors import exit_code
from verdict.base.files import write_rows
from verdict.base.paths import VALIDATION_METRICS
from verdict.classifier import params
from verdict.classifier.artifact import manifest_of, save_classifier
from verdict.classifier.features.pretrained import START
from verdict.classifier.params.kinds import KINDS
from verdict.classifier.scores.predictions import require_headline
from verdict.classifier.scores.validation import spread_in_words, write_validation
from verdict.classifier.training.checkpoints import delete
from verdict.classifier.training.fit import fit_seeds, require_possible
from verdict.classifier.training.inputs import read_inputs
from verdict.classifier.training.timing import record_cost
from verdict.classifier.training.torchrun import is_main_process, leave_process_group, restart_under_torchrun

FEATURES = Path("data/features")
MODEL = Path("models/classifier")
CURVE = Path("plots/training.json")
PREDICTIONS = Path("data/validation/predictions.parquet")


def main() -> None:
    """Train with each seed; write the artifact and the learning curve of the first, and all scores on validation."""
    loaded = params.load()
    settings, headline = loaded.train, loaded.evaluate.headline
    require_possible(settings)
    restart_under_torchrun(settings.processes, several=KINDS[settings.model].processes)
    inputs = read_inputs(FEATURES, settings.model)
    dataset = inputs.dataset
    require_headline(headline, dataset.labels, dataset.rating is not None)
    fitted = fit_seeds(settings, headline, inputs.data["train"], inputs.data["validation"], FEATURES / START)
    leave_process_group()
    if not is_main_process():
        return
    first = fitted[settings.seed]
    manifest = manifest_of(settings, inputs.featurizer, dataset, inputs.source)
    save_classifier(MODEL, inputs.featurizer, first.model, inputs.groups, manifest)
    write_rows(CURVE, first.curve)
    seeds = {seed: one.validation for seed, one in fitted.items()}
    scores = write_validation(
        inputs.truth, dataset.labels, headline, seeds, predictions=PREDICTIONS, scores=Path(VALIDATION_METRICS)
    )
    seconds, rows = (sum(getattr(one, what) for one in fitted.values()) for what in ("seconds", "rows"))
    record_cost(seconds, rows, manifest.hardware_class)
    delete(path for one in fitted.values() for path in one.states)
    best = first.curve[2 * first.epochs - 1]
    print(
        f"train: {settings.model}, best of {len(first.curve) // 2} epochs is {best['epoch']}: validation loss"
        f" {best['loss']:.4f}, {headline} {best['validation_headline']:.4f}{spread_in_words(scores['seeds'])}"
    )


if __name__ == "__main__":
    sys.exit(exit_code(main))
