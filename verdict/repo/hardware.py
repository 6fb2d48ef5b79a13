"""The machine that runs this, as the report describes it."""

import os
import platform
from pathlib import Path

from verdict.base.numerics import hardware_class


def hardware() -> dict[str, str]:
    """Return the class of machines that give the same bytes, the processor, its cores and the memory."""
    return {
        "hardware_class": hardware_class("cpu"),
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
    }


def _processor() -> str:
    """Return the processor's model as Linux names it, else the architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
