"""Untrusted tables, pictures and folders are measured before they are decoded."""

import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from verdict.base.errors import VerdictError
from verdict.repo.revisions import Revision, Store
from verdict.review import tables
from verdict.review.report.png import decode, encode
from verdict.review.tables import bounded_table, require_bounded_table


def written(path: Path, **columns: object) -> Path:
    """A parquet file, as small as it can be."""
    pq.write_table(pa.table(columns), path, compression="zstd")
    return path


def test_sixty_million_rows_in_a_few_kilobytes_are_not_read(tmp_path: Path) -> None:
    """Zeros cost next to nothing on the disk; the count that the file gives is enough."""
    path = written(tmp_path / "rows.parquet", id=pa.array(np.zeros(60_000_000, dtype=np.int8)))
    assert path.stat().st_size < 300_000
    with pytest.raises(VerdictError, match="60,000,000 rows; at most 20,000,000 are read"):
        require_bounded_table(path)


def test_one_long_text_in_every_row_is_not_read(tmp_path: Path) -> None:
    """A dictionary holds it once, a table of rows a thousand times: 4 GB out of a megabyte."""
    text, path = "".join(map(str, range(180_000))), tmp_path / "texts.parquet"
    schema = pa.schema([pa.field("text", pa.dictionary(pa.int32(), pa.string()))])
    rows = pa.DictionaryArray.from_arrays(pa.array(np.zeros(4_000, dtype=np.int32)), [text])
    pq.write_table(pa.table({"text": rows}, schema=schema).replace_schema_metadata(None), path, store_schema=False)
    assert path.stat().st_size < 2_000_000
    with pytest.raises(VerdictError, match="more than 2,000 MB once it is read"):
        require_bounded_table(path)


def test_lists_are_not_read(tmp_path: Path) -> None:
    """No table of ours has a column of lists, whose rows tell nothing of their size."""
    with pytest.raises(VerdictError, match="or others in them than numbers and texts"):
        require_bounded_table(written(tmp_path / "lists.parquet", id=[[1], [2]]))


@pytest.mark.parametrize(
    "kind", [pa.large_string(), pa.string_view(), pa.large_binary(), pa.binary_view(), pa.binary(1_000_000)], ids=str
)
def test_texts_that_no_dictionary_can_hold_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: pa.DataType
) -> None:
    """Of these types each row comes out whole: 10,000 rows of a megabyte, before the first of them is measured."""
    one = pa.array([b"a" * 1_000_000], pa.binary()).cast(kind) if "binary" in str(kind) else pa.array(["a"], kind)
    path = written(tmp_path / "long.parquet", text=pa.chunked_array([one] * 5))
    monkeypatch.setattr(pq.ParquetFile, "iter_batches", lambda *_: pytest.fail("it was read"))
    with pytest.raises(VerdictError, match="or others in them than numbers and texts"):
        require_bounded_table(path)


def test_dates_and_truths_are_read(tmp_path: Path) -> None:
    """Columns of a fixed width may be of any kind, and texts may be categories."""
    texts = pa.array(["a", "b"]).dictionary_encode()
    when = pa.array([1, 2], pa.timestamp("us"))
    path = written(tmp_path / "plain.parquet", text=texts, when=when, sure=[True, None], none=pa.nulls(2))
    assert bounded_table(path, "")["text"].tolist() == ["a", "b"]


def test_millions_of_rows_are_read(tmp_path: Path) -> None:
    """2.4 million rows with texts of their own are an honest table, and are let through."""
    texts = pa.array([f"text {number:>90}" for number in range(24_000)] * 100)
    path = written(tmp_path / "honest.parquet", text=texts, rating=pa.array(np.zeros(len(texts))))
    require_bounded_table(path)


def test_the_probabilities_of_a_thousand_classes_are_read(tmp_path: Path) -> None:
    """A table may have a column for each of as many labels as there can be, and no hundred more."""
    few, many = ({f"c{n}": [0.001] for n in range(size)} for size in (1_005, 1_101))
    require_bounded_table(written(tmp_path / "few.parquet", **few))
    with pytest.raises(VerdictError, match="1101 columns"):
        require_bounded_table(written(tmp_path / "many.parquet", **many))


def test_what_is_measured_is_what_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound of its texts, its numbers and a byte for its gaps lets a table through, one byte less does not."""
    path = written(tmp_path / "table.parquet", text=["a", "bcd", "a"], rating=[0.5, 1.0, 1.5])
    monkeypatch.setattr(tables, "MOST_BYTES", 5 + 24 + 1)
    assert bounded_table(path, "", ["text", "rating"])["text"].tolist() == ["a", "bcd", "a"]
    monkeypatch.setattr(tables, "MOST_BYTES", 5 + 24)
    with pytest.raises(VerdictError, match="once it is read"):
        bounded_table(path, "", ["text"])


def test_what_is_no_table_is_told_by_its_reader(tmp_path: Path) -> None:
    """Measuring says nothing of a damaged file: the error is the usual one."""
    path = tmp_path / "damaged.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(VerdictError, match="not readable as parquet"):
        bounded_table(path, "dvc repro", ["text"])


def png(across: int, down: int, rows: bytes = b"", *more: bytes) -> bytes:
    """A grey PNG that says it is so large, with these rows and further chunks, all checksums right."""
    head = across.to_bytes(4) + down.to_bytes(4) + b"\x08\x00\x00\x00\x00"
    parts = [b"IHDR" + head, *more, b"IDAT" + zlib.compress(rows), b"IEND"]
    chunks = ((len(part) - 4).to_bytes(4) + part + zlib.crc32(part).to_bytes(4) for part in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def test_a_picture_of_more_pixels_than_memory_holds_is_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few bytes can say that they are 100,000 by 100,000: refused before a decoder sees them."""
    assert decode(png(500, 400, bytes(501 * 400)), "a.png").size == (500, 400)
    monkeypatch.setattr("PIL.Image.open", lambda *_, **__: pytest.fail("it was opened"))
    for across, down in ((100_000, 100_000), (50_000_001, 1)):
        with pytest.raises(VerdictError, match=f"{across:,} by {down:,} pixels; at most 50 million"):
            decode(png(across, down), "a.png")


BOMB = zlib.compress(bytes(100_000_000), 1)
DAMAGED = {
    "nothing": b"",
    "no end": png(5, 4, bytes(24))[:-12],
    "a flipped bit": png(5, 4, bytes(24)).replace(b"IDATx", b"IDATy"),
    "rows that are no zlib": png(5, 4, bytes(24), b"IDATxxxxxxxxxxxxx"),
    "a text that unpacks to 100 MB": png(5, 4, bytes(24), b"zTXtk\0\0" + BOMB),
    "another format": b"GIF89a" + bytes(100),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_picture_is_refused(kind: str) -> None:
    """A file that is no whole PNG, or unpacks to more than a picture, is an error that names the file."""
    tracemalloc.start()
    with pytest.raises(VerdictError) as caught:
        decode(DAMAGED[kind], "a.png")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.where == "a.png"
    assert peak < 20_000_000


def test_the_same_picture_is_packed_into_the_same_bytes() -> None:
    """Remarks and what stands behind the end of a PNG do not come along, transparency becomes white."""
    plain, noted = png(5, 4, bytes(24)), png(5, 4, bytes(24), b"tEXtk\0remark") + b"behind"
    assert encode(decode(plain, "")) == encode(decode(noted, ""))
    clear = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    assert decode(encode(clear), "").getpixel((0, 0)) == (255, 255, 255)


def test_a_folder_of_millions_of_files_is_not_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The size of its listing is enough to refuse it; a shorter one is read."""
    listing = tmp_path / "listing"
    listing.write_text('[{"md5": "' + "a" * 32 + '", "relpath": "x"}]', encoding="utf-8")
    lock = '{"stages": {"a": {"outs": [{"path": "d", "md5": "' + "b" * 32 + '.dir"}]}}}'
    revision = Revision(tmp_path, "main", None, lock)
    monkeypatch.setattr(Store, "_object", lambda *_: listing)
    with Store(tmp_path) as store:
        assert store.members(revision, "d") == {"x": "a" * 32}
        with listing.open("ab") as file:
            file.truncate(20_000_001)
        with pytest.raises(VerdictError, match="more than 20 MB"):
            store.members(revision, "d")
