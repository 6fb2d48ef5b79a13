"""Context managers of an encoder's training: torch's settings, and the error of an exhausted memory."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from verdict.base import numerics
from verdict.base.errors import VerdictError
from verdict.classifier.models.encoder.distributed import ProcessGroup
from verdict.classifier.params import Train
from verdict.classifier.training.torchrun import torchrun_number

NO_MEMORY = re.compile(r"can't allocate memory|out of memory|ALLOC_FAILED|Cuda failure 2\b", re.IGNORECASE)


@contextmanager
def torch_settings(params: Train) -> Iterator[None]:
    """Set torch's determinism and threads by `train.deterministic` for the block."""
    torch.use_deterministic_algorithms(params.deterministic)
    # It would fill all new memory first, to make visible what reads it; nothing here does.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    processors = max(1, len(os.sched_getaffinity(0)) // torchrun_number("LOCAL_WORLD_SIZE", 1))
    try:
        with numerics.threads() if params.deterministic else numerics.threads(processors):
            yield
    finally:
        torch.use_deterministic_algorithms(False)


@contextmanager
def memory_errors(params: Train, world: ProcessGroup) -> Iterator[None]:
    """Turn an exhausted memory into a message that names the batch size."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        # Libraries raise a plain RuntimeError for it; only the message tells it from others.
        is_memory_error = isinstance(error, torch.OutOfMemoryError | MemoryError) or NO_MEMORY.search(str(error))
        if not is_memory_error:
            raise
        size = params.encoder.batch_size
        what = f"train.encoder.batch_size: {size} texts at a time do not fit into the memory of {world.device}"
        remedy = (
            f"a smaller batch_size (say {max(1, size // 2)}), a smaller featurize.tokens.max_tokens, or more processes"
        )
        raise VerdictError("params.yaml", what, remedy) from None
