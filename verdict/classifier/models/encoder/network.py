"""The network of the encoder, in torch: a pretrained transformer, the mean over its tokens, one linear layer."""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PretrainedConfig

# Families whose weights and config are all there is to them, and whose attention is SDPA.
FAMILIES = ("bert", "distilbert", "electra", "roberta", "xlm-roberta")
# A config is untrusted data; these are the bounds of its values.
_BOUNDS = {
    "num_hidden_layers": 96,
    "num_attention_heads": 256,
    "hidden_size": 8192,
    "intermediate_size": 65_536,
    "hidden_dim": 65_536,  # DistilBERT's name of the same
    "embedding_size": 8192,
    "vocab_size": 2_000_000,
    "type_vocab_size": 100,
    "max_position_embeddings": 65_536,
}
# The keys that describe the network's layers. Those on loading, running or generating are ignored.
_SETTINGS = {
    *_BOUNDS,
    *("n_layers", "n_heads", "dim", "hidden_act", "activation", "layer_norm_eps", "sinusoidal_pos_embds"),
    *("pad_token_id", "position_embedding_type", "initializer_range"),
}
_DROPOUTS = ("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout")


class Network(nn.Module):
    """Token ids to scores: one for each class, and while training one more, for the rating."""

    def __init__(self, backbone: nn.Module, outputs: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.backbone = backbone
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(backbone.config.hidden_size, outputs)  # type: ignore[union-attr, arg-type]

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """`ids` and `mask` of shape (n, longest) to scores of shape (n, outputs), float32."""
        # Given the plain mask, transformers checks whether anything is padded, for which it waits for a GPU.
        attention = whole_mask(mask) if mask.is_cuda else mask
        hidden = self.backbone(input_ids=ids, attention_mask=attention).last_hidden_state
        weights = mask.unsqueeze(-1).to(hidden.dtype)
        mean = (hidden * weights).sum(1) / weights.sum(1).clamp(min=1)
        scores: Tensor = self.head(self.dropout(mean))
        return scores.float()


def backbone(config: dict[str, Any]) -> nn.Module:
    """A transformer with random weights.

    Args:
        config: a checkpoint's config.json.

    Raises:
        ValueError: a family that is not among `FAMILIES`, or a config that describes no sensible network.
    """
    checked = checked_config(config)
    try:
        model: nn.Module = AutoModel.from_config(
            checked, attn_implementation="sdpa", trust_remote_code=False, dtype=torch.float32
        )
    except Exception as error:  # its layers raise any error for values that no bound catches
        raise ValueError(f"describes no network: {error!r}") from None
    return without_pooler(model)


def whole_mask(mask: Tensor) -> Tensor:
    """A mask of shape (n, longest) as attention takes it, (n, 1, longest, longest)."""
    return mask[:, None, None, :].expand(-1, 1, mask.shape[1], -1)


def without_pooler(model: nn.Module) -> nn.Module:
    """Remove the layer on top of the first token, which the mean over the tokens replaces."""
    if getattr(model, "pooler", None) is not None:
        model.pooler = None  # type: ignore[assignment]
    return model


def checked_config(config: dict[str, Any], dropout: float | None = None) -> PretrainedConfig:
    """The config as the library's object; `ValueError` for what is foreign or out of bounds.

    Args:
        config: a checkpoint's config.json.
        dropout: replaces all of the config's own.
    """
    family = config.get("model_type")
    if family not in FAMILIES:
        raise ValueError(f"model_type {family!r} is none of {', '.join(FAMILIES)}")
    if "auto_map" in config:
        raise ValueError("auto_map asks for code from elsewhere, which is never run")
    settings = {
        name: value
        for name, value in config.items()
        if isinstance(value, int | float | str) and (name in _SETTINGS or name in _DROPOUTS)
    }
    try:
        checked: PretrainedConfig = AutoConfig.for_model(family, **settings)
    except Exception as error:
        raise ValueError(f"not a config of {family}: {error}") from None
    for name, most in _BOUNDS.items():
        value = getattr(checked, name, 1)
        if type(value) is not int or not 1 <= value <= most:
            raise ValueError(f"{name} is {value!r}, expected a whole number up to {most:,}")
    if dropout is not None:
        for name in _DROPOUTS:
            if hasattr(checked, name):
                setattr(checked, name, dropout)
    return checked


def shapes(config: dict[str, Any], outputs: int) -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor of a network, found without allocating one; `ValueError` as for `backbone`."""
    with torch.device("meta"):
        network = Network(backbone(config), outputs)
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
