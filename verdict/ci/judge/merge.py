"""Computes the merge of a change with main, with the results of its run.

The merge becomes a commit of the judge's own clone, so that the review reads it like any other. Nothing of it is
executed, and none of its settings count: `.dvc/config` is main's.
"""

from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.base.paths import GENERATED
from verdict.ci.judge.bounds import require_small
from verdict.ci.judge.safety import require_safe
from verdict.repo.environment import StringMap
from verdict.repo.git import git, run_git
from verdict.repo.lock.lockfile import LOCK
from verdict.repo.revisions import Revision

_AS = {"GIT_AUTHOR_NAME": "verdict", "GIT_AUTHOR_EMAIL": "verdict@localhost"}
_AUTHOR = {**_AS, **{name.replace("AUTHOR", "COMMITTER"): value for name, value in _AS.items()}}
_CONFIG = ".dvc/config"
_NOTHING = "0" * 40
# GitHub's merge looks at no .gitattributes, where `dvc.lock -merge` asks for a conflict (tried: tsouza/cerberus#1668).
# Nor does a bare repository; git 2.43 to 2.45 does there, unless another tree is named, here the empty one.
_WITHOUT_ATTRIBUTES = ("--bare", "-c", "attr.tree=4b825dc642cb6eb9a060e54bf8d69288fbee4904")


@dataclass(frozen=True)
class Merge:
    """A change merged with main: `base` and `head` are commits, `tree` the merged files."""

    root: Path
    base: str
    head: str
    tree: str

    def commit(self, tree: str | None = None) -> str:
        """Commit the merged files, or another tree; return the commit."""
        return _git(self.root, "commit-tree", "-p", self.base, "-p", self.head, "-m", "merge", tree or self.tree)


def fetch(root: Path, ref: str, token: str | None) -> str:
    """Fetch the objects of a ref of `origin`, and return its commit. The token is passed by environment."""
    settings = {}
    if token and git(root, "remote", "get-url", "origin").startswith("https://"):
        header = b64encode(f"x-access-token:{token}".encode()).decode()
        settings = {"http.extraHeader": f"Authorization: Basic {header}"}
    target = "refs/verdict/candidate"
    _git(root, "fetch", "--quiet", "--no-tags", "--force", "origin", f"+{ref}:{target}", settings=settings)
    return _git(root, "rev-parse", f"{target}^{{commit}}")


def merge(root: Path, base: str, head: str) -> Merge:
    """Merge two commits as GitHub would.

    Conflicts in generated files are allowed, since the run's results replace these files.

    Raises:
        VerdictError: there are other conflicts or no common history, or `verdict.ci.judge.safety` or
            `verdict.ci.judge.bounds` refuse the merge.
    """
    require_small(root, base, head)
    tree, *conflicts = _merge_tree(root, base, head)
    if authored := [path for path in conflicts if not GENERATED.fullmatch(path)]:
        what = f"conflicts in {', '.join(authored[:5])}"
        raise VerdictError("the merge with main", what, "git pull --no-rebase origin HEAD")
    merged = Merge(root, base, head, tree)
    require_safe(Revision(root, "main", base), Revision(root, "the merge with main", merged.commit()))
    return merged


def is_update(root: Path, main: str, commit: str) -> bool:
    """Return whether a commit only merges some state of main into a branch, so that nobody wrote any of its content."""
    parents = _git(root, "rev-list", "--max-count=1", "--parents", commit).split()[1:]
    if len(parents) != 2 or run_git(root, "merge-base", "--is-ancestor", parents[1], main).returncode:
        return False
    return _merge_tree(root, *parents) == [_git(root, "rev-parse", f"{commit}^{{tree}}")]


def _merge_tree(root: Path, base: str, head: str) -> list[str]:
    """Return the tree of the merge of two commits, followed by the files that conflict."""
    command = (*_WITHOUT_ATTRIBUTES, "merge-tree", "--write-tree", "--name-only", "--no-messages", "-z")
    folder = Path(_git(root, "rev-parse", "--absolute-git-dir"))
    process = run_git(folder, *command, base, head)
    printed, errors = (text.decode("utf-8", errors="replace") for text in (process.stdout, process.stderr))
    if process.returncode not in (0, 1):
        raise VerdictError("git merge-tree", " ".join(errors.split())[:300], "fetch both histories in full")
    return list(filter(None, printed.split("\0")))


def with_results(merged: Merge, folder: Path) -> str:
    """Commit the merge with the run's dvc.lock, metrics/ and plots/ in place of the committed ones."""
    lines = [f"0 {_NOTHING}\t{path}" for path in _generated_in(merged)]
    for name in generated_files(folder):
        blob = _git(merged.root, "hash-object", "-w", "--no-filters", str(folder / name))
        lines.append(f"100644 {blob}\t{name}")
    return merged.commit(tree_of(merged, [*lines, _config(merged)]))


def generated_files(folder: Path) -> list[str]:
    """Return the names of dvc.lock and the files of metrics/ and plots/ in a folder."""
    names = (path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file())
    return [name for name in names if GENERATED.fullmatch(name)]


def as_committed(merged: Merge) -> str:
    """Commit the merge as the author committed it, but with main's DVC settings."""
    return merged.commit(tree_of(merged, [_config(merged)]))


def _config(merged: Merge) -> str:
    """Return the index entry of main's DVC settings; those of the change are never read."""
    entry = _git(merged.root, "ls-tree", merged.base, "--", _CONFIG)
    return entry.replace(" blob ", " ") if entry else f"0 {_NOTHING}\t{_CONFIG}"


def _generated_in(merged: Merge) -> list[str]:
    """Return the files of the merge that stages write, by main's dvc.lock and the committed one."""
    outputs = {LOCK}
    for revision in (merged.base, merged.commit()):
        try:
            outputs.update(Revision(merged.root, "", revision).outputs)
        except VerdictError:  # no lock, or an unreadable one: its outputs are not known
            continue
    paths = _git(merged.root, "ls-tree", "-r", "-z", "--name-only", "--full-tree", merged.tree).split("\0")
    return [path for path in paths if path in outputs and GENERATED.fullmatch(path)]


def tree_of(merged: Merge, lines: list[str]) -> str:
    """Return the merged tree with entries replaced, added or (mode 0) removed, in the format of `git update-index`."""
    index = {"GIT_INDEX_FILE": str(Path(_git(merged.root, "rev-parse", "--absolute-git-dir")) / "verdict-index")}
    entries = "".join(f"{line}\0" for line in lines)
    try:
        _git(merged.root, "read-tree", merged.tree, variables=index)
        _git(merged.root, "update-index", "-z", "--index-info", stdin=entries, variables=index)
        return _git(merged.root, "write-tree", variables=index)
    finally:
        Path(index["GIT_INDEX_FILE"]).unlink(missing_ok=True)


def _git(
    root: Path, *arguments: str, stdin: str = "", variables: StringMap | None = None, settings: StringMap | None = None
) -> str:
    return git(root, *arguments, stdin=stdin, variables={**_AUTHOR, **(variables or {})}, settings=settings).strip()
