"""Training one model in several processes, which torchrun starts."""

import os
import sys

from verdict.base.errors import VerdictError

# Only torchrun sets it. RANK and WORLD_SIZE alone may be left from a shell, a scheduler or another launcher.
_STARTED = "TORCHELASTIC_RUN_ID"
_STRAY = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE")


def restart_under_torchrun(processes: int, several: bool) -> None:
    """Replace this process by torchrun with `processes` processes of the same command; do nothing inside torchrun.

    On several machines torchrun is called by hand (docs/encoder.md). Variables of torchrun that something else has set
    are ignored, with a note on standard error.

    Args:
        processes: `train.processes`.
        several: whether this kind of model can be trained by several processes.

    Raises:
        VerdictError: torchrun has started several processes for a kind that is trained by one.
    """
    if _STARTED in os.environ:
        if (size := torchrun_number("WORLD_SIZE", 1)) > 1 and not several:
            what = f"torchrun started {size} processes, and this kind of model is trained by one"
            raise VerdictError(
                "train.model", what, "python -I -m stages.train without torchrun, or train.model: encoder"
            )
        return
    if stray := [name for name in _STRAY if name in os.environ]:
        print(f"train: {', '.join(stray)}: not set by torchrun, and not heeded", file=sys.stderr)
    if processes > 1:
        # `python -I -m stages.train`, whatever name this process runs the module under.
        module = getattr(sys.modules["__main__"], "__spec__", None)
        command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes), "--no-python"]
        # torchrun would start its processes without the option that keeps the current folder off the path.
        target = [sys.executable, "-I", "-u", *(["-m", module.name] if module else sys.argv[:1])]
        # torchrun takes options from variables PET_…: those of a surrounding job are not for this one.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PET_")}
        os.execve(sys.executable, [sys.executable, "-I", *command, *target, *sys.argv[1:]], kept)  # noqa: S606 - no shell


def torchrun_number(name: str, alone: int) -> int:
    """Return a number that torchrun gives its processes, such as RANK; `alone` if torchrun did not start this one."""
    return int(os.environ.get(name, alone)) if _STARTED in os.environ else alone


def leave_process_group() -> None:
    """Leave torch's process group, if this process is in one."""
    if torchrun_number("WORLD_SIZE", 1) != 1:
        from torch import distributed

        if distributed.is_initialized():
            distributed.destroy_process_group()


def is_main_process() -> bool:
    """True in the process that writes."""
    return torchrun_number("RANK", 0) == 0
