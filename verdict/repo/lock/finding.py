"""One thing that is wrong with dvc.lock, and the command that mends it."""

import shlex
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One inconsistency: the stage, the file or key at fault, what is wrong, and the command that mends it."""

    stage: str
    where: str
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.stage}: {self.where}: {self.what}\n  mend: {self.mend}"


def repro_command(stage: str, *options: str) -> str:
    """The command that runs a stage, and what it needs, where they changed; with `-f -s` it alone, changed or not."""
    return shlex.join(["dvc", "repro", *options, stage])
