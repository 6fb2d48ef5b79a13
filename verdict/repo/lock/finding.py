"""An inconsistency of dvc.lock, with the command that mends it."""

import shlex
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """An inconsistency: the stage, the file or key at fault, what is wrong, and the command that mends it."""

    stage: str
    where: str
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.stage}: {self.where}: {self.what}\n  mend: {self.mend}"


def repro_command(stage: str, *options: str) -> str:
    """Return the command that runs a stage and its upstream if changed; with `-f -s` the stage alone, in any case."""
    return shlex.join(["dvc", "repro", *options, stage])
