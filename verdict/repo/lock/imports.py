"""Does dvc.yaml name all code of this repository that a stage runs? DVC overlooks a change of what it does not name.

A stage's command is looked through for modules and programs of the repository, and these for what they import, in
functions, too. The source is a stranger's: it is parsed within bounds, and nothing of it is run.
"""

import ast
import os
import re
import warnings
from collections.abc import Iterable, Iterator
from importlib.machinery import BYTECODE_SUFFIXES, EXTENSION_SUFFIXES
from itertools import pairwise
from pathlib import Path
from posixpath import dirname, join, normpath

from verdict.repo.lock.finding import Finding

_END = re.compile(r"[;&|()\n]+")
_WORD = re.compile(r"""[^\s'"]+""")
_PYTHON = ("python", "torchrun")
_MODULE = re.compile(r"-[bBdEiIOPqsSuvVx]*m(.*)")
_ISOLATED = re.compile(r"-[bBdEiOqsSuvVx]*[IP].*")
# What Python finds in the current folder all the same: install/verdict_finder.py.
PACKAGES = frozenset({"stages", "verdict"})
_SUFFIXES = (*EXTENSION_SUFFIXES, ".py", *BYTECODE_SUFFIXES)  # in the order in which Python looks for them
# What honest modules keep far below; a parser takes some 300 bytes of memory for a byte.
_MOST_BYTES = 400_000
_MOST_IN_ALL = 5_000_000
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
_BY_NAME = ("import_module", "__import__", "run_module")
Module = tuple[int, str]  # how many dots it begins with, and the rest
Places = frozenset[tuple[str, bool]]  # folders in which Python looks, and whether for `PACKAGES` alone


class Imports:
    """Who imports whom in one checkout; each file is read once.

    `unread` are files that could not be looked through, and why.
    """

    def __init__(self, root: Path, packages: frozenset[str] = PACKAGES) -> None:
        self.unread: dict[str, str] = {}
        self._packages = packages
        self._root = str(root)
        self._left = _MOST_IN_ALL
        self._imports: dict[tuple[str, Places], set[str]] = {}
        self._modules: dict[str, set[Module]] = {}

    def findings(self, stage: str, command: str, folder: str, paths: Iterable[str]) -> Iterator[Finding]:
        """The code that a stage's command leads to and that none of its dependencies and outputs is, or holds.

        Args:
            stage: its name.
            command: what it runs.
            folder: where it runs, from the root.
            paths: its dependencies and outputs, from the root.
        """
        named = set(paths)
        for path, importer in self._reached(command, normpath(folder)).items():
            if named.isdisjoint(_with_parents(path)):
                found = f"{importer} imports {path}" if importer else f"it runs {path}"
                mend = f"add it to the deps of {stage} in dvc.yaml, then dvc repro {stage}"
                yield Finding(stage, "dvc.yaml", f"{found}, which is no dependency of {stage}", mend)

    def _reached(self, command: str, folder: str) -> dict[str, str]:
        """Each file that the command leads to, with the one that imports it first."""
        found: dict[str, str] = {}
        for start, places in self._started(command, folder):
            if start in found:
                continue
            found[start] = ""
            waiting = [start]
            while waiting:
                importer = waiting.pop()
                for path in self._imported(importer, places):
                    if path not in found:
                        found[path] = importer
                        waiting.append(path)
        return found

    def _started(self, command: str, folder: str) -> Iterator[tuple[str, Places]]:
        """What a command starts, with the places in which Python looks for what that imports."""
        for words in map(_WORD.findall, _END.split(command)):
            begin = next((at for at, word in enumerate(words) if any(name in word.lower() for name in _PYTHON)), None)
            arguments = words[:1] if begin is None else words[begin:]
            options = [(_MODULE.fullmatch(word), after) for word, after in pairwise([*arguments, ""])]
            modules = [found[1] or after for found, after in options if found]
            files = [file for name in modules for end in ("", ".__main__") for file in self._files(folder, name + end)]
            isolated = any(map(_ISOLATED.fullmatch, arguments))
            yield from ((file, frozenset({(folder, isolated)})) for file in files)
            program = next((normpath(join(folder, word)) for word in arguments if word.endswith(".py")), "")
            if not files and self._is_file(program):
                places = {(folder, isolated)} if isolated else {(folder, False), (dirname(program) or ".", False)}
                yield program, frozenset(places)

    def _imported(self, path: str, places: Places) -> set[str]:
        if (path, places) not in self._imports:
            self._imports[path, places] = set(self._files_behind(path, places))
        return self._imports[path, places]

    def _files_behind(self, path: str, places: Places) -> Iterator[str]:
        if path not in self._modules:
            self._modules[path] = set(self._read(path))
        for dots, name in self._modules[path]:
            above = dirname(path)
            for _ in range(dots - 1):
                above = dirname(above)
            for place, limited in [(above, False)] if dots else places:
                if not limited or name.split(".")[0] in self._packages:
                    yield from self._files(place or ".", name)

    def _files(self, place: str, name: str) -> Iterator[str]:
        """The files that Python reads to import a module, or something in one, as far as they lie in a folder."""
        path = place
        for part in filter(None, name.split(".")):
            path = normpath(join(path, part))
            if package := self._module(f"{path}/__init__"):
                yield package
            elif module := self._module(path):
                yield module
                return

    def _module(self, path: str) -> str | None:
        """A module's file: what is compiled goes before its source."""
        return next((path + suffix for suffix in _SUFFIXES if self._is_file(path + suffix)), None)

    def _is_file(self, path: str) -> bool:
        return not path.startswith(("/", "..")) and os.path.isfile(f"{self._root}/{path}")  # noqa: PTH113 - asked often

    def _read(self, path: str) -> Iterator[Module]:
        """The modules that a file imports, as far as that stands there in words."""
        try:
            with Path(self._root, path).open("rb") as file:
                source = file.read(min(_MOST_BYTES, self._left) + 1)
            self._left -= len(source)
            if len(source) > _MOST_BYTES or self._left < 0:
                raise ValueError("too large")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(source)
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
            self._left = max(self._left, 0)
            self.unread[path] = str(error)[:100] or type(error).__name__
            return
        for node in _statements(tree):
            if isinstance(node, ast.Import):
                yield from ((0, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                whole = [node.module] if node.module else []
                yield from ((node.level, ".".join([*whole, alias.name])) for alias in node.names)
        if any(name.encode() in source for name in _BY_NAME):
            yield from _named(tree)


def _with_parents(path: str) -> Iterator[str]:
    while path:
        yield path
        path = dirname(path)


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """All statements, however deep, but those that only a type checker reads."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for block in _BLOCKS[1:] if isinstance(node, ast.If) and _is_for_types(node.test) else _BLOCKS:
            found = getattr(node, block, [])
            waiting += found if isinstance(found, list) else []


def _is_for_types(test: ast.expr) -> bool:
    return "TYPE_CHECKING" in (getattr(test, "id", ""), getattr(test, "attr", ""))


def _named(tree: ast.Module) -> Iterator[Module]:
    """The modules that are imported by a name in a string."""
    nodes = list(ast.walk(tree))
    aliases = [alias for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names]
    called = {*_BY_NAME, *(alias.asname for alias in aliases if alias.name in _BY_NAME and alias.asname)}
    for call in (node for node in nodes if isinstance(node, ast.Call)):
        if called.isdisjoint((getattr(call.func, "id", None), getattr(call.func, "attr", None))):
            continue
        given = {word.arg: word.value for word in call.keywords} | dict(
            zip(("name", "package"), call.args, strict=False)
        )
        match [given.get("name"), given.get("package")]:
            case [ast.Constant(value=str(name)), ast.Constant(value=str(package))] if name.startswith("."):
                yield 0, package + name
            case [ast.Constant(value=str(name)), _]:
                rest = name.lstrip(".")
                yield len(name) - len(rest), rest
