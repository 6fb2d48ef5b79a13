"""How often does the gate block a change that is none, and how often does it catch a real loss? With trained models.

    python -m benchmarks.gate_calibration [--splits 20]

In each of 20 splits of the whole corpus, five models are trained on draws of the training documents with other seeds,
and two for each kind of damage. Pairs of the five are A/A: whatever the gate blocks there is a false alarm. A damaged
model against one of the five is a planted loss, whose true size is the mean difference over all splits. The rules
`near-duplicates` and `leak` are asked of all pairs, both ways: whatever they block is a false alarm. Rules and
defaults are those of params.yaml, group gate. 440 models of 12 s each, an hour and a half on two cores; predictions are
kept in benchmarks/.retrained.
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
from verdict.classifier.dataset.vader import DOMAINS

from benchmarks.retrained import (
    CLEAN,
    Draw,
    Recipe,
    Task,
    learnt_from,
    predictions,
    predictions_on_validation,
    splits,
    train_all,
)
from verdict.base.errors import exit_code
from verdict.classifier.scores.metric_names import HEADLINE, LOWER_IS_BETTER, OVERALL
from verdict.review import params
from verdict.review.bootstrap import Resample, differences, resample
from verdict.review.compare import Plan, level
from verdict.review.rules import duplicates, leak
from verdict.review.rules.duplicates import Side, near, rise

Claim = tuple[str, str]  # a group, and one of its metrics
GROUPS = (OVERALL, *DOMAINS)
TWINS = 5
DAMAGED = 2
# Each aims at a loss that the gate should see: 2 points overall, 5 in a domain.
PLANTED: dict[Recipe, str] = {
    Recipe(documents=0.6): OVERALL,
    Recipe(turned=0.06): OVERALL,
    Recipe(turned=0.18, domain="tweets"): "tweets",
    Recipe(turned=0.17, domain="movies"): "movies",
    Recipe(turned=0.25, domain="products"): "products",
    Recipe(turned=0.45, domain="news"): "news",
}


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
        """Whether the gate would block it for one of the claims."""
        return any(self.high[claim] < 0 for claim in claims)

    def turned(self) -> "Pair":
        """The same two models with their roles exchanged."""
        difference, low, high = (
            {claim: -value for claim, value in side.items()} for side in (self.difference, self.high, self.low)
        )
        return Pair(self.split, difference, low, high, self.fails_turned, self.fails)


@dataclass
class Outcome:
    """All pairs of one draw: the A/A ones, and by recipe the planted ones."""

    same: list[Pair] = field(default_factory=list)
    planted: dict[Recipe, list[Pair]] = field(default_factory=dict)


def tasks(draw: Draw, salt: str, recipes: Iterable[Recipe]) -> list[Task]:
    """The models of one split."""
    clean = [Task(draw, salt, CLEAN, seed) for seed in range(1, TWINS + 1)]
    return clean + [Task(draw, salt, recipe, seed) for recipe in recipes for seed in range(1, DAMAGED + 1)]


def judged(split: str, base: Resample, candidate: Resample, plan: Plan) -> Pair:
    """One comparison, by the review's own code."""
    pair = Pair(split, {}, {}, {})
    found = differences(base, candidate)
    for claim in plan.family(found):
        group, metric = claim
        draws, sign = found[group], -1 if metric in LOWER_IS_BETTER else 1
        bounds = draws.interval(metric, level(plan, claim, found))
        pair.difference[claim] = sign * (draws.candidate[metric] - draws.base[metric])
        pair.low[claim], pair.high[claim] = sorted(sign * bound for bound in bounds)
    return pair


def of_split(draw: Draw, salt: str, recipes: list[Recipe], plan: Plan) -> Outcome:
    """All pairs of one split."""
    corpus = splits(salt)
    models = tasks(draw, salt, recipes)
    tables = [predictions(task, corpus["test"]) for task in models]
    resampled = resample(tables, plan.bins, plan.resamples, plan.seed)
    sums = {(task.recipe, task.seed): own for task, own in zip(models, resampled, strict=True)}
    leaks = Leaks(corpus, dict(zip(((task.recipe, task.seed) for task in models), tables, strict=True)), models, plan)

    def pair(base: tuple[Recipe, int], candidate: tuple[Recipe, int]) -> Pair:
        fails, turned = leaks.found(base, candidate)
        return replace(judged(salt, sums[base], sums[candidate], plan), fails=fails, fails_turned=turned)

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
        corpus: dict[str, pd.DataFrame],
        tested: dict[tuple[Recipe, int], pd.DataFrame],
        models: Iterable[Task],
        plan: Plan,
    ) -> None:
        self.plan, self.tested = plan, tested
        self.sides: dict[tuple[Recipe, int], Side] = {}
        self.held_out: dict[tuple[Recipe, int], pd.DataFrame] = {}
        for task in models:
            learnt = pd.concat(learnt_from(task, corpus))
            self.sides[task.recipe, task.seed] = Side.of(corpus["test"]["text"], learnt["text"])
            self.held_out[task.recipe, task.seed] = predictions_on_validation(task, corpus)
        whole = Side.of(corpus["test"]["text"], pd.concat([corpus["train"], corpus["validation"]])["text"])
        self.near = near(whole.tested, whole.learnt)

    def found(self, *pair: tuple[Recipe, int]) -> tuple[frozenset[str], frozenset[str]]:
        """Which of them fail the second model against the first, and the first against the second."""
        tested, held_out = (tuple(table[model] for model in pair) for table in (self.tested, self.held_out))
        excesses = leak.excesses(tested, held_out, self.plan)  # type: ignore[arg-type]
        leaks = [any(sign * one.difference > one.reach for one in excesses) for sign in (1, -1)]
        one, other = (self.sides[model] for model in pair)
        rises = [rise(*sides, self.near).measurable for sides in ((one, other), (other, one))]
        told = {leak.NAME: leaks, duplicates.NAME: rises}
        first, second = (frozenset(name for name, fails in told.items() if fails[way]) for way in (0, 1))
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


def true_loss(pairs: list[Pair], group: str) -> tuple[float, float]:
    """The mean loss over all splits, in points, and its standard error, splits as independent."""
    losses = [-100 * pair.difference[group, HEADLINE] for pair in pairs]
    by_split = pd.DataFrame({"split": [pair.split for pair in pairs], "loss": losses})
    means = by_split.groupby("split")["loss"].mean()
    return float(means.mean()), float(means.std(ddof=1)) / len(means) ** 0.5


def visible(pairs: list[Pair], group: str) -> float:
    """The true loss, in points, that a group's rule would catch in 90 %, by the errors and margins of these pairs."""
    claim, (mean, _) = (group, HEADLINE), true_loss(pairs, group)
    errors = np.array([100 * pair.difference[claim] + mean for pair in pairs])
    margins = np.array([100 * (pair.high[claim] - pair.difference[claim]) for pair in pairs])
    return float(np.quantile(errors + margins, 0.9))


def table(draw: Draw, outcome: Outcome, claims: Sequence[Claim]) -> Iterable[str]:
    """The rates of one draw."""
    models = len({pair.split for pair in outcome.same}) * TWINS
    yield f"\n{draw}: {models} models, {len(outcome.same) // 2} A/A pairs, both ways round"
    for name, among in [("blocked", claims), *((f"by {' '.join(claim)}", (claim,)) for claim in claims)]:
        share, low, high = rate(outcome.same, lambda pair, among=among: pair.worse(among))  # type: ignore[misc]
        yield f"  A/A {name:<28} {share:6.1%}  [{low:.1%}, {high:.1%}]"
    planted = [pair for pairs in outcome.planted.values() for pair in pairs]
    every = [*outcome.same, *planted, *(pair.turned() for pair in planted)]
    for name in (duplicates.NAME, leak.NAME):
        share, low, high = rate(every, lambda pair, name=name: name in pair.fails)  # type: ignore[misc]
        hits = sum(name in pair.fails for pair in every)
        yield f"  {name:<32} {share:6.2%}  [{low:.1%}, {high:.1%}] blocked: {hits} of {len(every)} pairs"
    for recipe, pairs in outcome.planted.items():
        group = PLANTED[recipe]
        loss, error = true_loss(pairs, group)
        found = [rate(pairs, lambda pair, among=among: pair.worse(among)) for among in (claims, [(group, HEADLINE)])]  # type: ignore[misc]
        (share, low, high), (own, *_) = found
        yield (
            f"  {recipe.name:<24} true loss {group:<8} {loss:4.1f} ± {error:.1f} points: caught {share:6.1%}"
            f"  [{low:.1%}, {high:.1%}], by its own rule {own:6.1%}; in 90 % from {visible(pairs, group):.1f} points on"
        )


def run(draw: Draw, salts: list[str], recipes: list[Recipe], plan: Plan) -> Outcome:
    """Train what is missing, then judge all pairs."""
    train_all(task for salt in salts for task in tasks(draw, salt, recipes))
    whole = Outcome([], {recipe: [] for recipe in recipes})
    with ProcessPoolExecutor() as pool:
        for part in pool.map(of_split, *zip(*((draw, salt, recipes, plan) for salt in salts), strict=True)):
            whole.same += part.same
            for recipe, pairs in part.planted.items():
                whole.planted[recipe] += pairs
    return whole


def main() -> None:
    """Print the rates of both draws."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--splits", type=int, default=20)
    salts = [f"split-{number}" for number in range(parser.parse_args().splits)]
    settings = params.load()
    gate = settings.gate
    named = frozenset(gate.claims)
    plan = Plan(gate.confidence, gate.resamples, gate.seed, settings.evaluate.calibration_bins, named)
    for draw, recipes in (("subsample", list(PLANTED)), ("bootstrap", [])):
        outcome = run(draw, salts, recipes, plan)  # type: ignore[arg-type]
        print("\n".join(table(draw, outcome, gate.claims)))  # type: ignore[arg-type]


if __name__ == "__main__":
    sys.exit(exit_code(main))
