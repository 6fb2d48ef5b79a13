"""The bundle of an untrusted run: the judge unpacks the expected files of the archive and nothing else."""

import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from verdict.base.errors import VerdictError
from verdict.ci.judge import unpack
from verdict.ci.run import bundle

HEAD = json.dumps({"version": 1, "outcome": "reproduced", "stage": None, "reason": None})
MOST = 1_000_000


def archive(path: Path, *files: tuple[str, bytes], head: str | None = HEAD) -> Path:
    """A zip with these files, and a head unless it is None."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in [*files, *([(bundle.HEADER, head.encode())] if head is not None else [])]:
            made.writestr(name, content)
    return path


def test_an_honest_bundle_arrives_whole(tmp_path: Path) -> None:
    """`unpack` gives back byte for byte what `write` packed, with the header."""
    root, packed, out = tmp_path / "root", tmp_path / "packed", tmp_path / "out"
    (root / "models/classifier").mkdir(parents=True)
    (root / "models/classifier/weights.safetensors").write_bytes(b"\0\1")
    (root / "dvc.lock").write_text("schema: '2.0'\n")
    files = ["dvc.lock", "models/classifier/weights.safetensors"]
    bundle.write(packed, bundle.Header(bundle.FAILED, "train", "why"), root, files, {"a": {"seconds": 1}})
    names = [path for path in packed.rglob("*") if path.is_file()]
    made = archive(
        tmp_path / "b.zip", *((path.relative_to(packed).as_posix(), path.read_bytes()) for path in names), head=None
    )
    assert unpack.unpack(made, out, MOST) == bundle.Header("failed", "train", "why")
    assert (out / files[1]).read_bytes() == b"\0\1"
    assert json.loads((out / bundle.RUNS).read_text()) == {"a": {"seconds": 1}}


@pytest.mark.parametrize(
    "name",
    [
        "../evil.json",
        "metrics/../../evil.json",
        "/etc/cron.d/evil",
        "metrics\\..\\evil.json",
        "metrics/a/b.json",
        ".git/hooks/pre-commit",
        "verdict/review/gate.py",
        "models/classifier/model.pkl",
        "plots/.hidden.json",
        "metrics/e\nvil.json",
        "DVC.LOCK",
        "data/raw/x.py",
        "data/raw/x.txt",
        "data/raw/x.csv.zip",
        "data/raw/../../x.csv",
        "data/raw/.x.csv",
        "data/raw//x.csv",
        "data/a/b/c/d/e/f/g/x.csv",
        f"data/{'x' * 120}.csv",
        "raw/x.csv",
        "C:/evil.json",
    ],
)
def test_a_name_that_no_run_writes_is_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    """One unexpected name, and nothing of the archive reaches the disk."""
    made = archive(tmp_path / "b.zip", ("metrics/evaluation.json", b"{}"), (name, b"x"))
    with pytest.raises(VerdictError, match="no name that a run writes"):
        unpack.unpack(made, tmp_path / "out", MOST)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "name",
    [
        "data/x.csv",
        "data/raw/x.TSV",
        "data/raw/2026/x-1.jsonl.gz",
        "data/raw/x.parquet",
        "data/raw/评论.csv",
        "data/prepared/dataset.json",
    ],
)
def test_tables_of_all_formats_are_taken(tmp_path: Path, name: str) -> None:
    """Raw data arrives under the path that it has in the repository, whatever its format."""
    unpack.unpack(archive(tmp_path / "b.zip", (name, b"x")), tmp_path / "out", MOST)
    assert (tmp_path / "out" / name).read_bytes() == b"x"


def test_ten_thousand_files_are_refused(tmp_path: Path) -> None:
    """The number of entries is limited, folders included."""
    made = archive(tmp_path / "b.zip", *((f"metrics/m{n}.json", b"") for n in range(10_000)))
    with pytest.raises(VerdictError, match="10,001 entries"):
        unpack.unpack(made, tmp_path / "out", 100 * MOST)


def test_more_bytes_than_allowed_are_refused_packed_and_unpacked(tmp_path: Path) -> None:
    """Neither a large archive nor a small one that would become large is taken."""
    noise = archive(tmp_path / "a.zip", ("log.txt", b"\0" * (MOST + 1)))
    with pytest.raises(VerdictError, match="when unpacked"):
        unpack.unpack(noise, tmp_path / "out", MOST)
    noise.write_bytes(noise.read_bytes() + b"\0" * MOST)
    with pytest.raises(VerdictError, match="at most 1 MB are taken"):
        unpack.unpack(noise, tmp_path / "out", MOST)


def test_a_size_that_lies_is_refused(tmp_path: Path) -> None:
    """An archive whose headers tell a smaller size than comes out is refused."""
    made = archive(tmp_path / "a.zip", ("log.txt", b"\0" * (2 * MOST)))
    content = made.read_bytes().replace((2 * MOST).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    made.write_bytes(content)
    with pytest.raises(VerdictError, match=r"cannot be unpacked|larger than"):
        unpack.unpack(made, tmp_path / "out", MOST)


def test_a_link_is_refused(tmp_path: Path) -> None:
    """A symbolic link under an allowed name does not come out, as a link or otherwise."""
    path = tmp_path / "b.zip"
    with zipfile.ZipFile(path, "w") as made:
        entry = zipfile.ZipInfo("metrics/evaluation.json")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        made.writestr(entry, "/etc/passwd")
        made.writestr(bundle.HEADER, HEAD)
    with pytest.raises(VerdictError, match="a link"):
        unpack.unpack(path, tmp_path / "out", MOST)


def test_one_name_twice_is_refused(tmp_path: Path) -> None:
    """Two files of one name, or of names that differ in capitals alone, leave no doubt which one counts."""
    with pytest.warns(UserWarning, match="Duplicate"):
        made = archive(tmp_path / "b.zip", ("log.txt", b"1"), ("log.txt", b"2"))
    with pytest.raises(VerdictError, match="one name twice"):
        unpack.unpack(made, tmp_path / "out", MOST)


def _truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


@pytest.mark.parametrize("damage", [_truncated, lambda _: b"", lambda _: b"PK\3\4 not a zip"])
def test_what_is_no_zip_is_refused_with_a_message(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    """Half an archive, an empty one and other bytes end in an error of ours."""
    made = archive(tmp_path / "b.zip", ("log.txt", b"x" * 1000))
    made.write_bytes(damage(made.read_bytes()))
    with pytest.raises(VerdictError, match="cannot be unpacked"):
        unpack.unpack(made, tmp_path / "out", MOST)


@pytest.mark.parametrize(
    "head",
    [
        None,
        "",
        "[]",
        "null",
        '{"version": 2, "outcome": "reproduced"}',
        '{"version": 1, "outcome": "passed"}',
        '{"version": 1, "outcome": "failed", "stage": {"a": 1}}',
        '{"version": 1, "outcome": "failed", "verdict": "pass"}',
        "[" * 100_000,
    ],
)
def test_a_head_that_tells_no_outcome_is_refused(tmp_path: Path, head: str | None) -> None:
    """Missing, of another shape or version, with keys of its own: none of them is guessed at."""
    with pytest.raises(VerdictError, match=r"bundle\.json"):
        unpack.unpack(archive(tmp_path / "b.zip", ("log.txt", b""), head=head), tmp_path / "out", MOST)


def test_the_limit_leaves_room_for_an_artifact_that_the_gate_refuses() -> None:
    """An artifact above the gate's budget is measured and told so, not lost on the way."""
    assert unpack.limit(20) > 40e6
