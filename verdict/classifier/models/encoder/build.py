"""Builds the parts of an encoder's training: the pretrained network, its optimiser, the resulting model."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from torch import Tensor
from transformers import AutoModel

from verdict.base.errors import VerdictError
from verdict.classifier.models.encoder import Encoder
from verdict.classifier.models.encoder.guards import NO_MEMORY
from verdict.classifier.models.encoder.network import Network, checked_config, without_pooler
from verdict.classifier.params import Train


def network_of(start: tuple[Path, dict[str, Any]], classes: int, dropout: float) -> Network:
    """The pretrained layers of a checkpoint's weights and config, and a new head for the classes and the rating.

    Raises:
        VerdictError: the config is foreign, or the weights are not those that it describes.
    """
    file, config = start
    try:
        network_config = checked_config(config, dropout)
    except ValueError as error:
        raise VerdictError(str(file.with_name("config.json")), str(error), "another checkpoint") from None
    # No tables and progress bars of the library; missing weights, which they report, are an error here.
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    try:
        backbone, loading = AutoModel.from_pretrained(
            file.parent,
            output_loading_info=True,
            config=network_config,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            attn_implementation="sdpa",
            dtype=torch.float32,
        )
    except (RuntimeError, ValueError, KeyError, OSError) as error:
        if NO_MEMORY.search(str(error)):
            raise
        what = f"not the weights that its config describes: {' '.join(str(error).split())[:300]}"
        raise VerdictError(str(file), what, "another checkpoint, or its own config.json") from None
    if missing := sorted(name for name in loading["missing_keys"] if "pooler" not in name):
        what = f"lacks weights that its config asks for: {', '.join(missing[:3])}"
        raise VerdictError(str(file), what, "another checkpoint, or its own config.json")
    return Network(without_pooler(backbone), classes + 1, dropout)


def optimiser_of(network: Network, params: Train) -> torch.optim.AdamW:
    """AdamW: the head learns faster than what was pretrained; vectors (biases, norms) do not decay."""
    settings = params.encoder
    groups = []
    for head in (False, True):
        for decays in (False, True):
            parameters = [
                p
                for name, p in network.named_parameters()
                if name.startswith("head.") == head and (p.ndim > 1) == decays
            ]
            highest = settings.head_learning_rate if head else settings.learning_rate
            decay = settings.weight_decay if decays else 0.0
            groups.append({"params": parameters, "lr": highest, "highest": highest, "weight_decay": decay})
    return torch.optim.AdamW(groups, fused=True)


def model_of(kept: dict[str, Tensor], config: dict[str, Any]) -> Encoder:
    """A copy without the rating, which only guides the training."""
    tensors = {name: value.float().numpy() for name, value in kept.items() if name != "held_out"}
    for name in ("head.weight", "head.bias"):
        tensors[name] = np.ascontiguousarray(tensors[name][:-1])
    return Encoder(config, tensors)
