"""Find the code that a verdict depends on, by following imports: a list by hand would miss the next import.

A package's templates belong to its code. The source is searched, not parsed: it is untrusted, and deep nesting crashes
a parser.
"""

import posixpath
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from verdict.repo.git import git, git_bytes
from verdict.repo.revisions import Revision

# The review with git and DVC below it, its commands, and its installed packages.
_PACKAGES = ("verdict/review/", "verdict/repo/", "verdict/ci/")
_OTHERS = ("verdict/ci/sweep/", "verdict/ci/retrain/")  # none of their code judges
_MODEL = re.compile(r"verdict/classifier/models/[^/]+/__init__\.py")  # imported by the name in params.yaml
_COMMANDS = ("verdict/cli/", "verdict/__main__")
ALWAYS = (*_PACKAGES, *_COMMANDS, ".github/", ".dvc/config", "install/", "requirements.txt", "requirements/")
SOURCES = (".py", ".j2")
_CONTINUED = re.compile(r"#[^\n]*|\\\r?\n")
# Imports anywhere, also within functions. The bounds limit the time that hostile text takes.
_IMPORT = re.compile(
    r"(?:^|[:;])[ \t]*(?:from[ \t]{1,99}(\.{0,20})([\w.]{0,200})[ \t]{1,99}import[ \t]*(\([^)]{0,9999}|[^\n;]{0,9999})"
    r"|import[ \t]{1,99}([^\n;]{0,9999}))",
    re.MULTILINE,
)
# A path of a program of the repository that the code starts, such as data/fetch.py.
_PROGRAM = re.compile(r"""["']([\w./-]{1,200}\.py)["']""")


def code_that_judges(revision: Revision) -> frozenset[str]:
    """The files that a revision's review can import, start or fill in, those of the review included."""
    sources = _sources(revision)
    judging = {path for path in sources if _is_review(path)}
    queue = list(judging)
    while queue:
        path = queue.pop()
        new = {*_references(path, sources[path])} & sources.keys() - judging
        judging |= new
        queue += new
    # Of a package that is merely above an imported one, only __init__ runs.
    packages = {posixpath.dirname(path) for path in judging if not path.endswith("/__init__.py")}
    templates = {path for path in sources if path.endswith(".j2") and packages.intersection(_folders(path))}
    return frozenset(judging | templates)


def _folders(path: str) -> set[str]:
    """The folder of a template, and that folder's parent."""
    return {posixpath.dirname(path), posixpath.dirname(posixpath.dirname(path))}


def _is_review(path: str) -> bool:
    return (path.startswith(_PACKAGES) and not path.startswith(_OTHERS)) or _MODEL.fullmatch(path) is not None


def _references(path: str, source: str) -> Iterator[str]:
    """The files that a source may refer to: each part of a module's name could be a module or a package."""
    yield from _PROGRAM.findall(source)
    for module in _modules(PurePosixPath(path).parts[:-1], _CONTINUED.sub(" ", source)):
        for length in range(1, len(module) + 1):
            name = "/".join(module[:length])
            yield f"{name}.py"
            yield f"{name}/__init__.py"


def _modules(package: tuple[str, ...], source: str) -> Iterator[list[str]]:
    for dots, module, names, modules in _IMPORT.findall(source):
        if modules:
            yield from (words[0].split(".") for part in modules.split(",") if (words := part.split()))
            continue
        above = package[: len(package) - len(dots) + 1] if dots else ()
        parent = [*above, *filter(None, module.split("."))]
        yield parent
        yield from ([*parent, words[0]] for part in names.strip("(").split(",") if (words := part.split()))


def _sources(revision: Revision) -> dict[str, str]:
    """All Python files and templates of a commit, or of the working tree with its untracked files."""
    root, commit = revision.root, revision.commit
    if commit is None:
        kinds = (f"*{end}" for end in SOURCES)
        listed = git(root, "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *kinds).split("\0")
        paths = [path for path in listed if path and (root / path).is_file()]
        return {path: (root / path).read_text(encoding="utf-8", errors="replace") for path in paths}
    entries = [line.split("\t", 1) for line in git(root, "ls-tree", "-r", "-z", commit).split("\0") if line]
    blobs = {path: head.split()[2] for head, path in entries if path.endswith(SOURCES) and " blob " in head}
    answer = git_bytes(root, "cat-file", "--batch", stdin="".join(f"{blob}\n" for blob in blobs.values()).encode())
    sources, start = {}, 0
    for path in blobs:
        end = answer.index(b"\n", start)
        size = int(answer[start:end].split()[2])
        sources[path] = answer[end + 1 : end + 1 + size].decode("utf-8", errors="replace")
        start = end + size + 2
    return sources
