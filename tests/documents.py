"""Read, write and edit files of tests; YAML as DVC reads and writes it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from verdict.base.documents import dump, parse


def load(source: Path | str | bytes) -> Any:  # noqa: ANN401 - YAML
    """The content of a file, or of a text."""
    content = source.read_bytes() if isinstance(source, Path) else source
    return parse(
        content if isinstance(content, str) else content.decode("utf-8"), "a document of a test", "correct the test"
    )


def save(path: Path, document: object) -> None:
    """Write a file."""
    path.write_text(dump(document), encoding="utf-8")


def edit(folder: Path, name: str, change: Callable[[str], str]) -> None:
    """Rewrite a file; `change` must give another text."""
    before = (folder / name).read_text(encoding="utf-8")
    assert change(before) != before
    (folder / name).write_text(change(before), encoding="utf-8")
