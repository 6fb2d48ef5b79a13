"""Check that dvc.yaml names all code of this repository that a stage runs: DVC overlooks changes of other files.

A stage's command is searched for modules and programs of the repository, and these for their imports, in functions,
too. The source is a stranger's: it is parsed within bounds, and never run.
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
# The packages that isolated Python finds in the current folder, too: install/verdict_finder.py.
PACKAGES = frozenset({"stages", "verdict"})
_SUFFIXES = (*EXTENSION_SUFFIXES, ".py", *BYTECODE_SUFFIXES)  # in the order in which Python looks for them
# Far above any honest module; a parser takes about 300 bytes of memory for a byte.
_MOST_BYTES = 400_000
_MOST_IN_ALL = 5_000_000
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
_BY_NAME = ("import_module", "__import__", "run_module")
Module = tuple[int, str]  # the number of leading dots, and the rest of the name
Places = frozenset[tuple[str, bool]]  # folders that Python searches, and whether for `PACKAGES` alone


class Imports:
    """The imports of the files of one checkout; each file is read once.

    `unread` has the files that could not be parsed, with the reason.
    """

    def __init__(self, root: Path, packages: frozenset[str] = PACKAGES) -> None:
        self.unread: dict[str, str] = {}
        self._packages = packages
        self._root = str(root)
        self._bytes_left = _MOST_IN_ALL
        self._imports: dict[tuple[str, Places], set[str]] = {}
        self._modules: dict[str, set[Module]] = {}

    def findings(self, stage: str, command: str, folder: str, paths: Iterable[str]) -> Iterator[Finding]:
        """Yield the code that a stage's command reaches outside of its dependencies and outputs.

        Args:
            stage: the stage's name.
            command: its command.
            folder: the folder that it runs in, relative to the root.
            paths: its dependencies and outputs, relative to the root.
        """
        declared = set(paths)
        for path, importer in self._reachable(command, normpath(folder)).items():
            if declared.isdisjoint(_with_parents(path)):
                reason = f"{importer} imports {path}" if importer else f"it runs {path}"
                mend = f"add it to the deps of {stage} in dvc.yaml, then dvc repro {stage}"
                yield Finding(stage, "dvc.yaml", f"{reason}, which is no dependency of {stage}", mend)

    def _reachable(self, command: str, folder: str) -> dict[str, str]:
        """Return each file that the command reaches, with the first file that imports it."""
        importers: dict[str, str] = {}
        for entry, places in self._entry_points(command, folder):
            if entry in importers:
                continue
            importers[entry] = ""
            queue = [entry]
            while queue:
                importer = queue.pop()
                for path in self._imported(importer, places):
                    if path not in importers:
                        importers[path] = importer
                        queue.append(path)
        return importers

    def _entry_points(self, command: str, folder: str) -> Iterator[tuple[str, Places]]:
        """Yield the files that a command starts, with the places that Python searches for their imports."""
        for words in map(_WORD.findall, _END.split(command)):
            start = next((i for i, word in enumerate(words) if any(name in word.lower() for name in _PYTHON)), None)
            arguments = words[:1] if start is None else words[start:]
            options = [(_MODULE.fullmatch(word), next_word) for word, next_word in pairwise([*arguments, ""])]
            modules = [match[1] or next_word for match, next_word in options if match]
            files = [file for name in modules for end in ("", ".__main__") for file in self._files(folder, name + end)]
            isolated = any(map(_ISOLATED.fullmatch, arguments))
            yield from ((file, frozenset({(folder, isolated)})) for file in files)
            program = next((normpath(join(folder, word)) for word in arguments if word.endswith(".py")), "")
            if not files and self._is_file(program):
                places = {(folder, isolated)} if isolated else {(folder, False), (dirname(program) or ".", False)}
                yield program, frozenset(places)

    def _imported(self, path: str, places: Places) -> set[str]:
        if (path, places) not in self._imports:
            self._imports[path, places] = set(self._resolved(path, places))
        return self._imports[path, places]

    def _resolved(self, path: str, places: Places) -> Iterator[str]:
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
        """Yield the files within a folder that Python reads to import a module, or a name in one."""
        path = place
        for part in filter(None, name.split(".")):
            path = normpath(join(path, part))
            if package := self._module(f"{path}/__init__"):
                yield package
            elif module := self._module(path):
                yield module
                return

    def _module(self, path: str) -> str | None:
        """Return a module's file: an extension is preferred to the source."""
        return next((path + suffix for suffix in _SUFFIXES if self._is_file(path + suffix)), None)

    def _is_file(self, path: str) -> bool:
        return not path.startswith(("/", "..")) and os.path.isfile(f"{self._root}/{path}")  # noqa: PTH113 - asked often

    def _read(self, path: str) -> Iterator[Module]:
        """Yield the modules that a file imports by literal names."""
        try:
            with Path(self._root, path).open("rb") as file:
                source = file.read(min(_MOST_BYTES, self._bytes_left) + 1)
            self._bytes_left -= len(source)
            if len(source) > _MOST_BYTES or self._bytes_left < 0:
                raise ValueError("too large")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(source)
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
            self._bytes_left = max(self._bytes_left, 0)
            self.unread[path] = str(error)[:100] or type(error).__name__
            return
        for node in _statements(tree):
            if isinstance(node, ast.Import):
                yield from ((0, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                package = [node.module] if node.module else []
                yield from ((node.level, ".".join([*package, alias.name])) for alias in node.names)
        if any(name.encode() in source for name in _BY_NAME):
            yield from _imports_by_string(tree)


def _with_parents(path: str) -> Iterator[str]:
    while path:
        yield path
        path = dirname(path)


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield all statements, at any depth, without those for a type checker alone."""
    queue: list[ast.AST] = [tree]
    while queue:
        node = queue.pop()
        yield node
        for block in _BLOCKS[1:] if isinstance(node, ast.If) and _is_for_types(node.test) else _BLOCKS:
            children = getattr(node, block, [])
            queue += children if isinstance(children, list) else []


def _is_for_types(test: ast.expr) -> bool:
    return "TYPE_CHECKING" in (getattr(test, "id", ""), getattr(test, "attr", ""))


def _imports_by_string(tree: ast.Module) -> Iterator[Module]:
    """Yield the modules that are imported by a name in a string."""
    nodes = list(ast.walk(tree))
    aliases = [alias for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names]
    functions = {*_BY_NAME, *(alias.asname for alias in aliases if alias.name in _BY_NAME and alias.asname)}
    for call in (node for node in nodes if isinstance(node, ast.Call)):
        if functions.isdisjoint((getattr(call.func, "id", None), getattr(call.func, "attr", None))):
            continue
        arguments = {keyword.arg: keyword.value for keyword in call.keywords} | dict(
            zip(("name", "package"), call.args, strict=False)
        )
        match [arguments.get("name"), arguments.get("package")]:
            case [ast.Constant(value=str(name)), ast.Constant(value=str(package))] if name.startswith("."):
                yield 0, package + name
            case [ast.Constant(value=str(name)), _]:
                rest = name.lstrip(".")
                yield len(name) - len(rest), rest
