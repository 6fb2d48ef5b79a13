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

NAMES = {name: f"1\t0.5\tmade up for {name}\r\n".encode() for name in fetch.FILES}


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
    inner = packed({f"hutto_ICWSM_2014/{name}": content for name, content in NAMES.items()})
    path = tmp_path / "source.tar.gz"
    path.write_bytes(packed({fetch.INNER: inner}))
    expected = tmp_path / "expected"
    expected.mkdir()
    for name, content in NAMES.items():
        (expected / name).write_bytes(content)
    data = tmp_path / "data"
    data.mkdir()
    (data / "raw.dvc").write_text(f"outs:\n- md5: {fetch.folder_hash(expected)}.dir\n  path: raw\n", encoding="utf-8")
    monkeypatch.setattr(fetch, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setattr(fetch, "INNER_MD5", hashlib.md5(inner).hexdigest())
    for name, value in {"HERE": data, "POINTER": data / "raw.dvc", "TARGET": data / "raw"}.items():
        monkeypatch.setattr(fetch, name, value)
    return path


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str]:
    """The script's exit code and what it said."""
    monkeypatch.setattr(sys, "argv", ["data/fetch.py", *arguments])
    code = fetch.main()
    captured = capsys.readouterr()
    return code, captured.out + captured.err


def left_in(folder: Path) -> list[str]:
    """What stands in the data folder beside the pointer."""
    return sorted(path.name for path in folder.iterdir() if path.name != "raw.dvc")


def test_the_files_appear_whole_and_checked(archive: Path) -> None:
    """From a good archive data/raw holds the eight files, and a second call changes nothing."""
    assert "8 files" in fetch.fetch(archive, force=False)
    assert {path.name: path.read_bytes() for path in fetch.TARGET.iterdir()} == NAMES
    assert fetch.fetch(None, force=False) == "data/raw is complete"
    assert left_in(fetch.HERE) == ["raw"]


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


def test_an_inner_archive_with_another_hash_is_refused(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The archive inside the archive is checked by itself, and a difference leaves no data."""
    monkeypatch.setattr(fetch, "INNER_MD5", "0" * 32)
    with pytest.raises(fetch.FetchError, match=r"hutto_ICWSM_2014\.tar\.gz: MD5 differs"):
        fetch.fetch(archive, force=False)
    assert left_in(fetch.HERE) == []


def test_an_archive_with_other_data_than_the_pointer_says_is_refused(
    archive: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """When data/raw.dvc points elsewhere, nothing is put in place, and dvc pull is named."""
    fetch.POINTER.write_text(f"outs:\n- md5: {'0' * 32}.dir\n  path: raw\n", encoding="utf-8")
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
    """A data/raw that somebody changed stays, with both ways out named; --force replaces it."""
    fetch.fetch(archive, force=False)
    mine = fetch.TARGET / fetch.FILES[0]
    mine.write_bytes(b"mine")
    with pytest.raises(fetch.FetchError, match=r"differs from raw\.dvc[\s\S]*--force[\s\S]*dvc add"):
        fetch.fetch(archive, force=False)
    assert mine.read_bytes() == b"mine"
    fetch.fetch(archive, force=True)
    assert mine.read_bytes() == NAMES[mine.name]
    assert left_in(fetch.HERE) == ["raw"]


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EROFS, errno.EACCES], ids=["full", "read-only", "forbidden"])
def test_a_disk_that_cannot_be_written_leaves_nothing(
    archive: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    """When the file system refuses in the middle of the files, the message has a remedy, and no half is left."""
    written: list[Path] = []
    original = Path.write_bytes

    def full_after_three(path: Path, content: bytes) -> int:
        if len(written) == 4:
            raise OSError(error, os.strerror(error), str(path))
        written.append(path)
        return original(path, content)

    monkeypatch.setattr(Path, "write_bytes", full_after_three)
    code, said = run(capsys, monkeypatch, "--archive", str(archive))
    assert code == 1
    assert os.strerror(error) in said
    assert "remedy:" in said
    assert left_in(fetch.HERE) == []


def test_what_a_killed_run_left_is_cleared_away(archive: Path) -> None:
    """A folder raw.partial-* of an earlier run is gone after the next one."""
    (fetch.HERE / "raw.partial-killed").mkdir()
    fetch.fetch(archive, force=False)
    assert left_in(fetch.HERE) == ["raw"]


def by_pip(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The script in a folder of its own, pip reaching nothing but this machine."""
    (folder / "data").mkdir()
    for name in ("fetch.py", "raw.dvc"):
        (folder / "data" / name).write_bytes((ROOT / "data" / name).read_bytes())
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
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["fetch.py", "raw.dvc"]


def test_an_index_that_serves_another_file_is_caught(tmp_path: Path) -> None:
    """A source distribution of the right name with another hash is refused before it is used."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    (shelf / "vaderSentiment-3.3.2.tar.gz").write_bytes(packed({"vaderSentiment-3.3.2/setup.py": b"print()"}))
    done = by_pip(tmp_path, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(shelf))
    assert done.returncode == 1
    assert "another file than the pinned one" in done.stderr
    assert not (tmp_path / "data/raw").exists()


def test_the_hash_of_a_folder_is_the_one_that_dvc_records(tmp_path: Path) -> None:
    """`dvc add` of a folder with a subfolder writes the very hash that folder_hash gives."""
    (tmp_path / "raw" / "more").mkdir(parents=True)
    for name in ("b.txt", "a.txt", "more/c.txt"):
        (tmp_path / "raw" / name).write_text(name, encoding="utf-8")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for command in (["git", "init", "--quiet"], ["dvc", "init", "--quiet"], ["dvc", "add", "--quiet", "raw"]):
        subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, timeout=60)
    assert fetch.expected_hash(tmp_path / "raw.dvc") == fetch.folder_hash(tmp_path / "raw")


def test_a_forced_replacement_that_fails_leaves_the_old_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the last rename of `--force` fails, the data that stood there before stands there still."""
    target = tmp_path / "raw"
    target.mkdir()
    (target / "mine.txt").write_text("mine", encoding="utf-8")
    of_an_empty_folder = fetch.folder_hash(tmp_path / "nothing")
    (tmp_path / "raw.dvc").write_text(f"outs:\n- md5: {of_an_empty_folder}.dir\n", encoding="utf-8")
    for name, value in {"HERE": tmp_path, "POINTER": tmp_path / "raw.dvc", "TARGET": target}.items():
        monkeypatch.setattr(fetch, name, value)

    def unpack(_: Path, folder: Path) -> None:
        folder.mkdir()

    rename = os.replace

    def replace(source: Path, destination: Path) -> None:
        if destination == target and source.name == "raw":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(destination))
        rename(source, destination)

    monkeypatch.setattr(fetch, "unpack", unpack)
    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(OSError, match="No space left"):
        fetch.fetch(tmp_path / "archive", force=True)
    assert (target / "mine.txt").read_text(encoding="utf-8") == "mine"
