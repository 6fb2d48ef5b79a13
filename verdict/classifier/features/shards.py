"""Marked texts on disk, in shards of bounded size that a training reads one at a time, each time in another order."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse as sp

from verdict.base.engine import map_items
from verdict.base.errors import VerdictError
from verdict.base.files import read_arrow_parts
from verdict.classifier.features import hashing_batches
from verdict.classifier.features.arrays import read_arrays, write_arrays
from verdict.classifier.features.hashing import HashedNgrams, MarkedTexts, Places, text_batches
from verdict.classifier.params import Ngrammed

# A pile is worked on in memory, and there are no more than so many, each an open file.
_PILE, _PILES = 50_000, 200
_SCHEMA = pa.schema({"row": pa.int64(), "text": pa.string()})
_NAMES = [field.name for field in fields(MarkedTexts)]
_REMEDY = "dvc repro featurize"


@dataclass(frozen=True)
class Shards:
    """The features of n texts that do not fit into memory, made when they are read.

    Args:
        featurizer: from marked texts to features.
        files: the shards, each with the number of the row that its table begins with.
        rows: n.
    """

    featurizer: HashedNgrams
    files: tuple[tuple[Path, int], ...]
    rows: int

    def __len__(self) -> int:
        return self.rows

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and features, as of a matrix."""
        return self.rows, self.featurizer.size

    def concatenate(self, other: "Shards") -> "Shards":
        """These rows, then the other's."""
        moved = tuple((path, first + self.rows) for path, first in other.files)
        return Shards(self.featurizer, self.files + moved, self.rows + other.rows)

    def parts(self, draw: np.random.Generator | None = None) -> Iterator[tuple[Places, sp.csr_matrix]]:
        """The numbers of some rows and their features, shard by shard; in an order of chance where one is drawn."""
        order = range(len(self.files)) if draw is None else draw.permutation(len(self.files)).tolist()
        for path, first in (self.files[place] for place in order):
            rows, marked = read_shard(path)
            yield rows + first, hashing_batches.features(self.featurizer, marked)


def write_shards(folder: Path, split: str, table: Path, params: Ngrammed) -> dict[str, int]:
    """Write the texts of a prepared table as shards.

    The rows are dealt out by chance first, so that each shard has some from everywhere: of a table in the order of its
    labels a training shard by shard would learn one class after the other.

    Returns:
        The names of the shards, in order, and how many rows each has.
    """
    rows_by_shard: dict[str, int] = {}
    piles = deal(folder, table)
    for pile, shards in zip(piles, map_items(partial(write_pile, split, params), enumerate(piles)), strict=True):
        rows_by_shard |= shards
        pile.unlink()
    return rows_by_shard


def deal(folder: Path, table: Path) -> list[Path]:
    """Deal the texts of a prepared table out to files by chance, each text with the number of its row."""
    draw, start = np.random.default_rng(0), 0
    count = min(_PILES, -(-pq.read_metadata(table).num_rows // _PILE))
    paths = [folder / f".pile-{number:03}.partial" for number in range(count)]
    with ExitStack() as stack:
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        sinks = [stack.enter_context(pa.ipc.new_file(path, _SCHEMA, options=options)) for path in paths]
        for part in read_arrow_parts(table, "dvc repro prepare", ["text"]):
            numbered = pa.table({"row": np.arange(start, start + len(part)), "text": part["text"]}, schema=_SCHEMA)
            dealt, start = draw.integers(count, size=len(part)), start + len(part)
            for number, sink in enumerate(sinks):
                sink.write_table(numbered.filter(pa.array(dealt == number)))
    return paths


def write_pile(split: str, params: Ngrammed, numbered: tuple[int, Path]) -> dict[str, int]:
    """Write the shards of a numbered pile beside it; their names, and how many rows each has."""
    name, pile = f"{split}-{numbered[0]:03}", numbered[1]
    with pa.ipc.open_file(pile) as opened:
        table = opened.read_all()
    table, rows_by_shard, start = table.take(np.random.default_rng(0).permutation(len(table))), {}, 0
    for number, texts in enumerate(text_batches(table["text"].to_pylist())):
        rows = table["row"].slice(start, len(texts)).to_numpy()
        write_shard(pile.with_name(f"{name}-{number:03}.safetensors"), rows, MarkedTexts.from_texts(texts, params))
        rows_by_shard[f"{name}-{number:03}"] = len(texts)
        start += len(texts)
    return rows_by_shard


def write_shard(path: Path, rows: Places, marked: MarkedTexts) -> None:
    """Write some marked texts with the numbers of their rows."""
    write_arrays(path, {"rows": rows, **{name: getattr(marked, name) for name in _NAMES}})


def read_shard(path: Path) -> tuple[npt.NDArray[np.int64], MarkedTexts]:
    """Read what `write_shard` wrote; `VerdictError` when it is missing, damaged or something else."""
    parts = read_arrays(path, _REMEDY, ["rows", *_NAMES], "marked texts")
    rows, marked = parts.pop("rows"), MarkedTexts(**parts)
    if len(rows) != len(marked):
        raise VerdictError(str(path), f"{len(rows)} rows, but {len(marked)} texts", _REMEDY)
    return rows, marked
