"""False alarms of the gate, and its power to catch real losses, measured with trained models.

    python -m benchmarks.gate_calibration [--splits 20]
    python -m benchmarks.gate_calibration --table reviews       # one of the tables of `make tables`

In each of 20 splits of the whole data set, five models are trained on draws of the training groups with other seeds,
and two for each kind of damage. Pairs of the five are A/A: each block there is a false alarm. A damaged
model against one of the five is a planted loss, whose true size is the mean difference over all splits. The rules
`near-duplicates` and `leak` are applied to all pairs, both ways: each block is a false alarm. Rules and
defaults are those of params.yaml, group gate; for a table the headline metric must not be worse overall.

Of the example these are 440 models of 12 s each, an hour and a half on two cores; of a table 360, some minutes.
Predictions are kept in benchmarks/.retrained.
"""

import argparse
import itertools
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from scipy.stats import beta, t

from benchmarks.retrained import (
    CLEAN,
    Corpus,
    Draw,
    Recipe,
    Task,
    known,
    learnt_from,
    predictions,
    predictions_on_validation,
    splits,
    train_all,
)
from tests.tables import TABLES
from verdict.base.errors import exit_code
from verdict.classifier.params.metric_names import LOWER_IS_BETTER, OVERALL
from verdict.review.bootstrap import ResamplingSettings, paired_bootstrap
from verdict.review.rules import duplicates, leak
from verdict.review.rules.duplicates import Side, near_duplicates, rise
from verdict.review.settings import ComparisonSettings, levels

Claim = tuple[str, str]  # a group, and one of its metrics
TWINS = 5
DAMAGED = 2
# Each recipe aims at a loss that the gate should catch: 2 points overall, 5 in a slice.
PLANTED: dict[Recipe, str] = {
    Recipe(groups=0.6): OVERALL,
    Recipe(turned=0.06): OVERALL,
    Recipe(turned=0.18, slice="tweets"): "tweets",
    Recipe(turned=0.17, slice="movies"): "movies",
    Recipe(turned=0.25, slice="products"): "products",
    Recipe(turned=0.45, slice="news"): "news",
}
# For any table: losses of several sizes, since its test set decides which of them can be seen.
ANYWHERE: dict[Recipe, str] = dict.fromkeys(
    [Recipe(groups=0.6), Recipe(turned=0.05), Recipe(turned=0.1), Recipe(turned=0.2)], OVERALL
)


@dataclass(frozen=True)
class Pair:
    """One comparison: by claim the gain, and the bounds of its interval at the gate's level. A loss is below 0."""

    split: str
    difference: dict[Claim, float]
    low: dict[Claim, float]
    high: dict[Claim, float]
    fails: frozenset[str] = frozenset()  # of the rules on what leaked
    fails_turned: frozenset[str] = frozenset()  # with the roles exchanged

    def worse(self, claims: Iterable[Claim]) -> bool:
        """True if the gate would block it for one of the claims."""
        return any(self.high[claim] < 0 for claim in claims)

    def turned(self) -> "Pair":
        """The same two models with their roles exchanged."""
        difference, low, high = (
            {claim: -value for claim, value in side.items()} for side in (self.difference, self.high, self.low)
        )
        return Pair(self.split, difference, low, high, self.fails_turned, self.fails)


@dataclass
class Outcome:
    """All pairs of one draw: the A/A pairs, and the planted losses by recipe."""

    same: list[Pair] = field(default_factory=list)
    planted: dict[Recipe, list[Pair]] = field(default_factory=dict)


def tasks(corpus: Corpus, draw: Draw, salt: str, recipes: Iterable[Recipe]) -> list[Task]:
    """The models of one split."""
    clean = [Task(corpus, draw, salt, CLEAN, seed) for seed in range(1, TWINS + 1)]
    return clean + [Task(corpus, draw, salt, recipe, seed) for recipe in recipes for seed in range(1, DAMAGED + 1)]


def judged(
    split: str, base: pd.DataFrame, candidate: pd.DataFrame, labels: tuple[str, ...], settings: ComparisonSettings
) -> Pair:
    """Compare two models by the review's code, for the claims that the gate acts on or that the headline is about."""
    pair = Pair(split, {}, {}, {})
    family = settings.family([OVERALL, *base.get("slice", pd.Series(dtype=str)).unique()])
    resampling = ResamplingSettings(
        settings.bins, settings.resamples, settings.seed, lambda group: [name for own, name in family if own == group]
    )
    found = paired_bootstrap(base, candidate, labels, resampling)
    confidence = levels(settings, {group: tuple(draws.base) for group, draws in found.items()})
    for claim in family:
        group, metric = claim
        draws, sign = found[group], -1 if metric in LOWER_IS_BETTER else 1
        bounds = draws.interval(metric, confidence[claim])
        pair.difference[claim] = sign * (draws.candidate[metric] - draws.base[metric])
        pair.low[claim], pair.high[claim] = sorted(sign * bound for bound in bounds)
    return pair


def of_split(corpus: Corpus, draw: Draw, salt: str, recipes: list[Recipe], settings: ComparisonSettings) -> Outcome:
    """All pairs of one split."""
    rows, labels = splits(corpus, salt), known(corpus).labels
    models = tasks(corpus, draw, salt, recipes)
    tables = {(task.recipe, task.seed): predictions(task, rows["test"]) for task in models}
    leaks = Leaks(rows, tables, models, settings)

    def pair(base: tuple[Recipe, int], candidate: tuple[Recipe, int]) -> Pair:
        fails, turned = leaks.found(base, candidate)
        comparison = judged(salt, tables[base], tables[candidate], labels, settings)
        return replace(comparison, fails=fails, fails_turned=turned)

    twins = [(CLEAN, seed) for seed in range(1, TWINS + 1)]
    same = [pair(*two) for two in itertools.combinations(twins, 2)]
    planted = {
        recipe: [pair(twin, (recipe, seed)) for twin in twins for seed in range(1, DAMAGED + 1)] for recipe in recipes
    }
    return Outcome(same + [pair.turned() for pair in same], planted)


class Leaks:
    """The rules on what leaked, for the models of one split."""

    def __init__(
        self,
        rows: dict[str, pd.DataFrame],
        tested: dict[tuple[Recipe, int], pd.DataFrame],
        models: Sequence[Task],
        settings: ComparisonSettings,
    ) -> None:
        self.settings, self.tested, self.labels = settings, tested, known(models[0].corpus).labels
        self.sides: dict[tuple[Recipe, int], Side] = {}
        self.held_out: dict[tuple[Recipe, int], pd.DataFrame] = {}
        for task in models:
            learnt = pd.concat(learnt_from(task, rows))
            self.sides[task.recipe, task.seed] = Side.of(rows["test"]["text"], learnt["text"])
            self.held_out[task.recipe, task.seed] = predictions_on_validation(task, rows)
        whole = Side.of(rows["test"]["text"], pd.concat([rows["train"], rows["validation"]])["text"])
        self.near = near_duplicates(whole.test, whole.training)

    def found(self, *pair: tuple[Recipe, int]) -> tuple[frozenset[str], frozenset[str]]:
        """The rules that fail the second model against the first, and those that fail the first against the second."""
        tested, held_out = (tuple(table[model] for model in pair) for table in (self.tested, self.held_out))
        excesses = leak.excesses(tested, held_out, self.labels, self.settings)  # type: ignore[arg-type]
        leaks = [any(sign * excess.difference > excess.reach for excess in excesses) for sign in (1, -1)]
        one, other = (self.sides[model] for model in pair)
        rises = [rise(*sides, self.near).measurable for sides in ((one, other), (other, one))]
        failing = {leak.NAME: leaks, duplicates.NAME: rises}
        first, second = (frozenset(name for name, fails in failing.items() if fails[way]) for way in (0, 1))
        return first, second


def rate(pairs: list[Pair], caught: Callable[[Pair], bool]) -> tuple[float, float, float]:
    """The share of pairs that are caught, with a 95 % interval that takes the splits as independent, not the pairs."""
    table = pd.DataFrame({"split": [pair.split for pair in pairs], "caught": [caught(pair) for pair in pairs]})
    shares = table.groupby("split")["caught"].mean().to_numpy()
    mean, count = float(shares.mean()), len(shares)
    if shares.std() == 0:
        hits = round(mean * count)
        low = 0.0 if hits == 0 else float(beta.ppf(0.025, hits, count - hits + 1))
        high = 1.0 if hits == count else float(beta.ppf(0.975, hits + 1, count - hits))
        return mean, low, high
    reach = float(t.ppf(0.975, count - 1)) * float(shares.std(ddof=1)) / count**0.5
    return mean, max(mean - reach, 0.0), min(mean + reach, 1.0)


def true_loss(pairs: list[Pair], claim: Claim) -> tuple[float, float]:
    """The mean loss over all splits, in points, and its standard error, splits as independent."""
    losses = [-100 * pair.difference[claim] for pair in pairs]
    by_split = pd.DataFrame({"split": [pair.split for pair in pairs], "loss": losses})
    means = by_split.groupby("split")["loss"].mean()
    return float(means.mean()), float(means.std(ddof=1)) / len(means) ** 0.5


def visible(pairs: list[Pair], claim: Claim) -> float:
    """The true loss, in points, that a claim's rule would catch in 90 %, by the errors and margins of these pairs."""
    mean, _ = true_loss(pairs, claim)
    errors = np.array([100 * pair.difference[claim] + mean for pair in pairs])
    margins = np.array([100 * (pair.high[claim] - pair.difference[claim]) for pair in pairs])
    return float(np.quantile(errors + margins, 0.9))


def table(draw: Draw, outcome: Outcome, settings: ComparisonSettings, planted: dict[Recipe, str]) -> Iterable[str]:
    """The rates of one draw."""
    claims: Sequence[Claim] = sorted(settings.named)
    models = len({pair.split for pair in outcome.same}) * TWINS
    yield f"\n{draw}: {models} models, {len(outcome.same) // 2} A/A pairs, both ways round"
    for name, among in [("blocked", claims), *((f"by {' '.join(claim)}", (claim,)) for claim in claims)]:
        share, low, high = rate(outcome.same, lambda pair, among=among: pair.worse(among))  # type: ignore[misc]
        yield f"  A/A {name:<28} {share:6.1%}  [{low:.1%}, {high:.1%}]"
    damaged = [pair for pairs in outcome.planted.values() for pair in pairs]
    pairs_of_all = [*outcome.same, *damaged, *(pair.turned() for pair in damaged)]
    for name in (duplicates.NAME, leak.NAME):
        share, low, high = rate(pairs_of_all, lambda pair, name=name: name in pair.fails)  # type: ignore[misc]
        hits = sum(name in pair.fails for pair in pairs_of_all)
        yield f"  {name:<32} {share:6.2%}  [{low:.1%}, {high:.1%}] blocked: {hits} of {len(pairs_of_all)} pairs"
    for recipe, pairs in outcome.planted.items():
        group = planted[recipe]
        own_claim = (group, settings.headline)
        loss, error = true_loss(pairs, own_claim)
        found = [rate(pairs, lambda pair, among=among: pair.worse(among)) for among in (claims, [own_claim])]  # type: ignore[misc]
        (share, low, high), (own, *_) = found
        yield (
            f"  {recipe.name:<24} true loss {group:<8} {loss:4.1f} ± {error:.1f} points: caught {share:6.1%}"
            f"  [{low:.1%}, {high:.1%}], by its own rule {own:6.1%};"
            f" in 90 % from {visible(pairs, own_claim):.1f} points on"
        )


def run(corpus: Corpus, draw: Draw, salts: list[str], recipes: list[Recipe], settings: ComparisonSettings) -> Outcome:
    """Train what is missing, then judge all pairs."""
    train_all(task for salt in salts for task in tasks(corpus, draw, salt, recipes))
    whole = Outcome([], {recipe: [] for recipe in recipes})
    with ProcessPoolExecutor() as pool:
        for part in pool.map(of_split, *zip(*((corpus, draw, salt, recipes, settings) for salt in salts), strict=True)):
            whole.same += part.same
            for recipe, pairs in part.planted.items():
                whole.planted[recipe] += pairs
    return whole


def main() -> None:
    """Print the rates of both draws."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--table", choices=TABLES, default="", help="instead of this repository's data")
    options = parser.parse_args()
    salts = [f"split-{number}" for number in range(options.splits)]
    corpus = Corpus(options.table)
    corpus.prepare()
    settings = settings_of(corpus)
    planted = ANYWHERE if options.table else PLANTED
    draws: dict[Draw, list[Recipe]] = {"subsample": list(planted), "bootstrap": []}
    for draw, recipes in draws.items():
        outcome = run(corpus, draw, salts, recipes, settings)
        print("\n".join(table(draw, outcome, settings, planted)))


def settings_of(corpus: Corpus) -> ComparisonSettings:
    """The gate's settings for changes of a data set."""
    params = corpus.settings()
    gate, bins, headline = params.gate, params.evaluate.calibration_bins, params.evaluate.headline
    settings = ComparisonSettings(
        gate.confidence, gate.resamples, gate.seed, bins, headline, frozenset(gate.claims(headline))
    )
    settings.require_metrics(known(corpus).labels, known(corpus).rating is not None)
    return settings


if __name__ == "__main__":
    sys.exit(exit_code(main))
