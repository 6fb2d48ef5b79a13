"""The devices of this machine, for those kinds of model that torch trains."""

import torch

from verdict.base.errors import VerdictError


def require_device(device: str) -> None:
    """Refuse a CUDA device that the machine does not have; `VerdictError` names the param."""
    if device == "cpu":
        return
    number = int(device.partition(":")[2] or 0)
    if number >= torch.cuda.device_count():
        what = f"train.device: {device} is not there ({torch.cuda.device_count()} CUDA devices found)"
        remedy = "train.device: cpu, train.processes: as many as there are devices, or see nvidia-smi"
        raise VerdictError("params.yaml", what, remedy)
