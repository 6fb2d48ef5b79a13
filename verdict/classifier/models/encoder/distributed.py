"""The processes that train together: as many as torchrun started, or this one alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import distributed

from verdict.base.errors import VerdictError
from verdict.classifier.training.device import require_device
from verdict.classifier.training.torchrun import torchrun_number


@dataclass(frozen=True)
class ProcessGroup:
    """The number of this process among `size`, and its device. Number 0 writes and prints."""

    rank: int
    size: int
    device: torch.device

    @property
    def is_main(self) -> bool:
        """True in the process that writes and prints."""
        return self.rank == 0

    def all_gather(self, parts: npt.NDArray[np.float32], rows: int) -> npt.NDArray[np.float32]:
        """Gather the rows of all processes (see `batches.process_share`) in each of them."""
        if self.size == 1:
            return parts
        shares: list[npt.NDArray[np.float32]] = [parts] * self.size
        distributed.all_gather_object(shares, parts)
        whole = np.empty((rows, parts.shape[1]), dtype=np.float32)
        for rank, part in enumerate(shares):
            whole[rank :: self.size] = part
        return whole

    def all_sum(self, value: float) -> float:
        """Return the sum of a number over all processes, in each of them."""
        if self.size == 1:
            return value
        values = [value] * self.size
        distributed.all_gather_object(values, value)
        return sum(values)

    def broadcast(self, value: bool) -> bool:
        """Return the main process's value in each process, so that all take the same branch."""
        if self.size == 1:
            return value
        values = [value]
        distributed.broadcast_object_list(values)
        return values[0]

    def require_same(self, value: object, where: str) -> None:
        """Refuse to train together from different states, as on machines that share no folder."""
        if self.size > 1:
            values = [value] * self.size
            distributed.all_gather_object(values, value)
            if any(other != values[0] for other in values):
                remedy = "a folder that all machines share, or delete it on all of them"
                raise VerdictError(where, "another state, or none, on another machine", remedy)

    def barrier(self) -> None:
        """Wait for all processes."""
        if self.size > 1:
            distributed.barrier()


@contextmanager
def join_processes(device: str) -> Iterator[ProcessGroup]:
    """Join torch's process group for the block; it stays initialised until `torchrun.leave_process_group`.

    A second initialisation by the same processes would find the addresses of the first, and fail if one is late.

    Args:
        device: `train.device`; with `cuda` each process takes the one of its number on this machine.

    Raises:
        VerdictError: the device is not there.
    """
    size, local = torchrun_number("WORLD_SIZE", 1), torchrun_number("LOCAL_RANK", 0)
    name = f"cuda:{local}" if device == "cuda" and size > 1 else device
    require_device(name)
    place = torch.device(name)
    if size == 1:
        yield ProcessGroup(0, 1, place)
        return
    if place.type == "cuda":
        torch.cuda.set_device(place)
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if place.type == "cuda" else "gloo")
    yield ProcessGroup(distributed.get_rank(), size, place)
