"""Made-up predictions for tests of the statistics: documents that hang together, and two models that mostly agree."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from verdict.classifier.dataset.splits import LABELS


def truth(generator: np.random.Generator, domains: dict[str, int], most_rows: int = 6) -> pd.DataFrame:
    """Sentences of as many documents as `domains` says, 1 to `most_rows` each, with a mood for each document."""
    parts = []
    for domain, documents in domains.items():
        sizes = generator.integers(1, most_rows + 1, size=documents)
        mood = np.repeat(generator.normal(0, 1, size=documents), sizes)
        valence = np.clip(mood + generator.normal(0, 1.2, size=len(mood)), -4, 4)
        names = np.repeat([f"{domain}-{number}" for number in range(documents)], sizes)
        parts.append(pd.DataFrame({"document": names, "domain": domain, "valence": valence}))
    table = pd.concat(parts, ignore_index=True)
    labels = np.select([table["valence"] < -0.3, table["valence"] > 0.3], [LABELS[0], LABELS[2]], LABELS[1])
    return table.assign(label=labels, id=[f"{d}_{n}" for n, d in enumerate(table["document"])])


def predicted(table: pd.DataFrame, generator: np.random.Generator, noise: float) -> pd.DataFrame:
    """Predictions of a model that sees the valence through noise, a part of which its document shares."""
    codes, documents = pd.factorize(table["document"])
    shared = generator.normal(0, noise / 2, size=len(documents))[codes]
    seen = table["valence"].to_numpy() + shared + generator.normal(0, noise, size=len(table))
    logits = np.stack([-1.5 * seen, np.full(len(seen), 0.2), 1.5 * seen], axis=1)
    return with_probabilities(table, softmax(logits))


def softmax(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Rows that add up to 1."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    values: npt.NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return values


def with_probabilities(table: pd.DataFrame, values: npt.NDArray[np.float64]) -> pd.DataFrame:
    """The table with a column of probabilities for each label."""
    return table.assign(**dict(zip(LABELS, values.T, strict=True)))
