"""Who may read what: the raw data are for prepare alone, the test split for validate and evaluate.

A model that was made with the test split in sight has a score that says nothing, and so has one that got the raw data
past prepare. What a stage does not declare, it cannot read (review/isolation.py); this is what it must not declare.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from review.finding import Finding
from review.paths import TEST
from review.sources import RAW

if TYPE_CHECKING:
    from dvc.stage import Stage

READERS = {RAW: ("prepare",), TEST: ("validate", "evaluate")}


def peeks(stage: "Stage", name: str, paths: list[str]) -> Iterator[Finding]:
    """Dependencies that show a stage what only others may see.

    Args:
        stage: a stage of dvc.yaml.
        name: what it is called.
        paths: its dependencies, from the repository's root.
    """
    for path in paths if stage.cmd else ():
        for guarded, readers in READERS.items():
            if name not in readers and _overlap(path, guarded):
                what = f"shows {guarded}, which only {' and '.join(readers)} may read"
                yield Finding(name, path, what, f"take it out of the deps of {name} in dvc.yaml, then dvc repro {name}")


def _overlap(one: str, other: str) -> bool:
    first, second = PurePosixPath(one), PurePosixPath(other)
    return first.is_relative_to(second) or second.is_relative_to(first)
