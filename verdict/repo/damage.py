"""What a crash, a kill or a full disk leaves half-written in DVC's folders: found, and set aside.

DVC stops at such a file again and again, often without its name: "failed to reproduce 'evaluate': 'outs'".
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from verdict.repo.lock.check import hash_of, record_hash

if TYPE_CHECKING:
    from dvc.repo import Repo

_ASIDE = "damaged"


def set_damaged_aside(repo: "Repo") -> list[tuple[Path, Path]]:
    """Move damaged files out of DVC's way; from where, and to where.

    Looked at are those that DVC reads back without a check: records of runs, listings of directories, and its list of
    who works on which file. Each can be made again: by the run, or the fetch, that follows.
    """
    aside = Path(str(repo.tmp_dir)) / _ASIDE
    moved = []
    for path in [*_records(repo), *_listings(repo), *_claims(repo)]:
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
    """Records of runs that are not what their name says, such as one that was being written; folders without one."""
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
    """Listings of directories that are not what their name says."""
    for path in sorted(Path(repo.cache.local.path).glob("??/*.dir")):
        if f"{path.parent.name}{path.name}" != f"{hash_of(path)}.dir":
            yield path


def _claims(repo: "Repo") -> Iterator[Path]:
    """DVC's list of who works on which file, where it cannot be read; empty it says that nobody does."""
    from dvc.rwlock import SCHEMA
    from voluptuous import Invalid

    path = Path(str(repo.tmp_dir)) / "rwlock"
    try:
        SCHEMA(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return
    except (OSError, ValueError, Invalid):
        yield path
