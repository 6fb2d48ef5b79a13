"""Made-up predictions for tests of the statistics: groups that hang together, and two models that mostly agree."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from verdict.classifier.scores.predictions import probability_columns

LABELS = ("low", "middle", "high")


def truth(generator: np.random.Generator, slices: dict[str, int], most_rows: int = 6) -> pd.DataFrame:
    """Rows of as many groups as `slices` says, 1 to `most_rows` each, with a level for each group."""
    parts = []
    for name, groups in slices.items():
        sizes = generator.integers(1, most_rows + 1, size=groups)
        level = np.repeat(generator.normal(0, 1, size=groups), sizes)
        rating = np.clip(level + generator.normal(0, 1.2, size=len(level)), -4, 4)
        names = np.repeat([f"{name}-{number}" for number in range(groups)], sizes)
        parts.append(pd.DataFrame({"group": names, "slice": name, "rating": rating}))
    table = pd.concat(parts, ignore_index=True)
    labels = np.select([table["rating"] < -0.3, table["rating"] > 0.3], [LABELS[0], LABELS[2]], LABELS[1])
    return table.assign(label=labels, id=[f"{d}_{n}" for n, d in enumerate(table["group"])])


def predicted(table: pd.DataFrame, generator: np.random.Generator, noise: float) -> pd.DataFrame:
    """Predictions of a model that sees the rating through noise, a part of which its group shares."""
    codes, groups = pd.factorize(table["group"])
    shared = generator.normal(0, noise / 2, size=len(groups))[codes]
    seen = table["rating"].to_numpy() + shared + generator.normal(0, noise, size=len(table))
    logits = np.stack([-1.5 * seen, np.full(len(seen), 0.2), 1.5 * seen], axis=1)
    return with_probabilities(table, softmax(logits))


def of_two(table: pd.DataFrame) -> pd.DataFrame:
    """The same rows and model with the first two classes in one: two classes, of which the second is positive."""
    labels = table["label"].where(table["label"] == LABELS[2], "other")
    positive = table[LABELS[2]]
    return table.drop(columns=list(LABELS)).assign(label=labels, other=1 - positive, **{LABELS[2]: positive})


def of_classes(generator: np.random.Generator, rows: int, labels: tuple[str, ...], noise: float = 1.0) -> pd.DataFrame:
    """Rows with neither slice nor rating, each a group of its own, and a model's predictions for them."""
    places = np.arange(rows) % len(labels)
    logits = generator.normal(0, noise, size=(rows, len(labels)))
    logits[np.arange(rows), places] += 2
    names = [f"r{number}" for number in range(rows)]
    table = pd.DataFrame({"id": names, "group": names, "label": np.asarray(labels, dtype=object)[places]})
    return with_probabilities(table, softmax(logits), labels)


def softmax(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Rows that add up to 1."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    values: npt.NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return values


def with_probabilities(
    table: pd.DataFrame, values: npt.NDArray[np.float64], labels: tuple[str, ...] = LABELS
) -> pd.DataFrame:
    """The table with a column of probabilities for each label."""
    probabilities = pd.DataFrame(values, columns=probability_columns(labels), index=table.index)
    return table.drop(columns=probabilities.columns, errors="ignore").join(probabilities)
