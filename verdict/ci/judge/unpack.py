"""Downloads and unpacks the bundle of an untrusted run. Names and sizes are checked before a file is written."""

import json
import re
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from verdict.base.documents import require_bounded
from verdict.base.errors import VerdictError
from verdict.ci.github.client import GitHub
from verdict.ci.run.bundle import FAILED, HEADER, LOG, REPRODUCED, RUNS, VERSION, Header
from verdict.repo.raw_data import TABLE_PATH

_WORD = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,80}"
# The full names that a bundle may hold: no parent folder, no absolute path, no second spelling.
_ALLOWED = re.compile(
    rf"{re.escape(HEADER)}|{re.escape(LOG)}|{re.escape(RUNS)}|dvc\.lock"
    rf"|metrics/{_WORD}\.json|plots/{_WORD}\.(json|csv|tsv|png|svg|jpg)"
    rf"|models/classifier/{_WORD}\.(json|safetensors)|data/(predictions|validation)/{_WORD}\.parquet"
    rf"|data/prepared/{_WORD}\.(parquet|json)|{TABLE_PATH.pattern}"
)
MOST_FILES = 300
_REST_MB = 500  # of all files but the artifact
_CHUNK = 2**20
_REMEDY = "look at the run that made it; push again, or run it again"


def limit(max_artifact_mb: float) -> int:
    """Return the largest size of a bundle in bytes, packed or not, by the largest size of an artifact.

    There is room for twice the artifact, so that the gate's rule can measure and refuse one that is too large.
    """
    return int((2 * max_artifact_mb + _REST_MB) * 1e6)


def download(github: GitHub, artifact: dict[str, Any], folder: Path, most_bytes: int) -> Header:
    """Download an artifact of a workflow's run, and unpack it as a bundle."""
    _require_size(artifact["size_in_bytes"], most_bytes)
    with tempfile.TemporaryDirectory(prefix="verdict-") as name:
        archive = Path(name) / "bundle.zip"
        github.download(f"/actions/artifacts/{int(artifact['id'])}/zip", archive, most_bytes)
        return unpack(archive, folder, most_bytes)


def unpack(archive: Path, folder: Path, most_bytes: int) -> Header:
    """Unpack a bundle, after all its names and sizes are checked.

    Args:
        archive: the zip, which a stranger may have made.
        folder: the folder for its files; nothing is written outside of it, or before all names are checked.
        most_bytes: the limit of all files together, counted while unpacking.

    Raises:
        VerdictError: not a zip, or a name, number, size or type that no honest run produces.
    """
    _require_size(archive.stat().st_size, most_bytes)
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = _checked(opened.infolist(), most_bytes)
            remaining = most_bytes
            for entry in entries:
                remaining -= _copy(opened, entry, folder / entry.filename, remaining)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise refused(f"cannot be unpacked: {type(error).__name__}: {error}") from None
    if (folder / "dvc.lock").exists():
        text = (folder / "dvc.lock").read_text(encoding="utf-8", errors="replace")
        require_bounded(text, "dvc.lock of the bundle", _REMEDY)
    return _header(folder / HEADER)


def _require_size(size: int, most_bytes: int) -> None:
    if size > most_bytes:
        raise refused(f"{size / 1e6:,.0f} MB; at most {most_bytes / 1e6:,.0f} MB are taken")


def _checked(entries: list[zipfile.ZipInfo], most_bytes: int) -> list[zipfile.ZipInfo]:
    """Return the files among the entries, without folders; refuse all else that is not expected."""
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
    """Unpack one file of at most `most` bytes; the archive's word on its size is not trusted."""
    target.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with opened.open(entry) as source, target.open("wb") as file:
        while chunk := source.read(_CHUNK):
            size += len(chunk)
            if size > most:
                raise refused(f"{entry.filename} is larger than the archive says")
            file.write(chunk)
    return size


def _header(path: Path) -> Header:
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        version, header = fields.pop("version"), Header(**fields)
    except (OSError, ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise refused(f"{HEADER}: {type(error).__name__}: {error}") from None
    if version != VERSION or header.outcome not in (REPRODUCED, FAILED):
        raise refused(f"{HEADER} is of another version, or tells no outcome")
    if not all(text is None or isinstance(text, str) for text in (header.stage, header.reason)):
        raise refused(f"{HEADER}: stage and reason are texts")
    return header


def refused(what: str) -> VerdictError:
    """Return the error for a bundle that is refused."""
    return VerdictError("the run's bundle", what, _REMEDY)
