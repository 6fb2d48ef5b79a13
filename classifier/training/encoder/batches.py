"""Batches of sentences of similar length, in another order each epoch, the same wherever it is computed."""

import numpy as np
import numpy.typing as npt

# Sentences of one batch differ in length by about so many tokens: with none the batches would be the same each epoch.
_NOISE = 4.0
Rows = npt.NDArray[np.int64]


def epoch_batches(lengths: Rows, batch_size: int, seed: int, epoch: int) -> list[Rows]:
    """The rows of each batch of an epoch, every row once.

    Args:
        lengths: tokens of each sentence, shape (n,).
        batch_size: of all batches but the last.
        seed: of the training.
        epoch: from 0; together with the seed it decides all, so that a training can go on in the middle.
    """
    draw = np.random.default_rng([seed, epoch])
    order = np.argsort(lengths + draw.uniform(0, _NOISE, len(lengths)), kind="stable")
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    return [batches[place] for place in draw.permutation(len(batches))]


def share(rows: Rows, rank: int, size: int) -> Rows:
    """What one of `size` processes does of a batch; it may be nothing."""
    return rows[rank::size]


def rate(step: int, steps: int, warmup: float) -> float:
    """The factor of the learning rates at a step from 0: it rises over the share `warmup`, then falls to 0."""
    rising = max(1, round(steps * warmup))
    if step < rising:
        return (step + 1) / rising
    return max(0.0, (steps - step) / max(1, steps - rising))
