"""The state of a training on disk, from which a killed training resumes and ends with the same weights.

One safetensors file for each training, replaced whole. Its name is a hash of all that the result depends on: after a
change of a param, the data or the code a training does not find this state.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from verdict.base.files import replacing
from verdict.classifier.models.encoder.distributed import ProcessGroup
from verdict.classifier.params import Train
from verdict.classifier.training import checkpoints
from verdict.classifier.training.loop import Curve, TrainingData

_CODE = Path(__file__).resolve().parents[3]


@dataclass
class Progress:
    """The state that is no tensor: the next step of the epoch, the losses so far, the best epoch (from 1), the curve.

    `seconds` is the time of this process and of those that were killed.
    """

    epoch: int = 0
    step: int = 0
    loss: float = 0.0
    best_epoch: int = 0
    best_score: float | None = None
    curve: Curve = field(default_factory=list)
    done: bool = False
    seconds: float = 0.0


@dataclass(frozen=True)
class State:
    """The tensors that change while training: the weights, AdamW's moments, the best weights, and scores to keep."""

    network: nn.Module
    optimiser: Optimizer
    kept: dict[str, Tensor]

    def by_name(self, done: bool = False) -> dict[str, Tensor]:
        """Return the tensors by their names on disk: all, or the results alone if the training is done."""
        named = {f"kept.{name}": value for name, value in self.kept.items()}
        if done:
            return {name: value.contiguous() for name, value in named.items()}
        named |= {f"now.{name}": value for name, value in self.network.state_dict().items()}
        names = {id(parameter): name for name, parameter in self.network.named_parameters()}
        for parameter, moments in self.optimiser.state.items():
            for kind, value in moments.items():
                named[f"{kind}.{names[id(parameter)]}"] = value
        return {name: value.detach().cpu().contiguous() for name, value in named.items()}

    def restore(self, saved: dict[str, Tensor]) -> None:
        """Put everything back as it was."""
        now = {name.removeprefix("now."): value for name, value in saved.items() if name.startswith("now.")}
        if now:
            self.network.load_state_dict(now)
        for name, parameter in self.network.named_parameters():
            kinds = ("step", "exp_avg", "exp_avg_sq")
            if f"exp_avg.{name}" in saved:
                # torch keeps AdamW's step count of a fused optimiser beside its parameter.
                self.optimiser.state[parameter] = {kind: saved[f"{kind}.{name}"].to(parameter.device) for kind in kinds}
        self.kept.clear()
        self.kept.update(
            {name.removeprefix("kept."): value for name, value in saved.items() if name.startswith("kept.")}
        )


def path_for(params: Train, phase: str, data: Iterable[TrainingData], start: str, world: ProcessGroup) -> Path:
    """Return the file of one training.

    Args:
        params: of the training; how often it saves and whether a refit follows do not matter.
        phase: the choice of the best epoch, or `refit`.
        data: its rows.
        start: the hash of the weights that it starts from.
        world: how many processes share a batch, on which kind of device.
    """
    excluded: Any = {"linear": True, "bag": True, "seeds": True, "refit": True, "encoder": {"save_minutes"}}
    settings = params.model_dump(mode="json", exclude=excluded)
    device = torch.cuda.get_device_name(world.device) if world.device.type == "cuda" else "cpu"
    digest = hashlib.sha256(
        json.dumps([settings, phase, start, world.size, device, torch.__version__, transformers.__version__]).encode()
    )
    for part in data:
        digest.update(json.dumps([part.labels, part.reach]).encode())
        for array in (part.features.ids, part.features.ends, part.actual, part.rating, part.weight):
            digest.update(b"none" if array is None else np.ascontiguousarray(array).tobytes())
    for file in sorted(path for room in ("base", "classifier") for path in (_CODE / room).rglob("*.py")):
        digest.update(file.read_bytes())
    return checkpoints.folder() / f"{digest.hexdigest()[:20]}.safetensors"


def save(path: Path, progress: Progress, tensors: State) -> None:
    """Replace the state on disk."""
    with replacing(path) as partial:
        save_file(tensors.by_name(progress.done), partial, metadata={"progress": json.dumps(asdict(progress))})


def load(path: Path, tensors: State) -> Progress | None:
    """Restore the state on disk; `None` if there is none, or a damaged one."""
    try:
        with safe_open(path, "pt") as opened:
            document: Any = json.loads(opened.metadata()["progress"])
            saved = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - no dictionary
        progress = Progress(**document)
        tensors.restore(saved)
    except (FileNotFoundError, SafetensorError, ValueError, KeyError, TypeError, RuntimeError):
        return None
    return progress
