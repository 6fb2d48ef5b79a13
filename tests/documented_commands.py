"""The commands that README.md and the documents tell people to type."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import ROOT

DOCUMENTS = ("README.md", "CONTRIBUTING.md", *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("*/*.md")))
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:^    \S.*\n)+", re.MULTILINE)


def commands(text: str) -> list[str]:
    """Each command of a document, comments left out; of a block that is a script, its first line stands for all."""
    rest = _FENCED.sub("", text)
    indented = [re.sub(r"(?m)^    ", "", block) for block in _INDENTED.findall(rest)]
    fenced = [block for language, block in _FENCED.findall(text) if language in ("sh", "bash", "console", "shell", "")]
    return [command for block in [*fenced, *indented] for command in _of_block(block)]


def _of_block(block: str) -> Iterator[str]:
    lines = block.splitlines()
    if any(line.startswith("$ ") for line in lines):  # a session: what is typed, and below it what is printed
        lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    script = any(line.startswith(" ") for line in lines)
    told = [re.sub(r"(^|\s+)#($|[ !]).*", "", line).strip() for line in lines]
    yield from list(filter(None, told))[: 1 if script else None]


def documents_by_command() -> dict[str, set[str]]:
    """The documents in which each command stands."""
    found: dict[str, set[str]] = {}
    for name in DOCUMENTS:
        for command in commands((Path(ROOT) / name).read_text(encoding="utf-8")):
            found.setdefault(command, set()).add(name)
    return found
