"""Batches of texts of similar length, in another order each epoch, the same in every process."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from verdict.classifier.features.tokens import Tokens

# Texts of one batch differ in length by about so many tokens: with none the batches would be the same each epoch.
_NOISE = 4.0
Rows = npt.NDArray[np.int64]


def epoch_batches(lengths: Rows, batch_size: int, seed: int, epoch: int) -> list[Rows]:
    """The rows of each batch of an epoch, every row once.

    Args:
        lengths: tokens of each text, shape (n,).
        batch_size: of all batches but the last.
        seed: of the training.
        epoch: from 0; together with the seed it decides all, so that a training can go on in the middle.
    """
    draw = np.random.default_rng([seed, epoch])
    order = np.argsort(lengths + draw.uniform(0, _NOISE, len(lengths)), kind="stable")
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    return [batches[place] for place in draw.permutation(len(batches))]


class OnDevice:
    """The token ids of all texts on a device: a batch is cut out there, and nothing waits for a copy of it."""

    def __init__(self, tokens: Tokens, device: torch.device) -> None:
        self.ids = torch.from_numpy(tokens.ids).to(device)
        self.starts = torch.from_numpy(tokens.ends[:-1]).to(device)
        self.lengths = torch.from_numpy(tokens.lengths).to(device)
        self._lengths = tokens.lengths

    def padded(self, rows: Rows, places: Tensor) -> tuple[Tensor, Tensor]:
        """As `Tokens.padded`, on the device.

        Args:
            rows: of the texts.
            places: the same numbers, on the device.
        """
        longest = max(1, int(self._lengths[rows].max(initial=0)))
        columns = torch.arange(longest, device=places.device)
        mask = columns < self.lengths[places].unsqueeze(1)
        places_of_ids = (self.starts[places].unsqueeze(1) + columns).masked_fill(~mask, 0)
        return self.ids[places_of_ids].long().masked_fill(~mask, 0), mask


def process_share(rows: Rows, rank: int, size: int) -> Rows:
    """Return the rows of a batch that one of `size` processes works on; they may be none."""
    return rows[rank::size]


def learning_rate_factor(step: int, steps: int, warmup: float) -> float:
    """The factor of the learning rates at a step from 0: it rises over the share `warmup`, then falls to 0."""
    rising = max(1, round(steps * warmup))
    if step < rising:
        return (step + 1) / rising
    return max(0.0, (steps - step) / max(1, steps - rising))
