"""Unpacks the bundle of a run, which a stranger may have made: names and sizes are checked before a file is written."""

import json
import re
import zipfile
from pathlib import Path

from verdict.base.documents import require_bounded
from verdict.base.errors import VerdictError
from verdict.ci.run.bundle import FAILED, HEADER, LOG, REPRODUCED, RUNS, VERSION, Header
from verdict.repo.raw_data import TABLE_PATH

_WORD = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,80}"
# Every name that a bundle may hold, in full: no folder above, no absolute path, no second spelling.
_ALLOWED = re.compile(
    rf"{re.escape(HEADER)}|{re.escape(LOG)}|{re.escape(RUNS)}|dvc\.lock"
    rf"|metrics/{_WORD}\.json|plots/{_WORD}\.(json|csv|tsv|png|svg|jpg)"
    rf"|models/classifier/{_WORD}\.(json|safetensors)|data/(predictions|validation)/{_WORD}\.parquet"
    rf"|data/prepared/{_WORD}\.(parquet|json)|{TABLE_PATH.pattern}"
)
MOST_FILES = 300
# Beside the artifact: raw data, tables, plots, log. In 10^6 bytes.
_REST_MB = 500
_CHUNK = 2**20
_REMEDY = "look at the run that made it; push again, or run it again"


def limit(max_artifact_mb: float) -> int:
    """How many bytes a bundle may have, packed or not, when the artifact may have so many 10^6 bytes.

    The artifact twice: one that is too large for the gate should still be measured, and told so by the gate's rule.
    """
    return int((2 * max_artifact_mb + _REST_MB) * 1e6)


def unpack(archive: Path, folder: Path, most_bytes: int) -> Header:
    """Unpack a bundle after looking at each name and size.

    Args:
        archive: the zip, from a stranger.
        folder: where its files go; nothing is written outside, and nothing at all before all names are found right.
        most_bytes: what all files together may have, counted while unpacking.

    Raises:
        VerdictError: not a zip, or a name, number, size or type that no honest run produces.
    """
    if archive.stat().st_size > most_bytes:
        raise refused(f"{archive.stat().st_size / 1e6:,.0f} MB; at most {most_bytes / 1e6:,.0f} MB are taken")
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = _checked(opened.infolist(), most_bytes)
            left = most_bytes
            for entry in entries:
                left -= _copy(opened, entry, folder / entry.filename, left)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise refused(f"cannot be unpacked: {type(error).__name__}: {error}") from None
    if (folder / "dvc.lock").exists():
        text = (folder / "dvc.lock").read_text(encoding="utf-8", errors="replace")
        require_bounded(text, "dvc.lock of the bundle", _REMEDY)
    return _head(folder / HEADER)


def _checked(entries: list[zipfile.ZipInfo], most_bytes: int) -> list[zipfile.ZipInfo]:
    """The files among the entries; folders are left out, anything else that is not expected is refused."""
    if len(entries) > MOST_FILES:
        raise refused(f"{len(entries):,} entries; at most {MOST_FILES} are taken")
    files = [entry for entry in entries if not entry.is_dir()]
    for entry in files:
        if not _ALLOWED.fullmatch(entry.filename):
            raise refused(f"holds {entry.filename[:120]!r}, which is no name that a run writes")
        kind = entry.external_attr >> 16 & 0o170000
        if kind not in (0, 0o100000) or entry.flag_bits & 1:
            raise refused(f"{entry.filename} is a link, a device or encrypted")
    if len({entry.filename.casefold() for entry in files}) < len(files):
        raise refused("holds one name twice")
    if sum(entry.file_size for entry in files) > most_bytes:
        raise refused(f"more than {most_bytes / 1e6:,.0f} MB when unpacked")
    return files


def _copy(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, most: int) -> int:
    """Unpack one file of at most `most` bytes, whatever the archive says about its size."""
    target.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with opened.open(entry) as source, target.open("wb") as file:
        while chunk := source.read(_CHUNK):
            size += len(chunk)
            if size > most:
                raise refused(f"{entry.filename} is larger than the archive says")
            file.write(chunk)
    return size


def _head(path: Path) -> Header:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        version, head = found.pop("version"), Header(**found)
    except (OSError, ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise refused(f"{HEADER}: {type(error).__name__}: {error}") from None
    texts = (head.stage, head.reason)
    if version != VERSION or head.outcome not in (REPRODUCED, FAILED):
        raise refused(f"{HEADER} is of another version, or tells no outcome")
    if not all(text is None or isinstance(text, str) for text in texts):
        raise refused(f"{HEADER}: stage and reason are texts")
    return head


def refused(what: str) -> VerdictError:
    """The error for a bundle that is not taken."""
    return VerdictError("the run's bundle", what, _REMEDY)
