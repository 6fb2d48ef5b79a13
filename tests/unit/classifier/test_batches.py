"""Tests of the encoder's batches: which texts, on which device, at which rate."""

import numpy as np
import pytest
import torch

from tests.unit.classifier.test_encoder import data
from verdict.classifier.models.encoder.batches import OnDevice, epoch_batches, learning_rate_factor, process_share


def test_a_batch_on_the_device_is_the_batch() -> None:
    """Ids and mask cut out on the device are those of `Tokens.padded`, also for no rows at all."""
    tokens = data(50).features
    texts = OnDevice(tokens, torch.device("cpu"))
    for rows in (np.array([3, 1, 40]), np.array([], dtype=np.int64), np.arange(50)):
        expected = tokens.padded(rows)
        found = texts.padded(rows, torch.from_numpy(rows))
        assert all((one.numpy() == other).all() for one, other in zip(found, expected, strict=True))


def test_an_epoch_holds_each_text_once_in_batches_of_similar_length() -> None:
    """Batches are full but for one, differ from epoch to epoch, are the same for the same seed, and waste little."""
    lengths = np.random.default_rng(0).integers(5, 90, size=1003)
    first, again, next_epoch = (epoch_batches(lengths, 32, 7, epoch) for epoch in (0, 0, 1))
    assert sorted(np.concatenate(first)) == list(range(1003))
    assert sorted({len(batch) for batch in first}) == [11, 32]
    assert all((one == other).all() for one, other in zip(first, again, strict=True))
    assert {tuple(sorted(batch)) for batch in first} != {tuple(sorted(batch)) for batch in next_epoch}
    padded = sum(lengths[batch].max() * len(batch) for batch in first)
    assert padded < 1.1 * lengths.sum()


def test_processes_share_a_batch_without_overlap() -> None:
    """Together the shares are the batch, whatever its size, and differ by at most one text."""
    for size in (1, 5, 32):
        parts = [process_share(np.arange(size), rank, 3) for rank in range(3)]
        assert sorted(np.concatenate(parts)) == list(range(size))
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_the_rate_rises_and_falls_to_nothing() -> None:
    """The factor rises over the warm-up to 1, and falls in a line to nearly 0 at the last step."""
    factors = [learning_rate_factor(step, 100, 0.1) for step in range(100)]
    assert factors[0] == pytest.approx(0.1)
    assert max(factors) == factors[9] == factors[10] == 1
    assert np.all(np.diff(factors[10:]) < 0)
    assert factors[-1] == pytest.approx(1 / 90)
