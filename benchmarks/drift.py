"""How often `verdict drift` cries wolf, what it finds, and what counting costs the service.

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
    """Texts that are asked about: counts of each row, its truth, what is answered, and to which slice it belongs."""

    words: npt.NDArray[np.int64]
    answers: npt.NDArray[np.int64]
    truth: npt.NDArray[np.str_]
    said: npt.NDArray[np.str_]
    groups: Sequence[Sequence[list[int]]]

    def rows(self, draw: np.random.Generator, mix: Mix, texts: int) -> list[int]:
        """Rows of whole groups, with shares `mix` of the slices."""
        found: list[int] = []
        for groups, wanted in zip(self.groups, (texts * mix).round().astype(int), strict=True):
            own: list[int] = []
            while len(own) < wanted:
                own += groups[int(draw.integers(len(groups)))]
            found += own[:wanted]
        return found

    def window(self, draw: np.random.Generator, rows: list[int]) -> Window:
        """What a service counts of them: the words of half."""
        half = [row for row in rows if draw.random() < COUNTED_SHARE]
        lengths = np.zeros(len(LENGTHS) + 1, np.int64)
        return Window(self.words[half].sum(axis=0), self.answers[rows].sum(axis=0), lengths)


def live(reference: Reference) -> tuple[Live, pd.DataFrame]:
    """The test split, and its table."""
    table = read_table(ROOT / "data/prepared/test.parquet", "dvc repro prepare")
    predictions = read_table(ROOT / "data/predictions/test.parquet", "dvc repro evaluate")
    said = predictions[list(reference.labels)].to_numpy()
    rows, of = pd.Series(np.arange(len(table))), table["slice"]
    groups = [list(rows[of == name].groupby(table["group"]).agg(list)) for name in reference.slices]
    found = Live(
        reference.counter.count(table["text"]),
        answer_counts(said),
        table["label"].to_numpy(np.str_),
        np.array(reference.labels)[said.argmax(axis=1)],
        groups,
    )
    return found, table


def mixes(reference: Reference, table: pd.DataFrame) -> dict[str, Mix]:
    """The seven mixes of slices."""
    own = np.array([(table["slice"] == name).mean() for name in reference.slices])
    alone = dict(zip(reference.slices, np.eye(len(own)), strict=True))
    heavy = np.where(np.array(reference.slices) == "tweets", 0.7, 0.1)
    return {"as the test split": own, **alone, "all alike": np.full(len(own), 1 / len(own)), "70 % tweets": heavy}


def alarms(reference: Reference, seen: Sequence[Window], first: Window) -> dict[str, list[bool]]:
    """Of each kind whether a window is the second in a row beyond its limit."""
    found = [{one.kind: one.over for one in measure(reference, window, None, first).findings} for window in seen]
    return {kind: [a[kind] and b[kind] for a, b in pairwise(found)] for kind in KINDS}


def unshifted(reference: Reference, usual: Live, mix: Mix, windows: int, draw: np.random.Generator) -> dict[str, int]:
    """How many of some windows are an alarm, by kind; every 25 a release begins."""
    total = dict.fromkeys(KINDS, 0)
    for start in range(0, windows, 25):
        size = min(25, windows - start)
        first, *seen = (
            usual.window(draw, usual.rows(draw, mix, texts)) for texts in [FIRST_TEXTS, *[WINDOW_TEXTS] * (size + 1)]
        )
        for kind, found in alarms(reference, seen, first).items():
            total[kind] += sum(found)
    return total


Change = Callable[[Live, np.random.Generator], Live]


def foreign(usual: Live, draw: np.random.Generator) -> Live:
    """Of one text in twenty all words are foreign."""
    words, chosen = usual.words.copy(), draw.random(len(usual.words)) < 0.05
    words[chosen] = 0
    words[chosen, -1] = len(_FOREIGN.split())
    return replace(usual, words=words)


def vocabulary(share: float, only: int | None = None) -> Change:
    """A share of the words that are not frequent is new; of one slice alone, where that is named."""

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
    """In half of the texts all marks are doubled."""
    marks = np.array([place for place, word in enumerate(reference.frequent) if not word[0].isalnum()])

    def change(usual: Live, draw: np.random.Generator) -> Live:
        words, chosen = usual.words.copy(), draw.random(len(usual.words)) < 0.5
        words[np.ix_(np.flatnonzero(chosen), marks)] *= 2
        return replace(usual, words=words)

    return change


def more_of(label: str, answered: bool) -> Change:
    """Ten points more texts of a class in each slice, by what is answered or by the truth, in place of others."""

    def change(usual: Live, draw: np.random.Generator) -> Live:
        of_class, groups = (usual.said if answered else usual.truth) == label, []
        for own in usual.groups:
            rows = np.array([row for group in own for row in group])
            more = rows[of_class[rows]] if of_class[rows].any() else np.flatnonzero(of_class)
            others = rows[~of_class[rows]]
            gone = set(draw.choice(others, min(round(0.1 * len(rows)), len(others)), replace=False).tolist())
            put = [[int(draw.choice(more)) if row in gone else row for row in group] for group in own]
            groups.append(put)
        return replace(usual, groups=groups)

    return change


def found_within(reference: Reference, usual: Live, mix: Mix, change: Change, times: int) -> dict[str, int]:
    """How often there is an alarm within three windows of a change, by kind and at all."""
    total, draw = dict.fromkeys((*KINDS, "any"), 0), np.random.default_rng(_SEED)
    for _ in range(times):
        first = usual.window(draw, usual.rows(draw, mix, FIRST_TEXTS))
        moved = change(usual, draw)
        seen = [moved.window(draw, moved.rows(draw, mix, WINDOW_TEXTS)) for _ in range(_WITHIN)]
        own = alarms(reference, seen, first)
        for kind in KINDS:
            total[kind] += any(own[kind])
        total["any"] += any(map(any, own.values()))
    return total


def moved_mix(reference: Reference, usual: Live, every: dict[str, Mix], times: int) -> None:
    """Print what is said after a change from each mix to each other: alarms, and errors of the expected score."""
    draw, kinds, windows = np.random.default_rng(_SEED), dict.fromkeys(KINDS, 0), 0
    single: list[float] = []
    mean: list[float] = []
    for before in every.values():
        for after in (mix for mix in every.values() if mix is not before):
            first = usual.window(draw, usual.rows(draw, before, FIRST_TEXTS))
            rows = [usual.rows(draw, after, WINDOW_TEXTS) for _ in range(times)]
            seen = [usual.window(draw, own) for own in rows]
            real = [f1_score(usual.truth[own], usual.said[own], average="weighted") for own in rows]
            told = [measure(reference, window, None).expected for window in seen]
            single += np.subtract(told, real).tolist()
            mean.append(float(np.mean(told) - np.mean(real)))
            for kind, found in alarms(reference, seen, first).items():
                kinds[kind] += sum(found)
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
            found: dict[str, list[float]] = {label: [] for label in servers}
            for number in range(rounds):
                for label in sorted(servers, reverse=number % 2 == 1):
                    before = servers[label].cpu()
                    requests = loaded(servers[label].port, connections, lua, 2).requests
                    found[label].append(requests / (servers[label].cpu() - before))
            shares = [1 - a / b for a, b in zip(found["with"], found["without"], strict=True)]
            rates = {label: statistics.median(rates) for label, rates in found.items()}
            told = f"{rates['with']:,.0f} with, {rates['without']:,.0f} without, {statistics.median(shares):.1%} less"
            print(f"requests a CPU-second, {connections} connections: {told}")


def write_rows(folder: Path, reference: Reference, usual: Live, table: pd.DataFrame, every: dict[str, Mix]) -> None:
    """Write twenty windows of each mix as tables of text, label and confidence."""
    draw, scored = (
        np.random.default_rng(_SEED),
        read_table(ROOT / "data/predictions/test.parquet", "dvc repro evaluate"),
    )
    sure = scored[list(reference.labels)].max(axis=1)
    folder.mkdir(parents=True, exist_ok=True)
    for name, mix in every.items():
        for number in range(20):
            rows = usual.rows(draw, mix, WINDOW_TEXTS)
            made = {"text": table["text"].iloc[rows], "label": usual.said[rows], "confidence": sure.iloc[rows]}
            pd.DataFrame(made).to_parquet(folder / f"{name.replace(' ', '-')}.{number}.parquet", index=False)


def main() -> None:
    """Print false alarms, what is found, what is expected, and what counting costs."""
    parser = argparse.ArgumentParser(description="False alarms, power and cost of verdict drift.")
    parser.add_argument("--windows", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--rows", type=Path)
    options = parser.parse_args()
    reference = read(ROOT / "models/reference.json")
    usual, table = live(reference)
    every = mixes(reference, table)
    if options.rows:
        write_rows(options.rows, reference, usual, table, every)
    print(f"alarms in {options.windows} windows of {WINDOW_TEXTS:,} texts where nothing has drifted:")
    for name, mix in every.items():
        print(f"  {name}: {unshifted(reference, usual, mix, options.windows, np.random.default_rng(_SEED))}")
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
        print(f"  {name}: {found_within(reference, usual, every['as the test split'], change, options.windows)}")
    moved_mix(reference, usual, every, 10)
    if options.rounds:
        cost(options.rounds, table["text"].tolist()[:1000])


if __name__ == "__main__":
    sys.exit(exit_code(main))
