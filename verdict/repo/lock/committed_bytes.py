"""Check that git stores the same bytes as the working tree: else other clones differ, though `git status` is clean.

git converts files on the way in and out, as attributes and settings say: line ends, filters (Git LFS, nbstripout),
`ident`, encodings. DVC hashes the files here. git itself gives the bytes that other clones will have, in a copy of its
index and a separate object folder, so that nothing changes. Filters count as absent elsewhere, as they are in CI.
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

from verdict.repo.checkout import Checkout, checkout_of, split_names
from verdict.repo.git import git_bytes, run_git
from verdict.repo.lock.finding import Finding, repro_command

_ATTRIBUTES = ("eol", "filter", "ident", "working-tree-encoding")
_UNSET = (b"unspecified", b"unset")
# A clone without user and system settings for line ends.
_DEFAULTS = {"core.autocrlf": "false", "core.eol": "lf"}
_DENSE = ("git", "checkout", "--ignore-skip-worktree-bits", "--")
# Paths that stages can read without declaring them: states, weights, this Python (verdict/repo/isolation).
_UNDECLARED = re.compile(r"\.checkpoints/.*|data/start/[^/]+/.*|\.venv/.*")
_NO_CONVERSION = "-text -ident -filter !working-tree-encoding"


@dataclass(frozen=True, slots=True)
class TrackedPath:
    """A dependency or output that git keeps: a stage that names it, its files, and whether it is an output."""

    stage: str
    path: str
    files: tuple[str, ...]
    is_output: bool


@dataclass(frozen=True, slots=True)
class _File:
    """A file of the checkout: its dependency or output, its path and its bytes."""

    owner: TrackedPath
    path: str
    raw: bytes


def findings(root: Path, tracked_paths: Iterable[TrackedPath], is_ignored: Callable[[str], bool]) -> list[Finding]:
    """Return findings for files whose bytes another clone will not have; none if git does not track this tree.

    Args:
        root: the project's root.
        tracked_paths: the dependencies and outputs that git keeps.
        is_ignored: whether DVC ignores a file.
    """
    root = root.resolve()  # as git resolves it
    checkout = checkout_of(root)
    if checkout is None:
        return []
    files: dict[str, _File] = {}
    result = []
    for tracked in sorted(tracked_paths, key=lambda item: not item.is_output):
        for file in tracked.files:
            place = Path(file).resolve()  # git keeps a link as a link, and its target as a separate file
            if place.is_relative_to(checkout.top) and place.is_file():
                name = place.relative_to(checkout.top).as_posix()
                if checkout.is_in_submodule(name):
                    continue  # git status shows what is not committed there
                files.setdefault(name, _File(tracked, place.relative_to(root).as_posix(), place.read_bytes()))
        if (root / tracked.path).is_dir() and not tracked.files and not any((root / tracked.path).iterdir()):
            keep = shlex.quote(f"{tracked.path}/.gitkeep")
            what = "an empty folder, which git does not keep: no other clone has it"
            result.append(Finding(tracked.stage, tracked.path, what, f"touch {keep} && git add {keep} && dvc repro"))
        result += _sparse_findings(root, checkout, tracked, is_ignored)
    result += _undeclared(root, checkout, files)
    return [*result, *_ignored(root, checkout, files), *_differing(root, checkout, files)]


def restore_command(root: Path, path: str) -> str:
    """Return the command that restores an absent file."""
    entry = run_git(root, "ls-files", "-v", "--", f":(literal){path}").stdout
    if entry:
        return shlex.join([*(_DENSE if entry.startswith(b"S") else ("git", "checkout", "--")), path])
    folders = [str(folder) for folder in Path(path).parents if (root / folder).is_dir() and folder != Path()]
    if folders and run_git(root, "ls-files", "--stage", "--", f":(literal){folders[-1]}").stdout.startswith(b"160000"):
        return shlex.join(["git", "submodule", "update", "--init", "--", folders[-1]])
    return f"bring {path} back, or take it out of dvc.yaml"


def _sparse_findings(
    root: Path, checkout: Checkout, tracked: TrackedPath, is_ignored: Callable[[str], bool]
) -> Iterator[Finding]:
    """Yield a finding for a folder that a sparse checkout has in part: other clones have more of it."""
    folder = root / tracked.path
    if folder.is_dir() and folder.is_relative_to(checkout.top):
        prefix = f"{folder.relative_to(checkout.top).as_posix()}/"
        sparse = [name for name, (tag, _, _) in checkout.entries.items() if tag == "S" and name.startswith(prefix)]
        missing = [name for name in sparse if not (checkout.top / name).exists()]
        paths = [(checkout.top / name).relative_to(root).as_posix() for name in missing]
        if paths := [path for path in paths if not is_ignored(str(root / path))]:
            what = "a sparse checkout leaves it out: every other clone has it"
            yield Finding(tracked.stage, paths[0], what, f"{shlex.join([*_DENSE, *paths])} && dvc repro")


def _undeclared(root: Path, checkout: Checkout, files: dict[str, _File]) -> Iterator[Finding]:
    """Yield files in git that every stage can read undeclared: their changes would go unnoticed."""
    for name in sorted(checkout.entries.keys() - files.keys()):
        path = os.path.relpath(checkout.top / name, root)
        if _UNDECLARED.fullmatch(path):
            mend = f"git rm --cached -- {shlex.quote(path)}"
            yield Finding("every stage", path, "git keeps it, and stages can read it that do not name it", mend)


def _ignored(root: Path, checkout: Checkout, files: dict[str, _File]) -> list[Finding]:
    """Return findings for files that git ignores: no other clone has them."""
    untracked = [name for name in files if name not in checkout.entries]
    if not untracked:
        return []
    ignored = run_git(checkout.top, "check-ignore", "-z", "--stdin", stdin=_null_separated(untracked)).stdout
    by_owner: dict[TrackedPath, list[str]] = {}
    for name in split_names(ignored):
        by_owner.setdefault(files[name].owner, []).append(files[name].path)
    return [_ignored_finding(root, owner, paths) for owner, paths in by_owner.items()]


def _ignored_finding(root: Path, owner: TrackedPath, paths: list[str]) -> Finding:
    what = "git ignores it: no other clone has it"
    if owner.is_output or (root / owner.path).is_file():
        return Finding(owner.stage, owner.path, what, shlex.join(["git", "add", "--force", "--", *paths]))
    patterns = sorted({"__pycache__/" if "__pycache__" in path else f"/{_pattern(path)}" for path in paths})
    if len(paths) > 1:
        what = f"{what}; so it is with {len(paths) - 1} more files in {owner.path}"
    pattern_lines = shlex.join(["printf", r"%s\n", *patterns])
    return Finding(owner.stage, paths[0], what, f"{pattern_lines} >> .dvcignore && {repro_command(owner.stage)}")


def _differing(root: Path, checkout: Checkout, files: dict[str, _File]) -> list[Finding]:
    attributes = _attributes(checkout.top, list(files))
    names = [name for name, file in files.items() if _may_differ(checkout, name, file.raw, attributes[name])]
    filtered = {name for name in names if attributes[name]["filter"] not in _UNSET}
    contents = _other_clones_bytes(checkout, {name: files[name].raw for name in names}, filtered) if names else {}
    return [_finding(root, checkout, name, files[name], content) for name, content in contents.items()]


def _attributes(top: Path, names: list[str]) -> dict[str, dict[str, bytes]]:
    attributes: dict[str, dict[str, bytes]] = {name: {} for name in names}
    output = git_bytes(top, "check-attr", "-z", "--stdin", *_ATTRIBUTES, stdin=_null_separated(names))
    fields = output.split(b"\0")
    for path, attribute, value in zip(fields[0::3], fields[1::3], fields[2::3], strict=False):
        attributes[os.fsdecode(path)][attribute.decode()] = value
    return attributes


def _may_differ(checkout: Checkout, name: str, raw: bytes, attributes: dict[str, bytes]) -> bool:
    """Return whether git has other bytes of a file, or may convert it on the way in or out."""
    if b"\r\n" in raw or (attributes["eol"] == b"crlf" and b"\n" in raw):
        return True
    if attributes["ident"] == b"set" and b"$Id" in raw:
        return True
    if any(attributes[attribute] not in _UNSET for attribute in ("filter", "working-tree-encoding")):
        return True
    return name in checkout.entries and checkout.entries[name][2] != checkout.blob_hash(raw)


def _other_clones_bytes(checkout: Checkout, files: dict[str, bytes], filtered: set[str]) -> dict[str, bytes | None]:
    """Return the bytes that another clone will have, for files where they differ; None for a filter's output."""
    mark = token_hex(16)
    with TemporaryDirectory(prefix="verdict-") as folder:
        variables = {
            "GIT_INDEX_FILE": str(Path(folder) / "index"),
            "GIT_OBJECT_DIRECTORY": folder,
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": f'"{_escaped(str(checkout.objects))}"',  # a colon ends a path
        }
        shutil.copyfile(checkout.index, variables["GIT_INDEX_FILE"])
        adding, settings = ("update-index", "-z", "--add", "--stdin"), {"core.safecrlf": "false"}
        git_bytes(checkout.top, *adding, stdin=_null_separated(files), variables=variables, settings=settings)
        lines = split_names(git_bytes(checkout.top, "ls-files", "-z", "--stage", variables=variables))
        splits = (line.partition("\t") for line in lines)
        stored = {path: entry.split()[1] for entry, _, path in splits if path in files}
        names = [name for name in stored if name not in filtered and "\n" not in name]
        queries = os.fsencode("".join(f"{stored[name]} {name}\n" for name in names))
        reading = ("cat-file", f"--batch={mark}", "--filters")
        output = git_bytes(checkout.top, *reading, stdin=queries, variables=variables, settings=_DEFAULTS)
    # Separated by a mark, since the size that git prints is that of the stored bytes.
    contents = (b"\n" + output[:-1]).split(b"\n" + mark.encode() + b"\n")[1:]
    differing = {name: None for name in filtered if stored[name] != checkout.blob_hash(files[name])}
    return differing | {name: content for name, content in zip(names, contents, strict=True) if content != files[name]}


def _finding(root: Path, checkout: Checkout, name: str, file: _File, content: bytes | None) -> Finding:
    tag, _, _ = checkout.entries.get(name, ("", "", ""))
    path = shlex.quote(file.path)
    flag = "assume-unchanged" if tag.islower() else "skip-worktree" if tag == "S" else None
    if flag:
        what = f"git was told to overlook its changes ({flag}), and stores other bytes than lie here"
        mend = f"git update-index --no-{flag} -- {path} && git add -- {path}"
        return Finding(file.owner.stage, file.path, what, mend)
    line_ends = content is not None and file.raw.replace(b"\r\n", b"\n") == content.replace(b"\r\n", b"\n")
    why = "a filter" if content is None else "line ends" if line_ends else "ident, an encoding or older attributes"
    what = f"git stores other bytes than lie here ({why}): no other clone has these, though git status is clean"
    if content is None or file.owner.is_output:
        pattern = f"/{_pattern(file.path)}"
        quoted = f'"{_escaped(pattern)}"' if re.search(r'[\s"]', pattern) else pattern
        attribute_line = shlex.join(["echo", f"{quoted} {_NO_CONVERSION}"])
        add = "git add --renormalize" if name in checkout.entries else "git add"
        mend = f"{attribute_line} >> .gitattributes && git add .gitattributes && {add} -- {path}"
        return Finding(file.owner.stage, file.path, what, mend)
    options = shlex.join([word for key, value in _DEFAULTS.items() for word in ("-c", f"{key}={value}")])
    no_setting = run_git(root, "config", "--get-regexp", r"^core\.(autocrlf|eol)$").returncode
    checkout_command = f"git {'' if no_setting else f'{options} '}checkout -- {path}"
    strict = run_git(root, "config", "--get", "core.safecrlf").stdout.strip() not in (b"", b"false", b"warn")
    add = f"git {'-c core.safecrlf=false ' if strict else ''}add -- {path}"
    mend = f"{add} && rm -- {path} && {checkout_command} && dvc repro"
    return Finding(file.owner.stage, file.path, what, mend)


def _pattern(path: str) -> str:
    """Return a path as a pattern of .gitattributes or .dvcignore."""
    return re.sub(r"([\\*?\[\]])", r"\\\1", path)


def _escaped(text: str) -> str:
    """Return text escaped for git's quotes."""
    return re.sub(r'(["\\])', r"\\\1", text)


def _null_separated(names: Iterable[str]) -> bytes:
    return b"\0".join(map(os.fsencode, names))
