"""In a git hook, check that the working tree is what the commit that is being made will hold.

The gate judges the working tree. `git commit`, `git commit -a` and `git commit -- path` each pass the hook another
index; if it differs from the tree in a relevant file, the verdict would not be on the commit.
"""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from verdict.base.errors import VerdictError
from verdict.repo.changed_files import ignored_inputs, is_within, relevant
from verdict.repo.git import git
from verdict.repo.revisions import Revision, working_tree

_MOST = 10  # files that a message names


def require_tree_matches_index(root: Path, index: Path) -> str:
    """Compare the working tree with the index of a commit that is being made; return a line that names the tree.

    Neither the index nor the working tree is written.

    Raises:
        VerdictError: they differ in files that the DAG reads, writes or is defined by.
    """
    with TemporaryDirectory(prefix="verdict-") as folder:
        copy = Path(folder) / "index"

        def git_paths(*arguments: str) -> list[str]:
            variables, settings = {"GIT_INDEX_FILE": str(copy)}, {"core.fileMode": "false"}
            return git(root, *arguments, variables=variables, settings=settings).split("\0")

        shutil.copyfile(index, copy)
        tree = git_paths("write-tree")[0].strip()
        # A new index, since an entry can hide changes of its file (assume-unchanged, skip-worktree).
        copy.unlink()
        git_paths("-c", "core.sparseCheckout=false", "read-tree", tree)
        options = ("--no-ext-diff", "--no-renames", "--ignore-submodules=none", "--relative", "--name-only", "-z")
        changed = git_paths("diff", *options)
        added = git_paths("ls-files", "--others", "--exclude-standard", "-z")
        tracked = set(git_paths("ls-files", "-z"))
    commit, working = Revision(root, "the commit that is being made", tree), working_tree(root)
    differing = relevant(changed, commit, working)
    ignored = (name for name in ignored_inputs(working) if not is_within(name, tracked))
    # Tracked files include links and submodules: a file below one is in the commit.
    left_out = sorted({*relevant(added, commit, working), *ignored})
    if differing or left_out:
        raise _mismatch(differing, left_out)
    return (
        f"judged: the working tree; in all that the pipeline reads, writes or is defined by it is tree {tree[:10]},"
        " which this commit will hold"
    )


def _mismatch(differing: list[str], left_out: list[str]) -> VerdictError:
    reasons = [f"other in the working tree: {_shorten(differing)}"] if differing else []
    reasons += [f"not in the commit at all: {_shorten(left_out)}"] if left_out else []
    remedy = "git add what belongs to it; set the rest aside: git stash push --keep-index --include-untracked"
    return VerdictError("the commit that is being made", "; ".join(reasons), remedy)


def _shorten(paths: list[str]) -> str:
    more = f" and {len(paths) - _MOST} more" if len(paths) > _MOST else ""
    return ", ".join(paths[:_MOST]) + more
