"""Several processes that train one model: torchrun starts them, this module only asks it to."""

import os
import sys


def torchrun(processes: int) -> None:
    """Become torchrun with so many processes of this very command, unless that is what we are in already.

    On several machines torchrun is called by hand (docs/encoder.md); then it has set `WORLD_SIZE`, and nothing is done.
    """
    if processes > 1 and "WORLD_SIZE" not in os.environ:
        # `python -m stages.train`, whatever name this process runs the module under.
        module = getattr(sys.modules["__main__"], "__spec__", None)
        command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
        target = ["-m", module.name] if module else sys.argv[:1]
        os.execv(sys.executable, [sys.executable, *command, *target, *sys.argv[1:]])  # noqa: S606 - no shell is meant


def leave() -> None:
    """Part from the other processes; nothing where there are none."""
    if os.environ.get("WORLD_SIZE", "1") != "1":
        from torch import distributed

        if distributed.is_initialized():
            distributed.destroy_process_group()


def leads() -> bool:
    """Whether this process is the one that writes."""
    return os.environ.get("RANK", "0") == "0"
