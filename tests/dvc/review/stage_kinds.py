"""Kinds of stages, dependencies and pointers, with their files, from which tests make DVC repositories."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.documents import save

Stages = dict[str, Any]


@dataclass(frozen=True)
class StageKind:
    """Stages for dvc.yaml, files by path, and steps before and after the run."""

    stages: Stages
    files: Mapping[str, str] = field(default_factory=dict)
    vars: tuple[Any, ...] = ()
    before: Callable[[Path], object] = lambda _: None
    after: Callable[[Path], object] = lambda _: None
    yaml: str = "dvc.yaml"
    settled: bool = True  # whether DVC ever calls it up to date


def cat(*names: str, out: str, **more: Any) -> Stages:  # noqa: ANN401 - YAML
    """A stage that joins files."""
    return {"cmd": f"cat {' '.join(names)} > {out}", "deps": list(names), "outs": [out], **more}


def _add(*paths: str) -> Callable[[Path], object]:
    return lambda root: dvc(root, "add", "--quiet", *paths)


def _pointer(text: str, path: str) -> Callable[[Path], object]:
    def write(root: Path) -> None:
        (root / path).write_text(text, encoding="utf-8")
        dvc(root, "commit", "--force", "--quiet", path)

    return write


def _link(root: Path) -> None:
    (root / "link.txt").symlink_to("target.txt")


def _import(root: Path) -> None:
    source = root.parent / f"{root.name}-source.txt"
    source.write_text("from elsewhere\n", encoding="utf-8")
    dvc(root, "import-url", "--quiet", str(source), "imported.txt")


def _legacy(root: Path) -> None:
    dvc(root, "add", "--quiet", "legacy.txt")
    pointer = root / "legacy.txt.dvc"
    pointer.write_text(pointer.read_text(encoding="utf-8").replace("  hash: md5\n", ""), encoding="utf-8")
    (root / ".dvc/cache").mkdir(exist_ok=True)
    shutil.copytree(root / ".dvc/cache/files/md5", root / ".dvc/cache", dirs_exist_ok=True)


STAGE_KINDS: dict[str, StageKind] = {
    "plain": StageKind({"plain": cat("plain.py", out="plain.out", params=["plain"])}, {"plain.py": "x\n"}),
    "order": StageKind(
        {"order": {"cmd": "ls order > order.out", "deps": ["order"], "outs": ["order.out"]}},
        {"order/a.txt": "1", "order/a/b.txt": "2", "order/a-b/c": "3", "order/A": "4"},
    ),
    "ignored by DVC": StageKind(
        {"ig": {"cmd": "ls ig > ig.out", "deps": ["ig"], "outs": ["ig.out"]}},
        {"ig/a.py": "1", "ig/b.tmp": "2", "ig/deep/c.tmp": "3"},
    ),
    "pointer anywhere": StageKind(
        {"words": cat("tools/words.txt", out="words.out")}, {"tools/words.txt": "w\n"}, before=_add("tools/words.txt")
    ),
    "pointer to a folder": StageKind(
        {"photos": {"cmd": "ls photos > photos.out", "deps": ["photos"], "outs": ["photos.out"]}},
        {"photos/a.txt": "1", "photos/a/b": "2"},
        before=_add("photos"),
    ),
    "pointer with two outs": StageKind(
        {"two": cat("p1.txt", "p2.txt", out="two.out")},
        {"p1.txt": "1", "p2.txt": "2"},
        before=_pointer("outs:\n- path: p1.txt\n- path: p2.txt\n", "two.dvc"),
    ),
    "pointer of DVC 2": StageKind(
        {"legacy": cat("legacy.txt", out="legacy.out")}, {"legacy.txt": "1\n"}, before=_legacy
    ),
    "import": StageKind({"imported": cat("imported.txt", out="imported.out")}, before=_import),
    "wdir": StageKind(
        {"wd": cat("in.txt", out="out.txt", wdir="wd", params=[{"own.yaml": ["k"]}])},
        {"wd/in.txt": "1\n", "wd/own.yaml": "k: 1\n"},
    ),
    "second dvc.yaml": StageKind(
        {"sub": cat("in.txt", "../shared.txt", out="out.txt"), "next": cat("out.txt", out="next.txt")},
        {"sub/in.txt": "1\n", "shared.txt": "2\n"},
        yaml="sub/dvc.yaml",
    ),
    "foreach": StageKind(
        {"each": {"foreach": ["a", "b"], "do": cat("each.txt", out="each-${item}.out")}}, {"each.txt": "1"}
    ),
    "matrix": StageKind(
        {"grid": {"matrix": {"x": [1, 2], "y": ["a"]}, **cat("grid.txt", out="grid-${item.x}-${item.y}.out")}},
        {"grid.txt": "1"},
    ),
    "vars": StageKind(
        {"templated": cat("${name}.txt", out="${file_name}.out", params=["plain"])},
        {"v.txt": "1", "more.yaml": "file_name: t\n"},
        vars=({"name": "v"}, "more.yaml"),
    ),
    "frozen": StageKind(
        {"frozen": cat("frozen.txt", out="frozen.out", params=["plain"])},
        {"frozen.txt": "1"},
        after=lambda root: dvc(root, "freeze", "frozen"),
    ),
    "always changed": StageKind(
        {"always": cat("always.txt", out="always.out", always_changed=True)}, {"always.txt": "1"}, settled=False
    ),
    "callback": StageKind({"callback": {"cmd": "true"}}, settled=False),
    "params of other formats": StageKind(
        {
            "formats": {
                "cmd": "echo 1 > formats.out",
                "outs": ["formats.out"],
                "params": [
                    {"f.json": ["a.b"]},
                    {"f.toml": ["t.x"]},
                    {"f.py": ["PY"]},
                    {"whole.yaml": None},
                    {"whole.json": None},
                ],
            }
        },
        {
            "f.json": '{"a": {"b": 1e-05}}',
            "f.toml": "[t]\nx = 1.5\n",
            "f.py": "PY = [1, 2]\n",
            "whole.yaml": "rate: 1e-05\non: yes\n",
            "whole.json": '{"n": null}',
        },
    ),
    "params that a stage writes": StageKind(
        {
            "choose": {"cmd": "cp c.txt chosen.yaml", "deps": ["c.txt"], "outs": ["chosen.yaml"]},
            "chosen": {"cmd": "echo 1 > chosen.out", "outs": ["chosen.out"], "params": [{"chosen.yaml": ["k"]}]},
        },
        {"c.txt": "k: 1e-05\n"},
    ),
    "kept by git": StageKind(
        {
            "kept": {
                "cmd": "cat k.txt > k.json && mkdir -p kplots && cp k.txt kplots/1.csv",
                "deps": ["k.txt"],
                "metrics": [{"k.json": {"cache": False}}],
                "plots": [{"kplots": {"cache": False}}],
            },
            "reader": cat("k.json", out="reader.out"),
        },
        {"k.txt": "1"},
    ),
    "persist, exec, commands": StageKind(
        {
            "script": {
                "cmd": ["cat s.txt > run.sh", "chmod +x run.sh"],
                "deps": ["s.txt"],
                "outs": [{"run.sh": {"persist": True}}],
            }
        },
        {"s.txt": "1"},
    ),
    "empty": StageKind(
        {
            "empty": {"cmd": "mkdir -p void && touch void.txt", "deps": ["nil.txt"], "outs": ["void", "void.txt"]},
            "after": {"cmd": "touch after.txt", "deps": ["void", "void.txt"], "outs": ["after.txt"]},
        },
        {"nil.txt": ""},
    ),
    "link": StageKind({"link": cat("link.txt", out="link.out")}, {"target.txt": "1"}, before=_link),
    "other letters": StageKind(
        {"zürich": cat("'größe ß.txt'", out="'日本 x.out'", deps=["größe ß.txt"], outs=["日本 x.out"])},
        {"größe ß.txt": "ü"},
    ),
    "inside an output": StageKind(
        {
            "make": {
                "cmd": "mkdir -p made/sub && cp m.txt made/a.txt && cp m.txt made/sub/b.txt",
                "deps": ["m.txt"],
                "outs": ["made"],
            },
            "use": cat("made/a.txt", out="use.out"),
            "deep": {"cmd": "ls made/sub > deep.out", "deps": ["made/sub"], "outs": ["deep.out"]},
        },
        {"m.txt": "1"},
    ),
    "around an output": StageKind(
        {
            "lay": {
                "cmd": "cp l.txt nest/egg.txt && mkdir -p nest/more && cp l.txt nest/more/x",
                "deps": ["l.txt"],
                "outs": ["nest/egg.txt", "nest/more"],
            },
            "look": {"cmd": "ls nest > look.out", "deps": ["nest"], "outs": ["look.out"]},
        },
        {"l.txt": "1", "nest/twig.txt": "2"},
    ),
    "around a file": StageKind(
        {
            "hatch": cat("hatch.txt", out="coop/hen.txt"),
            "count": {"cmd": "ls coop > count.out", "deps": ["coop"], "outs": ["count.out"]},
        },
        {"hatch.txt": "1", "coop/hen/egg.txt": "2", "coop/Hay": "3"},
    ),
    "compiled": StageKind(
        {"lib": {"cmd": "ls lib > lib.out", "deps": ["lib"], "outs": ["lib.out"]}},
        {"lib/a.py": "1", "lib/__pycache__/a.pyc": "2"},
    ),
}
_BASE = {
    ".gitignore": "__pycache__/\n*.tmp\n",
    ".gitattributes": "* text=auto eol=lf\n",
    ".dvcignore": "*.tmp\n__pycache__\n",
    "params.yaml": "plain: {rate: 1e-05, names: [a, b]}\n",
}


def build(root: Path, names: list[str]) -> None:
    """Make a committed repository with stages of these kinds, all run."""
    root.mkdir(parents=True)
    git(root, "init", "--quiet", "--initial-branch", "main")
    git(root, "config", "user.email", "author@example.com")
    git(root, "config", "user.name", "Author")
    dvc(root, "init", "--quiet")
    documents: dict[str, dict[str, Any]] = {}
    write(root, _BASE)
    for kind in (STAGE_KINDS[name] for name in names):
        write(root, kind.files)
        document = documents.setdefault(kind.yaml, {"stages": {}})
        document["stages"] |= kind.stages
        if kind.vars:
            document["vars"] = [*document.get("vars", []), *kind.vars]
        kind.before(root)
    for path, document in documents.items():
        save(root / path, document)
    if any(document["stages"] for document in documents.values()):
        dvc(root, "repro", "--quiet", "--all-pipelines")
    for name in names:
        STAGE_KINDS[name].after(root)
    commit(root)


def commit(root: Path) -> None:
    """Commit everything."""
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "--message", "all")


def write(root: Path, files: Mapping[str, str]) -> None:
    """Write files by path."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def git(root: Path, *arguments: str) -> str:
    """Run git; return its output."""
    done = subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout


def dvc(root: Path, *arguments: str) -> None:
    """Run a DVC command in this process; it must succeed."""
    from dvc.cli import main

    with chdir(root):
        code = main(list(arguments))
    assert code == 0, arguments


def status(root: Path) -> set[str]:
    """The stages that `dvc status` names; `all` where it cannot read its files."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    with chdir(root), Repo(str(root)) as repo:
        try:
            return set(repo.status())
        except DvcException:
            return {"all"}


@contextmanager
def changed(path: Path, content: bytes | None) -> Iterator[None]:
    """Replace or remove (None) a file until the end of the block."""
    before, mode = path.read_bytes(), path.stat().st_mode
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    yield
    path.unlink(missing_ok=True)
    path.write_bytes(before)
    path.chmod(mode)
    os.utime(path)
