"""False alarms and power of `verdict drift`, and the cost of counting for the service.

    python -m benchmarks.drift [--windows N] [--rounds N] [--rows FOLDER]

Live text is the test split, drawn by whole documents: the model has not seen it, and nothing has drifted. Then
something is planted in it. An alarm is two windows in a row beyond a limit. `--rounds` needs wrk, and measures the
service with and without a reference; `--rows` writes windows as tables, for other programs to look at.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import f1_score

from benchmarks.serving import MODEL, free_port, loaded, running, service, wrk_script
from benchmarks.workspace import ROOT
from verdict.base.errors import exit_code
from verdict.base.files import read_table
from verdict.monitoring.findings import measure
from verdict.monitoring.reference import COUNTED_SHARE, FIRST_TEXTS, LENGTHS, WINDOW_TEXTS, Reference, read
from verdict.monitoring.reference.building import answer_counts
from verdict.monitoring.reference.mixture import Window

KINDS = ("unknown", "residual", "classes", "confidence")
_FOREIGN = "le chat est sur la table avec le chien et la souris de la maison"
_SEED, _WITHIN = 2014, 3
Mix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Live:
    """Texts as users might ask: for each row its counts, true label and answer, and by slice the groups of rows."""

    words: npt.NDArray[np.int64]
    answers: npt.NDArray[np.int64]
    truth: npt.NDArray[np.str_]
    answered: npt.NDArray[np.str_]
    groups: Sequence[Sequence[list[int]]]

    def rows(self, draw: np.random.Generator, mix: Mix, texts: int) -> list[int]:
        """Draw rows of whole groups, with shares `mix` of the slices."""
        rows: list[int] = []
        for groups, count in zip(self.groups, (texts * mix).round().astype(int), strict=True):
            slice_rows: list[int] = []
            while len(slice_rows) < count:
                slice_rows += groups[int(draw.integers(len(groups)))]
            rows += slice_rows[:count]
        return rows

    def window(self, draw: np.random.Generator, rows: list[int]) -> Window:
        """The counts of a service, which counts the words of half the texts."""
        half = [row for row in rows if draw.random() < COUNTED_SHARE]
        lengths = np.zeros(len(LENGTHS) + 1, np.int64)
        return Window(self.words[half].sum(axis=0), self.answers[rows].sum(axis=0), lengths)


def live(reference: Reference) -> tuple[Live, pd.DataFrame]:
    """The test split as live text, and its table."""
    table = read_table(ROOT / "data/prepared/test.parquet", "dvc repro prepare")
    predictions = read_table(ROOT / "data/predictions/test.parquet", "dvc repro evaluate")
    probabilities = predictions[list(reference.labels)].to_numpy()
    rows, slices = pd.Series(np.arange(len(table))), table["slice"]
    groups = [list(rows[slices == name].groupby(table["group"]).agg(list)) for name in reference.slices]
    live_texts = Live(
        reference.counter.count(table["text"]),
        answer_counts(probabilities),
        table["label"].to_numpy(np.str_),
        np.array(reference.labels)[probabilities.argmax(axis=1)],
        groups,
    )
    return live_texts, table


def mixes(reference: Reference, table: pd.DataFrame) -> dict[str, Mix]:
    """The seven mixes of slices."""
    test = np.array([(table["slice"] == name).mean() for name in reference.slices])
    alone = dict(zip(reference.slices, np.eye(len(test)), strict=True))
    heavy = np.where(np.array(reference.slices) == "tweets", 0.7, 0.1)
    return {"as the test split": test, **alone, "all alike": np.full(len(test), 1 / len(test)), "70 % tweets": heavy}


def alarms(reference: Reference, seen: Sequence[Window], first: Window) -> dict[str, list[bool]]:
    """For each kind, whether each window is the second in a row beyond its limit."""
    measurements = [measure(reference, window, None, first) for window in seen]
    over = [{finding.kind: finding.over for finding in measurement.findings} for measurement in measurements]
    return {kind: [before[kind] and now[kind] for before, now in pairwise(over)] for kind in KINDS}


def false_alarms(
    reference: Reference, usual: Live, mix: Mix, windows: int, draw: np.random.Generator
) -> dict[str, int]:
    """The number of alarms in so many windows, by kind; a new release begins every 25 windows."""
    total = dict.fromkeys(KINDS, 0)
    for start in range(0, windows, 25):
        size = min(25, windows - start)
        first, *seen = (
            usual.window(draw, usual.rows(draw, mix, texts)) for texts in [FIRST_TEXTS, *[WINDOW_TEXTS] * (size + 1)]
        )
        for kind, raised in alarms(reference, seen, first).items():
            total[kind] += sum(raised)
    return total


Change = Callable[[Live, np.random.Generator], Live]


def foreign(usual: Live, draw: np.random.Generator) -> Live:
    """All words of one text in twenty are foreign."""
    words, chosen = usual.words.copy(), draw.random(len(usual.words)) < 0.05
    words[chosen] = 0
    words[chosen, -1] = len(_FOREIGN.split())
    return replace(usual, words=words)


def vocabulary(share: float, only: int | None = None) -> Change:
    """A share of the words that are not frequent is new, in all slices or in `only` one."""

    def change(usual: Live, draw: np.random.Generator) -> Live:
        words = usual.words.copy()
        new = draw.binomial(words[:, -2], share)
        if only is not None:
            rows = [row for group in usual.groups[only] for row in group]
            new = np.where(np.isin(np.arange(len(words)), rows), new, 0)
        words[:, -2], words[:, -1] = words[:, -2] - new, words[:, -1] + new
        return replace(usual, words=words)

    return change


def punctuation(reference: Reference) -> Change:
    """All punctuation marks are doubled in half of the texts."""
    marks = np.array([place for place, word in enumerate(reference.frequent) if not word[0].isalnum()])

    def change(usual: Live, draw: np.random.Generator) -> Live:
        words, chosen = usual.words.copy(), draw.random(len(usual.words)) < 0.5
        words[np.ix_(np.flatnonzero(chosen), marks)] *= 2
        return replace(usual, words=words)

    return change


def more_of(label: str, answered: bool) -> Change:
    """Ten points more texts of a class in each slice, by the answer or by the true label, in place of others."""

    def change(usual: Live, draw: np.random.Generator) -> Live:
        of_class, groups = (usual.answered if answered else usual.truth) == label, []
        for slice_groups in usual.groups:
            rows = np.array([row for group in slice_groups for row in group])
            more = rows[of_class[rows]] if of_class[rows].any() else np.flatnonzero(of_class)
            others = rows[~of_class[rows]]
            replaced = set(draw.choice(others, min(round(0.1 * len(rows)), len(others)), replace=False).tolist())
            groups.append(
                [[int(draw.choice(more)) if row in replaced else row for row in group] for group in slice_groups]
            )
        return replace(usual, groups=groups)

    return change


def detections(reference: Reference, usual: Live, mix: Mix, change: Change, times: int) -> dict[str, int]:
    """The number of changes with an alarm within three windows, by kind and at all."""
    total, draw = dict.fromkeys((*KINDS, "any"), 0), np.random.default_rng(_SEED)
    for _ in range(times):
        first = usual.window(draw, usual.rows(draw, mix, FIRST_TEXTS))
        moved = change(usual, draw)
        seen = [moved.window(draw, moved.rows(draw, mix, WINDOW_TEXTS)) for _ in range(_WITHIN)]
        raised = alarms(reference, seen, first)
        for kind in KINDS:
            total[kind] += any(raised[kind])
        total["any"] += any(map(any, raised.values()))
    return total


def moved_mix(reference: Reference, usual: Live, all_mixes: dict[str, Mix], times: int) -> None:
    """Print the alarms, and the errors of the expected score, after a change from each mix to each other."""
    draw, kinds, windows = np.random.default_rng(_SEED), dict.fromkeys(KINDS, 0), 0
    single: list[float] = []
    mean: list[float] = []
    for before in all_mixes.values():
        for after in (mix for mix in all_mixes.values() if mix is not before):
            first = usual.window(draw, usual.rows(draw, before, FIRST_TEXTS))
            rows = [usual.rows(draw, after, WINDOW_TEXTS) for _ in range(times)]
            seen = [usual.window(draw, window_rows) for window_rows in rows]
            real = [f1_score(usual.truth[some], usual.answered[some], average="weighted") for some in rows]
            expected = [measure(reference, window, None).expected for window in seen]
            single += np.subtract(expected, real).tolist()
            mean.append(float(np.mean(expected) - np.mean(real)))
            for kind, raised in alarms(reference, seen, first).items():
                kinds[kind] += sum(raised)
            windows += times - 1
    print(f"a change of mix alone, {windows} windows: {kinds}; the expected score is off")
    for name, errors in (("from that of its window", np.abs(single)), (f"of {times} windows together", np.abs(mean))):
        within = f"{(errors <= 0.015).mean():.0%} by at most 0.015"
        print(f"  {name}: {errors.mean():.4f} on average, {errors.max():.4f} at most, {within}")


def cost(rounds: int, texts: list[str]) -> None:
    """Requests a CPU-second with and without a reference, by turns."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        lua = wrk_script(Path(name), texts)
        alone = Path(name) / "classifier"
        alone.symlink_to(MODEL)
        servers = {}
        for label, more in {"with": [], "without": ["--model", str(alone)]}.items():
            port = free_port()
            servers[label] = stack.enter_context(running([*service(port), *more], port))
            loaded(port, 32, lua)
        for connections in (1, 32):
            measured: dict[str, list[float]] = {label: [] for label in servers}
            for number in range(rounds):
                for label in sorted(servers, reverse=number % 2 == 1):
                    before = servers[label].cpu()
                    requests = loaded(servers[label].port, connections, lua, 2).requests
                    measured[label].append(requests / (servers[label].cpu() - before))
            shares = [1 - a / b for a, b in zip(measured["with"], measured["without"], strict=True)]
            rates = {label: statistics.median(rates) for label, rates in measured.items()}
            line = f"{rates['with']:,.0f} with, {rates['without']:,.0f} without, {statistics.median(shares):.1%} less"
            print(f"requests a CPU-second, {connections} connections: {line}")


def write_rows(folder: Path, reference: Reference, usual: Live, table: pd.DataFrame, all_mixes: dict[str, Mix]) -> None:
    """Write twenty windows of each mix as tables of text, label and confidence."""
    draw = np.random.default_rng(_SEED)
    predictions = read_table(ROOT / "data/predictions/test.parquet", "dvc repro evaluate")
    confidence = predictions[list(reference.labels)].max(axis=1)
    folder.mkdir(parents=True, exist_ok=True)
    for name, mix in all_mixes.items():
        for number in range(20):
            rows = usual.rows(draw, mix, WINDOW_TEXTS)
            columns = {
                "text": table["text"].iloc[rows],
                "label": usual.answered[rows],
                "confidence": confidence.iloc[rows],
            }
            pd.DataFrame(columns).to_parquet(folder / f"{name.replace(' ', '-')}.{number}.parquet", index=False)


def main() -> None:
    """Print false alarms, detections, errors of the expected score, and the cost of counting."""
    parser = argparse.ArgumentParser(description="False alarms, power and cost of verdict drift.")
    parser.add_argument("--windows", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--rows", type=Path)
    options = parser.parse_args()
    reference = read(ROOT / "models/reference.json")
    usual, table = live(reference)
    all_mixes = mixes(reference, table)
    if options.rows:
        write_rows(options.rows, reference, usual, table, all_mixes)
    print(f"alarms in {options.windows} windows of {WINDOW_TEXTS:,} texts where nothing has drifted:")
    for name, mix in all_mixes.items():
        print(f"  {name}: {false_alarms(reference, usual, mix, options.windows, np.random.default_rng(_SEED))}")
    planted = {
        "5 % of the texts foreign": foreign,
        "5 % of the rarer words new": vocabulary(0.05),
        "20 % of the rarer words of news new": vocabulary(0.2, reference.slices.index("news")),
        "marks doubled in half": punctuation(reference),
    }
    for label in reference.labels:
        planted[f"10 points more answers {label}"] = more_of(label, answered=True)
        planted[f"10 points more texts {label}"] = more_of(label, answered=False)
    print(f"of {options.windows} times, alarms within {_WITHIN} windows, in the mix of the test split:")
    for name, change in planted.items():
        print(f"  {name}: {detections(reference, usual, all_mixes['as the test split'], change, options.windows)}")
    moved_mix(reference, usual, all_mixes, 10)
    if options.rounds:
        cost(options.rounds, table["text"].tolist()[:1000])


if __name__ == "__main__":
    sys.exit(exit_code(main))
