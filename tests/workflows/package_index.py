"""A package with the small table, which data/fetch.py downloads from a folder of this machine."""

import csv
import hashlib
import io
import tarfile
from pathlib import Path

from tests.corpus import RAW
from tests.dvc.pipeline.clone import Clone

# The file of each domain, as data/fetch.py reads them.
STEMS = {
    "tweets": "tweets",
    "movies": "movieReviewSnippets",
    "products": "amazonReviewSnippets",
    "news": "nytEditorialSnippets",
}

_NAME = "vaderSentiment-3.3.2"
_PROJECT = """[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
# pip asks a source distribution for its metadata, also when it only downloads it.
_BACKEND = """import pathlib
def prepare_metadata_for_build_wheel(folder, settings=None):
    info = pathlib.Path(folder, "vaderSentiment-3.3.2.dist-info")
    info.mkdir()
    info.joinpath("METADATA").write_text("Metadata-Version: 2.1\\nName: vaderSentiment\\nVersion: 3.3.2\\n")
    return info.name
def build_wheel(*_, **__):
    raise NotImplementedError
"""


def publish(clone: Clone, folder: Path) -> Path:
    """Pack the clone's raw data into `folder` as the published package does, and set its hash in data/fetch.py."""
    folder.mkdir(parents=True)
    lines: dict[str, list[str]] = {}
    with (clone.path / "data" / "raw" / RAW).open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table):
            key = row["id"].removeprefix(f"{row['domain']}-")
            lines.setdefault(row["domain"], []).append(f"{key}\t{row['valence']}\t{row['text']}\n")
    inner = _tar(
        {
            f"hutto_ICWSM_2014/{stem}_GroundTruth.txt": "".join(lines.get(domain, [])).encode()
            for domain, stem in STEMS.items()
        }
    )
    files = {
        "PKG-INFO": b"Metadata-Version: 2.1\nName: vaderSentiment\nVersion: 3.3.2\n",
        "pyproject.toml": _PROJECT.encode(),
        "backend.py": _BACKEND.encode(),
        "additional_resources/hutto_ICWSM_2014.tar.gz": inner,
    }
    target = folder / f"{_NAME}.tar.gz"
    target.write_bytes(_tar({f"{_NAME}/{name}": content for name, content in files.items()}))
    _set_hash(clone.path / "data" / "fetch.py", target.read_bytes())
    return folder


def _set_hash(path: Path, archive: bytes) -> None:
    text = path.read_text(encoding="utf-8")
    (old,) = (line for line in text.splitlines() if line.startswith("SHA256 = "))
    path.write_text(text.replace(old, f'SHA256 = "{hashlib.sha256(archive).hexdigest()}"'), encoding="utf-8")


def _tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
