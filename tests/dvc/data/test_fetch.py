"""Tests of data/fetch.py, on self-made archives; nothing but this machine is asked."""

import errno
import hashlib
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from data import fetch
from tests.conftest import ROOT

MEMBERS = {
    "tweets": '1\t0.5\tmade up, & "quoted"\r\n\r\n2\t-1.25\tends \u0085 not here\r\n',
    "movieReviewSnippets": "9\t2\t a plot \r\n",
    "amazonReviewSnippets": "\ufeff1_1\t0.123456789\ta lamp\r\n1_2\t0\tits cord\r\n",
    "nytEditorialSnippets": "12_3\t-4\ta report",
}
TABLE = """id,document,domain,text,valence
tweets-1,,tweets,"made up, & ""quoted""\",0.5
tweets-2,,tweets,ends \u0085 not here,-1.25
movies-9,,movies,a plot,2
products-1_1,products-1,products,a lamp,0.123456789
products-1_2,products-1,products,its cord,0
news-12_3,news-12,news,a report,-4
"""


def packed(members: dict[str, bytes]) -> bytes:
    """A .tar.gz of some files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A source distribution with made-up raw files; pins and pointer are those of it, the folders the test's own."""
    inner = packed({f"hutto_ICWSM_2014/{stem}_GroundTruth.txt": text.encode() for stem, text in MEMBERS.items()})
    path = tmp_path / "source.tar.gz"
    path.write_bytes(packed({fetch.INNER: inner}))
    data = tmp_path / "data"
    (data / "raw").mkdir(parents=True)
    point(data / "raw" / "sentences.csv.dvc", hashlib.md5(TABLE.encode()).hexdigest())
    monkeypatch.setattr(fetch, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    place(monkeypatch, data)
    return path


def point(pointer: Path, digest: str) -> None:
    """Write a pointer of DVC."""
    pointer.write_text(f"outs:\n- md5: {digest}\n  size: 3\n  hash: md5\n  path: sentences.csv\n", encoding="utf-8")


def place(monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    """Let the script work in a folder of the test's own."""
    monkeypatch.setattr(fetch, "HERE", data)
    for name, path in {"TARGET": "sentences.csv", "POINTER": "sentences.csv.dvc"}.items():
        monkeypatch.setattr(fetch, name, data / "raw" / path)


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str]:
    """The script's exit code and what it said."""
    monkeypatch.setattr(sys, "argv", ["data/fetch.py", *arguments])
    code = fetch.main()
    captured = capsys.readouterr()
    return code, captured.out + captured.err


def left_in(folder: Path) -> list[str]:
    """The files in the data folder beside the pointer, and folders that should not be there."""
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
    return [name for name in found if name not in ("raw", "raw/sentences.csv.dvc")]


def test_the_table_appears_whole_and_checked(archive: Path) -> None:
    """From a good archive the table has its rows in the order of the domains, and a second call changes nothing."""
    assert "checked against sentences.csv.dvc" in fetch.fetch(archive, force=False)
    assert fetch.TARGET.read_bytes() == TABLE.encode()
    assert fetch.fetch(None, force=False) == "data/raw/sentences.csv is complete"
    assert left_in(fetch.HERE) == ["raw/sentences.csv"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"", "SHA-256 differs"), (b"half", "SHA-256 differs"), (None, "no such file")],
    ids=["empty", "half-a-download", "missing"],
)
def test_a_wrong_archive_is_refused_and_leaves_nothing(
    archive: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    content: bytes | None,
    expected: str,
) -> None:
    """An archive that is missing, cut off or changed ends in a message with the remedy; data/ is as before."""
    if content is None:
        archive.unlink()
    else:
        archive.write_bytes(content and archive.read_bytes()[:100])
    code, said = run(capsys, monkeypatch, "--archive", str(archive))
    assert code == 1
    assert expected in said
    assert "remedy:" in said
    assert left_in(fetch.HERE) == []


def test_an_archive_with_other_data_than_the_pointer_says_is_refused(
    archive: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the pointer has another hash, nothing is put in place, and dvc pull is named."""
    point(fetch.POINTER, "0" * 32)
    code, said = run(capsys, monkeypatch, "--archive", str(archive))
    assert code == 1
    assert "points at other data" in said
    assert "dvc pull" in said
    assert left_in(fetch.HERE) == []


@pytest.mark.parametrize(
    ("pointer", "expected"), [(None, "no such file"), ("<<<<<<< HEAD\n", "holds no hash")], ids=["missing", "conflict"]
)
def test_a_broken_pointer_is_refused(archive: Path, pointer: str | None, expected: str) -> None:
    """A pointer that is missing or holds no hash is named, and git checkout with it."""
    fetch.POINTER.unlink()
    if pointer is not None:
        fetch.POINTER.write_text(pointer, encoding="utf-8")
    with pytest.raises(fetch.FetchError, match=rf"{expected}[\s\S]*git checkout"):
        fetch.fetch(archive, force=False)


def test_changed_data_is_not_overwritten_without_being_told_to(archive: Path) -> None:
    """A changed table stays, with both ways out named; --force replaces it."""
    fetch.fetch(archive, force=False)
    fetch.TARGET.write_bytes(b"mine")
    with pytest.raises(fetch.FetchError, match=r"differs from sentences\.csv\.dvc[\s\S]*--force[\s\S]*dvc add"):
        fetch.fetch(archive, force=False)
    assert fetch.TARGET.read_bytes() == b"mine"
    fetch.fetch(archive, force=True)
    assert fetch.TARGET.read_bytes() == TABLE.encode()
    assert left_in(fetch.HERE) == ["raw/sentences.csv"]


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EROFS, errno.EACCES], ids=["full", "read-only", "forbidden"])
def test_a_disk_that_cannot_be_written_leaves_nothing(
    archive: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    """If the file system refuses the table, or its last rename, the message has a remedy, and no half file is left."""

    def full(*paths: object) -> int:
        raise OSError(error, os.strerror(error), str(paths[0]))

    fetch.TARGET.write_bytes(b"mine")
    for owner, name in ((Path, "write_bytes"), (os, "replace")):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, full)
            code, said = run(capsys, patch, "--archive", str(archive), "--force")
        assert code == 1
        assert os.strerror(error) in said
        assert "remedy:" in said
        assert left_in(fetch.HERE) == ["raw/sentences.csv"]
        assert fetch.TARGET.read_bytes() == b"mine"


def test_what_a_killed_run_left_is_cleared_away(archive: Path) -> None:
    """A folder raw.partial-* of an earlier run is gone after the next one."""
    (fetch.HERE / "raw.partial-killed").mkdir()
    fetch.fetch(archive, force=False)
    assert left_in(fetch.HERE) == ["raw/sentences.csv"]


def by_pip(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the script in an empty folder, with pip limited to this machine."""
    (folder / "data" / "raw").mkdir(parents=True)
    (folder / "data/fetch.py").write_bytes((ROOT / "data/fetch.py").read_bytes())
    point(folder / "data/raw/sentences.csv.dvc", "0" * 32)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    offline = {"PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "0", "PIP_TIMEOUT": "2", "PIP_NO_CACHE_DIR": "1"}
    return subprocess.run(
        [sys.executable, str(folder / "data/fetch.py")],
        env={**clean, **offline, **environment},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_without_a_network_the_other_ways_are_named(tmp_path: Path) -> None:
    """An index that does not answer ends in exit code 1, with --archive and dvc pull named, and nothing left."""
    done = by_pip(tmp_path, PIP_INDEX_URL="http://127.0.0.1:9/simple")
    assert done.returncode == 1
    assert "could not be reached" in done.stderr
    assert "--archive" in done.stderr
    assert "Traceback" not in done.stderr
    assert left_in(tmp_path / "data") == ["fetch.py"]


def test_an_index_that_serves_another_file_is_caught(tmp_path: Path) -> None:
    """A source distribution of the right name with another hash is refused before it is used."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    (shelf / "vaderSentiment-3.3.2.tar.gz").write_bytes(packed({"vaderSentiment-3.3.2/setup.py": b"print()"}))
    done = by_pip(tmp_path, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(shelf))
    assert done.returncode == 1
    assert "another file than the pinned one" in done.stderr
    assert left_in(tmp_path / "data") == ["fetch.py"]


def test_the_pointer_is_what_dvc_writes(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`dvc add` of the table leaves a pointer whose hash is read, and under which the table counts as complete."""
    fetch.fetch(archive, force=False)
    fetch.TARGET.write_bytes(b"mine")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for command in (
        ["git", "init", "--quiet"],
        ["dvc", "init", "--quiet"],
        ["dvc", "add", "--quiet", str(fetch.TARGET)],
    ):
        subprocess.run(command, cwd=fetch.HERE, env=environment, check=True, capture_output=True, timeout=60)
    assert fetch.fetch(archive, force=False) == "data/raw/sentences.csv is complete"
