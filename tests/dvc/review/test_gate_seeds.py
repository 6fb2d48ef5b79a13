"""Seeds at the gate: how many a change needs, and how far their scores may differ."""

import statistics

import numpy as np
import pandas as pd

from tests.dvc.pipeline.clone import Clone
from tests.dvc.review import edits
from tests.dvc.review.edits import LABELS, ReviewRunner, edit_json, retrain, set_params
from tests.dvc.review.tampering import relock
from verdict.base.files import write_table
from verdict.classifier.dataset.description import select_truth
from verdict.classifier.scores.predictions import table_schema
from verdict.review.params import Gate

clone, runner = edits.clone, edits.runner
SCORES = "metrics/validation.json"
PREDICTIONS = "data/validation/predictions.parquet"


def policy(clone: Clone, **seeds: float) -> None:
    """Main with a rule for seeds."""
    set_params(clone, "gate", seeds=seeds)
    clone.commit("A rule for seeds")


def wrong(table: pd.DataFrame, share: float) -> pd.DataFrame:
    """Predictions of which a share is turned to another class than the true one."""
    chosen = np.arange(len(table)) < share * len(table)
    sure = np.roll(table["label"].to_numpy()[:, None] == np.array(LABELS), 1, axis=1)
    values = np.where(chosen[:, None], sure.astype(float), table[list(LABELS)].to_numpy())
    return table.assign(**dict(zip(LABELS, values.T, strict=True)))


def tell(clone: Clone, *shares: float) -> list[float]:
    """Another model, and for each share a further seed, so much of whose predictions on validation is wrong.

    Returns:
        weighted F1 of each seed.
    """
    retrain(clone, **{"linear.alpha": 1.0})
    table = pd.read_parquet(clone.path / PREDICTIONS)
    tables = {"2014": table, **{str(n + 1): wrong(table, share) for n, share in enumerate(shares)}}
    for path in (clone.path / PREDICTIONS).parent.glob("seed-*"):
        path.unlink()
    for seed, one in list(tables.items())[1:]:
        write_table(
            (clone.path / PREDICTIONS).with_name(f"seed-{seed}.parquet"),
            one,
            table_schema(select_truth(one.columns), LABELS),
        )
    values = {seed: edits.group_scores(one)["weighted_f1"] for seed, one in tables.items()}
    std = statistics.stdev(values.values()) if shares else 0.0
    seeds = {"values": values, "mean": statistics.fmean(values.values()), "std": std}
    edit_json(clone, SCORES, lambda told: told.update(seeds=seeds))
    relock(clone)
    return list(values.values())


def line(text: str) -> str:
    """The line of the rule `seeds`."""
    return next((one for one in text.splitlines() if " seeds " in one[:26]), "")


def test_one_seed_is_enough_by_default(clone: Clone, runner: ReviewRunner) -> None:
    """With main's defaults a model of one seed is not asked about seeds."""
    tell(clone)
    outcome = runner.gate(clone)
    assert not line(outcome.text)
    assert "figures" not in outcome.failed


def test_a_base_without_the_key_judges_by_the_defaults(clone: Clone, runner: ReviewRunner) -> None:
    """A main that says nothing about seeds has the defaults, and can judge."""
    document = clone.params()
    del document["gate"]["seeds"]
    clone.write_params(document)
    clone.commit("As before")
    assert runner.gate(clone).code == 0
    assert Gate.model_validate(document["gate"]).seeds.at_least == 1


def test_fewer_seeds_than_asked_fail(clone: Clone, runner: ReviewRunner) -> None:
    """Two seeds where three are asked fail by the rule `seeds`, three pass it."""
    policy(clone, at_least=3, max_spread=0.02)
    values = tell(clone, 0.0)
    outcome = runner.gate(clone)
    assert {"seeds"} == {"seeds", "figures"} & set(outcome.failed)
    assert f"2 seeds, weighted F1 {values[0]:.4f} ± 0.0000" in line(outcome.text)
    tell(clone, 0.0, 0.0)
    assert not {"seeds", "figures"} & set(runner.gate(clone).failed)


def test_seeds_that_lie_far_apart_fail(clone: Clone, runner: ReviewRunner) -> None:
    """The spread counts by the predictions, not by what the file claims; by default, too."""
    values = tell(clone, 0.3)
    edit_json(clone, SCORES, lambda told: told["seeds"].update(values=dict.fromkeys(("2014", "1"), 0.7), std=0.0))
    relock(clone)
    outcome = runner.gate(clone)
    assert {"seeds", "figures"} <= set(outcome.failed)
    assert f"± {statistics.stdev(values):.4f}" in line(outcome.text)


def test_an_unchanged_model_is_not_asked_again(clone: Clone, runner: ReviewRunner) -> None:
    """If main itself has too few seeds, a change of documentation passes."""
    policy(clone, at_least=3, max_spread=0.02)
    (clone.path / "README.md").write_text("Another text.\n", encoding="utf-8")
    outcome = runner.gate(clone)
    assert (outcome.code, outcome.failed) == (0, []), outcome.text
    assert "every prediction is main's" in line(outcome.text)


def test_seeds_that_cannot_be_had_cannot_be_judged(clone: Clone, runner: ReviewRunner) -> None:
    """If several seeds are required, unreadable predictions of one give exit code 2 and are named."""
    policy(clone, at_least=2, max_spread=0.02)
    tell(clone, 0.0)
    edits.edit_table(clone, PREDICTIONS, lambda table: table.drop(columns="neutral"))
    relock(clone)
    outcome = runner.gate(clone)
    assert outcome.code == 2
    assert f"{PREDICTIONS} of the working tree: missing columns: neutral" in outcome.reason


def test_the_report_tells_mean_and_spread(clone: Clone, runner: ReviewRunner) -> None:
    """A change with several seeds shows their mean and spread below the verdict; one with a single seed does not."""
    values = tell(clone, 0.1)
    assert runner.run(clone, "report").code == 0
    text = (clone.path / "report/report.md").read_text(encoding="utf-8")
    told = f"2 seeds, weighted F1 {statistics.fmean(values):.4f} ± {statistics.stdev(values):.4f} on validation"
    assert told in text
