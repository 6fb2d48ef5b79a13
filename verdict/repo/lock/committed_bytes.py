"""Does git store the very bytes that lie here? If not, all is well on this machine alone, and `git status` is clean.

Line ends, filters (Git LFS, nbstripout), `ident`, encodings: git converts files on the way in and out, as attributes
and settings say. DVC hashes what lies here. What every other clone will have is asked of git, in a copy of its index
and in a folder of objects of our own, so that nothing changes. A filter counts as absent elsewhere, as it is in CI.
"""

import os
import re
import shlex
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory

from verdict.repo.checkout import Checkout, checkout_of, names_in
from verdict.repo.git import git_bytes, run_git
from verdict.repo.lock.finding import Finding, repro_command

_ATTRIBUTES = ("eol", "filter", "ident", "working-tree-encoding")
_UNSET = (b"unspecified", b"unset")
# A clone whose user and system settings say nothing about line ends.
_ELSEWHERE = {"core.autocrlf": "false", "core.eol": "lf"}
_DENSE = ("git", "checkout", "--ignore-skip-worktree-bits", "--")
# What is no dependency, and open to stages all the same: states, weights, this Python (verdict/repo/isolation).
_OPEN = re.compile(r"\.checkpoints/.*|data/start/[^/]+/.*|\.venv/.*")
_AS_IT_IS = "-text -ident -filter !working-tree-encoding"


@dataclass(frozen=True, slots=True)
class TrackedPath:
    """A dependency or output that git keeps, the files that count for its hash, and a stage that names it."""

    stage: str
    path: str
    files: tuple[str, ...]
    written: bool


@dataclass(frozen=True, slots=True)
class _File:
    """A file of the checkout: what stage and dependency it belongs to, and its bytes."""

    use: TrackedPath
    path: str
    raw: bytes


def findings(root: Path, uses: Iterable[TrackedPath], is_ignored: Callable[[str], bool]) -> list[Finding]:
    """Files whose bytes another clone will not have; none where git does not keep this tree.

    Args:
        root: the project's.
        uses: the files that count.
        is_ignored: whether DVC ignores a file.
    """
    root = root.resolve()  # as git does it
    checkout = checkout_of(root)
    if checkout is None:
        return []
    files: dict[str, _File] = {}
    found = []
    for use in sorted(uses, key=lambda use: not use.written):
        for file in use.files:
            place = Path(file).resolve()  # git keeps a link as a link, and its target as a file of its own
            if place.is_relative_to(checkout.top) and place.is_file():
                name = place.relative_to(checkout.top).as_posix()
                if checkout.is_submodules(name):
                    continue  # git status shows what is not committed there
                files.setdefault(name, _File(use, place.relative_to(root).as_posix(), place.read_bytes()))
        if (root / use.path).is_dir() and not use.files and not any((root / use.path).iterdir()):
            keep = shlex.quote(f"{use.path}/.gitkeep")
            what = "an empty folder, which git does not keep: no other clone has it"
            found.append(Finding(use.stage, use.path, what, f"touch {keep} && git add {keep} && dvc repro"))
        found += _left_out(root, checkout, use, is_ignored)
    found += _unnamed(root, checkout, files)
    return [*found, *_ignored(root, checkout, files), *_other_bytes(root, checkout, files)]


def restore_command(root: Path, path: str) -> str:
    """How to get a file back that is not there."""
    listed = run_git(root, "ls-files", "-v", "--", f":(literal){path}").stdout
    if listed:
        return shlex.join([*(_DENSE if listed.startswith(b"S") else ("git", "checkout", "--")), path])
    above = [str(folder) for folder in Path(path).parents if (root / folder).is_dir() and folder != Path()]
    if above and run_git(root, "ls-files", "--stage", "--", f":(literal){above[-1]}").stdout.startswith(b"160000"):
        return shlex.join(["git", "submodule", "update", "--init", "--", above[-1]])
    return f"bring {path} back, or take it out of dvc.yaml"


def _left_out(root: Path, checkout: Checkout, use: TrackedPath, is_ignored: Callable[[str], bool]) -> Iterator[Finding]:
    """A folder of which a sparse checkout has a part: git status is clean, and other clones have more."""
    folder = root / use.path
    if folder.is_dir() and folder.is_relative_to(checkout.top):
        within = f"{folder.relative_to(checkout.top).as_posix()}/"
        names = [name for name, (tag, _, _) in checkout.entries.items() if tag == "S" and name.startswith(within)]
        absent = [name for name in names if not (checkout.top / name).exists()]
        paths = [(checkout.top / name).relative_to(root).as_posix() for name in absent]
        if paths := [path for path in paths if not is_ignored(str(root / path))]:
            what = "a sparse checkout leaves it out: every other clone has it"
            yield Finding(use.stage, paths[0], what, f"{shlex.join([*_DENSE, *paths])} && dvc repro")


def _unnamed(root: Path, checkout: Checkout, files: dict[str, _File]) -> Iterator[Finding]:
    """What git keeps in folders that every stage can read: a change of it would go by unseen."""
    for name in sorted(checkout.entries.keys() - files.keys()):
        path = os.path.relpath(checkout.top / name, root)
        if _OPEN.fullmatch(path):
            mend = f"git rm --cached -- {shlex.quote(path)}"
            yield Finding("every stage", path, "git keeps it, and stages can read it that do not name it", mend)


def _ignored(root: Path, checkout: Checkout, files: dict[str, _File]) -> list[Finding]:
    """Files that git was told to ignore: they are here, and nowhere else."""
    unknown = [name for name in files if name not in checkout.entries]
    if not unknown:
        return []
    listed = run_git(checkout.top, "check-ignore", "-z", "--stdin", stdin=_bytes(unknown)).stdout
    found: dict[TrackedPath, list[str]] = {}
    for name in names_in(listed):
        found.setdefault(files[name].use, []).append(files[name].path)
    return [_only_here(root, use, paths) for use, paths in found.items()]


def _only_here(root: Path, use: TrackedPath, paths: list[str]) -> Finding:
    what = "git ignores it: no other clone has it"
    if use.written or (root / use.path).is_file():
        return Finding(use.stage, use.path, what, shlex.join(["git", "add", "--force", "--", *paths]))
    patterns = sorted({"__pycache__/" if "__pycache__" in path else f"/{_pattern(path)}" for path in paths})
    if len(paths) > 1:
        what = f"{what}; so it is with {len(paths) - 1} more files in {use.path}"
    told = shlex.join(["printf", r"%s\n", *patterns])
    return Finding(use.stage, paths[0], what, f"{told} >> .dvcignore && {repro_command(use.stage)}")


def _other_bytes(root: Path, checkout: Checkout, files: dict[str, _File]) -> list[Finding]:
    attributes = _attributes(checkout.top, list(files))
    asked = [name for name, file in files.items() if _may_differ(checkout, name, file.raw, attributes[name])]
    filtered = {name for name in asked if attributes[name]["filter"] not in _UNSET}
    elsewhere = _elsewhere(checkout, {name: files[name].raw for name in asked}, filtered) if asked else {}
    return [_finding(root, checkout, name, files[name], content) for name, content in elsewhere.items()]


def _attributes(top: Path, names: list[str]) -> dict[str, dict[str, bytes]]:
    found: dict[str, dict[str, bytes]] = {name: {} for name in names}
    printed = git_bytes(top, "check-attr", "-z", "--stdin", *_ATTRIBUTES, stdin=_bytes(names))
    fields = printed.split(b"\0")
    for path, attribute, value in zip(fields[0::3], fields[1::3], fields[2::3], strict=False):
        found[os.fsdecode(path)][attribute.decode()] = value
    return found


def _may_differ(checkout: Checkout, name: str, raw: bytes, attributes: dict[str, bytes]) -> bool:
    """Whether git has other bytes of it, or may convert it on the way in or out."""
    if b"\r\n" in raw or (attributes["eol"] == b"crlf" and b"\n" in raw):
        return True
    if attributes["ident"] == b"set" and b"$Id" in raw:
        return True
    if any(attributes[of] not in _UNSET for of in ("filter", "working-tree-encoding")):
        return True
    return name in checkout.entries and checkout.entries[name][2] != checkout.name_of(raw)


def _elsewhere(checkout: Checkout, files: dict[str, bytes], filtered: set[str]) -> dict[str, bytes | None]:
    """The files of which another clone will have other bytes, once all is committed; None: what a filter made."""
    mark = token_hex(16)
    with TemporaryDirectory(prefix="verdict-") as folder:
        own = {
            "GIT_INDEX_FILE": str(Path(folder) / "index"),
            "GIT_OBJECT_DIRECTORY": folder,
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": f'"{_escaped(str(checkout.objects))}"',  # a colon ends a path
        }
        shutil.copyfile(checkout.index, own["GIT_INDEX_FILE"])
        safe = {"core.safecrlf": "false"}
        adding = ("update-index", "-z", "--add", "--stdin")
        git_bytes(checkout.top, *adding, stdin=_bytes(files), variables=own, settings=safe)
        listed = names_in(git_bytes(checkout.top, "ls-files", "-z", "--stage", variables=own))
        parts = (line.partition("\t") for line in listed)
        stored = {path: entry.split()[1] for entry, _, path in parts if path in files}
        asked = [name for name in stored if name not in filtered and "\n" not in name]
        text = os.fsencode("".join(f"{stored[name]} {name}\n" for name in asked))
        printed = git_bytes(
            checkout.top, "cat-file", f"--batch={mark}", "--filters", stdin=text, variables=own, settings=_ELSEWHERE
        )
    # Told apart by a mark, since the size that git tells is that of the stored bytes.
    contents = (b"\n" + printed[:-1]).split(b"\n" + mark.encode() + b"\n")[1:]
    found = {name: None for name in filtered if stored[name] != checkout.name_of(files[name])}
    return found | {name: content for name, content in zip(asked, contents, strict=True) if content != files[name]}


def _finding(root: Path, checkout: Checkout, name: str, file: _File, content: bytes | None) -> Finding:
    tag, _, _ = checkout.entries.get(name, ("", "", ""))
    path = shlex.quote(file.path)
    flag = "assume-unchanged" if tag.islower() else "skip-worktree" if tag == "S" else None
    if flag:
        what = f"git was told to overlook its changes ({flag}), and stores other bytes than lie here"
        return Finding(file.use.stage, file.path, what, f"git update-index --no-{flag} -- {path} && git add -- {path}")
    line_ends = content is not None and file.raw.replace(b"\r\n", b"\n") == content.replace(b"\r\n", b"\n")
    why = "a filter" if content is None else "line ends" if line_ends else "ident, an encoding or older attributes"
    what = f"git stores other bytes than lie here ({why}): no other clone has these, though git status is clean"
    if content is None or file.use.written:
        pattern = f"/{_pattern(file.path)}"
        quoted = f'"{_escaped(pattern)}"' if re.search(r'[\s"]', pattern) else pattern
        told = shlex.join(["echo", f"{quoted} {_AS_IT_IS}"])
        add = "git add --renormalize" if name in checkout.entries else "git add"
        mend = f"{told} >> .gitattributes && git add .gitattributes && {add} -- {path}"
        return Finding(file.use.stage, file.path, what, mend)
    options = shlex.join([word for key, value in _ELSEWHERE.items() for word in ("-c", f"{key}={value}")])
    usual = run_git(root, "config", "--get-regexp", r"^core\.(autocrlf|eol)$").returncode
    again = f"git {'' if usual else f'{options} '}checkout -- {path}"
    strict = run_git(root, "config", "--get", "core.safecrlf").stdout.strip() not in (b"", b"false", b"warn")
    add = f"git {'-c core.safecrlf=false ' if strict else ''}add -- {path}"
    mend = f"{add} && rm -- {path} && {again} && dvc repro"
    return Finding(file.use.stage, file.path, what, mend)


def _pattern(path: str) -> str:
    """A path as a line of .gitattributes or .dvcignore names it."""
    return re.sub(r"([\\*?\[\]])", r"\\\1", path)


def _escaped(text: str) -> str:
    """As git reads it within quotes."""
    return re.sub(r'(["\\])', r"\\\1", text)


def _bytes(names: Iterable[str]) -> bytes:
    return b"\0".join(map(os.fsencode, names))
