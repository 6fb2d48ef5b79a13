"""Tests of secrets that commands read from files: what keeps nobody out is told before anything listens."""

from pathlib import Path

import pytest

from verdict.base.errors import VerdictError
from verdict.cli import main
from verdict.cli.http_options import read_secret


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, False), (0o604, True), (0o644, True)])
def test_a_secret_that_everybody_can_read_is_told(
    tmp_path: Path, mode: int, warned: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is taken, as a container's mount may need it, with a line that names the file and what mends it."""
    path = tmp_path / "key"
    path.write_text("k" * 32 + "\n", encoding="utf-8")
    path.chmod(mode)
    assert read_secret(path) == b"k" * 32
    line = f"warning: {path}: everybody on this machine can read it (chmod o= {path})\n"
    assert capsys.readouterr().err == (line if warned else "")


def test_a_secret_that_is_too_short_is_refused(tmp_path: Path) -> None:
    """An empty file would let everybody in; the remedy makes a key."""
    path = tmp_path / "key"
    path.touch(0o600)
    with pytest.raises(VerdictError, match=r"too short to keep anybody out"):
        read_secret(path)


def test_a_relay_without_a_token_for_github_does_not_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty file is told at once, and not by the first alert that GitHub refuses."""
    (tmp_path / "github").write_text("\n", encoding="utf-8")
    options = ["--github-token", str(tmp_path / "github"), "--token-file", "none", "--queue", str(tmp_path / "queue")]
    assert main(["relay", "--repository", "someone/texts", *options]) == 1
    assert capsys.readouterr().err.startswith(f"error: {tmp_path / 'github'}: holds no token\n  remedy: ")
    assert not (tmp_path / "queue").exists()
