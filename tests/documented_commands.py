"""The shell commands in README.md and the documents."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import ROOT

DOCUMENTS = ("README.md", "CONTRIBUTING.md", *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("*/*.md")))
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:^    \S.*\n)+", re.MULTILINE)


def commands(text: str) -> list[str]:
    """Each command of a document, without comments; of a script, its first line."""
    rest = _FENCED.sub("", text)
    indented = [re.sub(r"(?m)^    ", "", block) for block in _INDENTED.findall(rest)]
    fenced = [block for language, block in _FENCED.findall(text) if language in ("sh", "bash", "console", "shell", "")]
    return [command for block in [*fenced, *indented] for command in _of_block(block)]


def _of_block(block: str) -> Iterator[str]:
    lines = block.splitlines()
    if any(line.startswith("$ ") for line in lines):  # a session: commands, and below them their output
        lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    script = any(line.startswith(" ") for line in lines)
    typed = [re.sub(r"(^|\s+)#($|[ !]).*", "", line).strip() for line in lines]
    yield from list(filter(None, typed))[: 1 if script else None]


def documents_by_command() -> dict[str, set[str]]:
    """The names of the documents that have each command."""
    documents: dict[str, set[str]] = {}
    for name in DOCUMENTS:
        for command in commands((Path(ROOT) / name).read_text(encoding="utf-8")):
            documents.setdefault(command, set()).add(name)
    return documents
