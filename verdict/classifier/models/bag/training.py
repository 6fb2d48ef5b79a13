"""Trains the embedding bag with torch, on a CPU or a GPU."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from torch import Tensor, nn
from torch.nn import functional

from verdict.classifier.models.bag import Bag
from verdict.classifier.params import Train
from verdict.classifier.scores.metrics import log_loss
from verdict.classifier.training.device import require_device
from verdict.classifier.training.loop import Fitted, Step, TrainingData, fit_epochs, targets

# Small, so that what a rare feature never learns stays near nothing.
_EMBEDDING_DEVIATION = 0.01


class _Network(nn.Module):
    """The bag with one output for each class and one for the rating."""

    def __init__(self, features: int, size: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.EmbeddingBag(features, size, mode="sum")
        nn.init.normal_(self.embedding.weight, std=_EMBEDDING_DEVIATION)
        self.bias = nn.Parameter(torch.zeros(size))
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(size, classes + 1)

    def forward(self, indices: Tensor, offsets: Tensor, weights: Tensor) -> Tensor:
        bags = self.embedding(indices, offsets, per_sample_weights=weights) + self.bias
        scores: Tensor = self.output(self.dropout(bags))
        return scores

    def model(self) -> Bag:
        """A copy without torch and without the rating, which only guides the training."""
        classes = self.output.out_features - 1
        return Bag(
            _array(self.embedding.weight),
            _array(self.bias),
            _array(self.output.weight[:classes].T),
            _array(self.output.bias[:classes]),
        )


def fit(params: Train, headline: str, train: TrainingData, validation: TrainingData, _: Path | None = None) -> Fitted:
    """AdamW with a falling rate and early stopping, then, with `refit`, once more on both splits."""
    require_device(params.device)
    torch.use_deterministic_algorithms(True)
    return fit_epochs(lambda data: _trainer(data, params), params, headline, train, validation)


def _trainer(data: TrainingData, params: Train) -> Step:
    """A function that trains one more epoch."""
    settings, device = params.bag, torch.device(params.device)
    torch.manual_seed(params.seed)
    size, classes = data.features.shape[1], len(data.labels)
    network = _Network(size, settings.embedding_size, classes, settings.dropout).to(device)
    optimiser = torch.optim.AdamW(
        [
            {"params": [network.embedding.weight], "weight_decay": settings.weight_decay},
            {"params": [network.bias, *network.output.parameters()], "weight_decay": 0.0},
        ],
        lr=settings.learning_rate,
    )
    batches = -(-data.features.shape[0] // settings.batch_size)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, total_iters=settings.epochs * batches)
    class_targets = torch.from_numpy(targets(data, params)).float()
    rating = None if data.rating is None else torch.from_numpy(data.rating / data.reach).float()
    order = np.random.default_rng(params.seed)

    def step(_: int) -> tuple[Bag, float]:
        network.train()
        for rows in np.array_split(order.permutation(data.features.shape[0]), batches):
            scores = network(*_tensors(data.features[rows], device))
            # The targets of a row sum to its weight, which cross-entropy with probabilities as targets carries through.
            loss = functional.cross_entropy(
                scores[:, :-1], class_targets[rows].to(device), label_smoothing=settings.label_smoothing
            )
            if rating is not None:
                loss = loss + settings.rating_weight * functional.mse_loss(scores[:, -1], rating[rows].to(device))
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch
            optimiser.step()
            schedule.step()
        model = network.model()
        return model, log_loss(data.actual, model.probabilities(data.features))

    return step


def _tensors(features: sp.csr_matrix, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Indices, offsets and weights, as `nn.EmbeddingBag` takes them."""
    offsets = features.indptr[:-1].astype(np.int64)
    arrays = (features.indices.astype(np.int64), offsets, features.data)
    return tuple(torch.from_numpy(array).to(device) for array in arrays)  # type: ignore[return-value]


def _array(values: Tensor) -> npt.NDArray[np.float32]:
    return np.array(values.detach().cpu().numpy(), dtype=np.float32, order="C")
