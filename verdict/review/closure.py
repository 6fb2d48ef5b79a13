"""The code that a verdict rests on, by reading who imports whom: a list by hand falls behind with the next import.

A package's templates belong to its code.

The source is searched, not parsed: a change is a stranger's, and what is nested deep enough brings a parser down.
"""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from verdict.repo.git import git, git_bytes
from verdict.repo.revisions import Revision

# All of the review with git and DVC below it, what starts it, and what is installed for it.
_PACKAGES = ("verdict/review/", "verdict/repo/", "verdict/ci/")
_OTHERS = ("verdict/ci/sweep/", "verdict/ci/retrain/")  # nothing of them judges
_KIND = re.compile(r"verdict/classifier/models/[^/]+/__init__\.py")  # imported by its name, which params.yaml has
_STARTED = ("verdict/cli/", "verdict/__main__")
ALWAYS = (*_PACKAGES, *_STARTED, ".github/", ".dvc/config", "install/", "requirements.txt", "requirements/")
SOURCES = (".py", ".j2")
_CONTINUED = re.compile(r"#[^\n]*|\\\r?\n")
# Wherever a statement may begin, also within functions. The bounds keep hostile text from taking hours.
_IMPORT = re.compile(
    r"(?:^|[:;])[ \t]*(?:from[ \t]{1,99}(\.{0,20})([\w.]{0,200})[ \t]{1,99}import[ \t]*(\([^)]{0,9999}|[^\n;]{0,9999})"
    r"|import[ \t]{1,99}([^\n;]{0,9999}))",
    re.MULTILINE,
)
# A program of the repository that is started, such as data/fetch.py.
_PROGRAM = re.compile(r"""["']([\w./-]{1,200}\.py)["']""")


def code_that_judges(revision: Revision) -> frozenset[str]:
    """The files that a revision's review can import, start or fill in, its own among them."""
    sources = _sources(revision)
    found = {path for path in sources if _judges(path)}
    waiting = list(found)
    while waiting:
        path = waiting.pop()
        for name in {*_named(path, sources[path])} & sources.keys() - found:
            found.add(name)
            waiting.append(name)
    # Of a package that is merely above one that is imported, nothing but its __init__ runs.
    packages = {posixpath.dirname(path) for path in found if not path.endswith("/__init__.py")}
    templates = [path for path in sources if path.endswith(".j2")]
    return frozenset(found.union(path for path in templates if packages.intersection(_above(path))))


def _above(path: str) -> set[str]:
    """The folder of a template, and the one that this lies in."""
    return {posixpath.dirname(path), posixpath.dirname(posixpath.dirname(path))}


def _judges(path: str) -> bool:
    return (path.startswith(_PACKAGES) and not path.startswith(_OTHERS)) or _KIND.fullmatch(path) is not None


def _named(path: str, source: str) -> Iterator[str]:
    """The files that a source may mean: each part of each module's name could be a module or a package."""
    yield from _PROGRAM.findall(source)
    for module in _modules(PurePosixPath(path).parts[:-1], _CONTINUED.sub(" ", source)):
        for length in range(1, len(module) + 1):
            place = "/".join(module[:length])
            yield f"{place}.py"
            yield f"{place}/__init__.py"


def _modules(package: tuple[str, ...], source: str) -> Iterator[list[str]]:
    for dots, module, names, modules in _IMPORT.findall(source):
        if modules:
            yield from (words[0].split(".") for part in modules.split(",") if (words := part.split()))
            continue
        above = package[: len(package) - len(dots) + 1] if dots else ()
        whole = [*above, *filter(None, module.split("."))]
        yield whole
        yield from ([*whole, words[0]] for part in names.strip("(").split(",") if (words := part.split()))


def _sources(revision: Revision) -> dict[str, str]:
    """All Python files and templates of a commit, or of the working tree with those that git does not know yet."""
    root, commit = revision.root, revision.commit
    if commit is None:
        kinds = (f"*{end}" for end in SOURCES)
        listed = git(root, "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *kinds).split("\0")
        return {path: _read(root / path) for path in listed if path and (root / path).is_file()}
    entries = [line.split("\t", 1) for line in git(root, "ls-tree", "-r", "-z", commit).split("\0") if line]
    blobs = {path: head.split()[2] for head, path in entries if path.endswith(SOURCES) and " blob " in head}
    answer = git_bytes(root, "cat-file", "--batch", stdin="".join(f"{blob}\n" for blob in blobs.values()).encode())
    found, at = {}, 0
    for path in blobs:
        end = answer.index(b"\n", at)
        size = int(answer[at:end].split()[2])
        found[path] = answer[end + 1 : end + 1 + size].decode("utf-8", errors="replace")
        at = end + size + 2
    return found


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
