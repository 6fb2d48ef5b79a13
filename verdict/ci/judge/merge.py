"""The change as the judge sees it: the merge with main, computed here, with the results that the run brought.

It becomes a commit of the judge's own clone, so that the review reads it like any other. Nothing of it is executed, and
no setting of it counts: `.dvc/config` is main's.
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
from verdict.repo.lock.check import LOCK
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
        """A commit of the merged files, or of another tree."""
        return _git(self.root, "commit-tree", "-p", self.base, "-p", self.head, "-m", "merge", tree or self.tree)


def fetch(root: Path, ref: str, token: str | None) -> str:
    """Fetch a ref of `origin` as objects; the commit it points at. The token goes by environment, not by arguments."""
    settings = {}
    if token and git(root, "remote", "get-url", "origin").startswith("https://"):
        header = b64encode(f"x-access-token:{token}".encode()).decode()
        settings = {"http.extraHeader": f"Authorization: Basic {header}"}
    target = "refs/verdict/candidate"
    _git(root, "fetch", "--quiet", "--no-tags", "--force", "origin", f"+{ref}:{target}", settings=settings)
    return _git(root, "rev-parse", f"{target}^{{commit}}")


def merge(root: Path, base: str, head: str) -> Merge:
    """Merge two commits as GitHub would.

    Files that a run writes anew may conflict: what the run brings takes their place.

    Raises:
        VerdictError: they conflict elsewhere, have no history in common, or bring what `verdict.ci.judge.safety` and
            `verdict.ci.judge.bounds` refuse.
    """
    require_small(root, base, head)
    tree, *conflicts = _merged(root, base, head)
    other = [path for path in conflicts if not GENERATED.fullmatch(path)]
    if other:
        raise VerdictError(
            "the merge with main", f"conflicts in {', '.join(other[:5])}", "git pull --no-rebase origin HEAD"
        )
    merged = Merge(root, base, head, tree)
    require_safe(Revision(root, "main", base), Revision(root, "the merge with main", merged.commit()))
    return merged


def is_update(root: Path, main: str, commit: str) -> bool:
    """Whether a commit merges some state of main into another, and is what merging gives: nobody wrote any of it."""
    parents = _git(root, "rev-list", "--max-count=1", "--parents", commit).split()[1:]
    if len(parents) != 2 or run_git(root, "merge-base", "--is-ancestor", parents[1], main).returncode:
        return False
    return _merged(root, *parents) == [_git(root, "rev-parse", f"{commit}^{{tree}}")]


def _merged(root: Path, base: str, head: str) -> list[str]:
    """The tree that merging two commits gives, and the files that conflict."""
    command = (*_WITHOUT_ATTRIBUTES, "merge-tree", "--write-tree", "--name-only", "--no-messages", "-z")
    folder = Path(_git(root, "rev-parse", "--absolute-git-dir"))
    done = run_git(folder, *command, base, head)
    printed, said = (text.decode("utf-8", errors="replace") for text in (done.stdout, done.stderr))
    if done.returncode not in (0, 1):
        raise VerdictError("git merge-tree", " ".join(said.split())[:300], "fetch both histories in full")
    return list(filter(None, printed.split("\0")))


def with_results(merged: Merge, folder: Path) -> str:
    """A commit of the merge, with what the run wrote (dvc.lock, metrics/, plots/) in place of what was committed."""
    lines = [f"0 {_NOTHING}\t{path}" for path in _generated(merged)]
    for path in (path for path in sorted(folder.rglob("*")) if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if GENERATED.fullmatch(name):
            blob = _git(merged.root, "hash-object", "-w", "--no-filters", str(path))
            lines.append(f"100644 {blob}\t{name}")
    return merged.commit(tree_of(merged, [*lines, _config(merged)]))


def as_committed(merged: Merge) -> str:
    """The merge with all that the author committed, but for DVC's settings: a commit."""
    return merged.commit(tree_of(merged, [_config(merged)]))


def _config(merged: Merge) -> str:
    """Main's DVC settings: those of a stranger are never read."""
    entry = _git(merged.root, "ls-tree", merged.base, "--", _CONFIG)
    return entry.replace(" blob ", " ") if entry else f"0 {_NOTHING}\t{_CONFIG}"


def _generated(merged: Merge) -> list[str]:
    """The files of the merge that stages wrote, by main's dvc.lock and the committed one."""
    named = {LOCK}
    for revision in (merged.base, merged.commit()):
        try:
            named.update(Revision(merged.root, "", revision).outputs)
        except VerdictError:  # no lock, or one that cannot be read: what it should name is not known
            continue
    listed = _git(merged.root, "ls-tree", "-r", "-z", "--name-only", "--full-tree", merged.tree).split("\0")
    return [path for path in listed if path in named and GENERATED.fullmatch(path)]


def tree_of(merged: Merge, lines: list[str]) -> str:
    """The merged tree with entries replaced, added or (mode 0) removed, in the words of `git update-index`."""
    index = {"GIT_INDEX_FILE": str(Path(_git(merged.root, "rev-parse", "--absolute-git-dir")) / "verdict-index")}
    try:
        _git(merged.root, "read-tree", merged.tree, variables=index)
        _git(
            merged.root,
            "update-index",
            "-z",
            "--index-info",
            stdin="".join(f"{line}\0" for line in lines),
            variables=index,
        )
        return _git(merged.root, "write-tree", variables=index)
    finally:
        Path(index["GIT_INDEX_FILE"]).unlink(missing_ok=True)


def _git(
    root: Path, *arguments: str, stdin: str = "", variables: StringMap | None = None, settings: StringMap | None = None
) -> str:
    return git(root, *arguments, stdin=stdin, variables={**_AUTHOR, **(variables or {})}, settings=settings).strip()
