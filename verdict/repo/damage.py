"""Find files that a crash, a kill or a full disk left half-written in DVC's folders, and set them aside.

DVC fails at such a file each time, often without its name: "failed to reproduce 'evaluate': 'outs'".
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from verdict.repo.lock.contents import hash_of
from verdict.repo.lock.lockfile import record_hash

if TYPE_CHECKING:
    from dvc.repo import Repo

_ASIDE = "damaged"


def set_damaged_aside(repo: "Repo") -> list[tuple[Path, Path]]:
    """Move damaged files out of DVC's way; return the old and the new place of each.

    Checks the files that DVC reads without a check: records of runs, listings of directories, and its list of locked
    paths. The next run or fetch makes each of them again.
    """
    aside = Path(str(repo.tmp_dir)) / _ASIDE
    moved = []
    for path in [*_records(repo), *_listings(repo), *_lock_list(repo)]:
        place = aside / path.name
        aside.mkdir(exist_ok=True)
        if place.is_dir():
            shutil.rmtree(place)
        shutil.move(path, place)
        moved.append((path, place))
        if not any(path.parent.iterdir()):
            path.parent.rmdir()  # DVC does not expect a folder for records without one
    return moved


def _records(repo: "Repo") -> Iterator[Path]:
    """Yield records of runs whose content does not match their name, and folders without a record."""
    from dvc.exceptions import DvcException
    from dvc.utils.serialize import load_yaml

    runs = Path(repo.stage_cache.cache_dir)
    yield from (path for path in sorted(runs.glob("*/*")) if path.is_dir() and not any(path.iterdir()))
    for path in sorted(runs.glob("*/*/*")):
        try:
            sound = record_hash(load_yaml(path)) == path.name
        except (DvcException, OSError, ValueError, TypeError):  # not YAML, not text, not even a file
            sound = False
        if not sound:
            yield path


def _listings(repo: "Repo") -> Iterator[Path]:
    """Yield listings of directories whose content does not match their name."""
    for path in sorted(Path(repo.cache.local.path).glob("??/*.dir")):
        if f"{path.parent.name}{path.name}" != f"{hash_of(path)}.dir":
            yield path


def _lock_list(repo: "Repo") -> Iterator[Path]:
    """Yield DVC's list of locked paths if it cannot be read; without it, no path is locked."""
    from dvc.rwlock import SCHEMA
    from voluptuous import Invalid

    path = Path(str(repo.tmp_dir)) / "rwlock"
    try:
        SCHEMA(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return
    except (OSError, ValueError, Invalid):
        yield path
