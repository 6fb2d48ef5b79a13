"""A fine-tuned transformer encoder. torch and transformers are imported when one is loaded, not before."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from verdict.base import numerics
from verdict.classifier.features.tokens import Tokeniser, Tokens, missing_library
from verdict.classifier.models.tensors import require_tensors, softmax

if TYPE_CHECKING:
    from verdict.classifier.models.encoder.network import Network

Floats = npt.NDArray[np.float32]
# Sentences scored at a time; they are sorted by length first, so that little is padded.
BATCH = 64


class Encoder:
    """The network's tensors by name, and the config that they fit."""

    def __init__(self, config: dict[str, Any], tensors: Mapping[str, Floats]) -> None:
        self.config = config
        self._tensors = dict(tensors)
        self._network: Network | None = None

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Floats], config: dict[str, Any], classes: int) -> Self:
        """Rebuild from named arrays; `ValueError` when one is missing, surplus, or of another shape."""
        numerics.pin_torch(deterministic=True)
        try:
            from verdict.classifier.models.encoder.network import shapes
        except ImportError as error:
            raise missing_library(error.name or "transformers") from None
        require_tensors(tensors, shapes(config, classes))
        return cls(config, tensors)

    def tensors(self) -> dict[str, Floats]:
        """The named arrays that make up the model."""
        return self._tensors

    def probabilities(self, features: Tokens) -> npt.NDArray[np.float64]:
        """N texts to (n, classes); each row sums to 1."""
        import torch

        if self._network is None:
            self._network = self._load()
        with numerics.threads(), torch.inference_mode():
            return softmax(predict_scores(self._network, features, torch.device("cpu")))

    def _load(self) -> "Network":
        import torch

        from verdict.classifier.models.encoder.network import Network, backbone

        network = Network(backbone(self.config), len(self._tensors["head.bias"]))
        network.load_state_dict({name: torch.from_numpy(values) for name, values in self._tensors.items()})
        return network.eval()


def predict_scores(network: Any, features: Tokens, device: Any, bfloat16: bool = False) -> Floats:  # noqa: ANN401 - torch's
    """Scores of shape (n, outputs) of a network that is in its evaluation mode; the order of the texts stays."""
    import torch

    order = np.argsort(-features.lengths, kind="stable")
    parts: list[Floats] = []
    for start in range(0, len(order), BATCH):
        ids, mask = features.padded(order[start : start + BATCH])
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
            scores = network(torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device))
        parts.append(scores.float().cpu().numpy())
    outputs = network.head.out_features
    sorted_scores = np.concatenate(parts) if parts else np.zeros((0, outputs), dtype=np.float32)
    scores_in_order = np.empty_like(sorted_scores)
    scores_in_order[order] = sorted_scores
    return scores_in_order


def model_from_tensors(tensors: Mapping[str, Floats], featurizer: Tokeniser, classes: int) -> Encoder:
    """The model of an artifact; `ValueError` when its arrays do not fit what it reads."""
    return Encoder.from_tensors(tensors, featurizer.config, classes)
