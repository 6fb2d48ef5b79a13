"""In a git hook, whether the working tree is what the commit that is being made will hold.

The gate judges the working tree. Each of `git commit`, `git commit -a` and `git commit -- path` has an index of its
own, which the hook is told; where it differs in a file that matters, a verdict would be one on something else.
"""

import shutil
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from verdict.base.errors import VerdictError
from verdict.repo.changed_files import ignored_inputs, relevant
from verdict.repo.git import git
from verdict.repo.revisions import Revision, working_tree

_MOST = 10  # files that a message names


def require_tree_matches_index(root: Path, index: Path) -> str:
    """Compare the working tree with the index of a commit that is being made; which tree that is, in words.

    Neither the index nor the working tree is written.

    Raises:
        VerdictError: they differ in files that the DAG reads, writes or is defined by.
    """
    with TemporaryDirectory(prefix="verdict-") as name:
        place = Path(name) / "index"

        def paths(*arguments: str) -> list[str]:
            variables, settings = {"GIT_INDEX_FILE": str(place)}, {"core.fileMode": "false"}
            return git(root, *arguments, variables=variables, settings=settings).split("\0")

        shutil.copyfile(index, place)
        tree = paths("write-tree")[0].strip()
        # Anew, since the entry of a file can say that nobody need look at it (assume-unchanged, skip-worktree).
        place.unlink()
        paths("-c", "core.sparseCheckout=false", "read-tree", tree)
        how = ("--no-ext-diff", "--no-renames", "--ignore-submodules=none", "--relative", "--name-only", "-z")
        changed = paths("diff", *how)
        added = paths("ls-files", "--others", "--exclude-standard", "-z")
        held = set(paths("ls-files", "-z"))
    commit, here = Revision(root, "the commit that is being made", tree), working_tree(root)
    differing = relevant(changed, commit, here)
    ignored = (name for name in ignored_inputs(here) if not _is_held(name, held))
    left_out = sorted({*relevant(added, commit, here), *ignored})
    if differing or left_out:
        raise _refused(differing, left_out)
    return (
        f"judged: the working tree; in all that the pipeline reads, writes or is defined by it is tree {tree[:10]},"
        " which this commit will hold"
    )


def _is_held(path: str, held: set[str]) -> bool:
    """Whether a commit with these has a file: as one of them, behind a link, or in a submodule."""
    return path in held or any(str(parent) in held for parent in PurePosixPath(path).parents)


def _refused(differing: list[str], left_out: list[str]) -> VerdictError:
    told = [f"other in the working tree: {_listed(differing)}"] if differing else []
    told += [f"not in the commit at all: {_listed(left_out)}"] if left_out else []
    remedy = "git add what belongs to it; set the rest aside: git stash push --keep-index --include-untracked"
    return VerdictError("the commit that is being made", "; ".join(told), remedy)


def _listed(paths: list[str]) -> str:
    more = f" and {len(paths) - _MOST} more" if len(paths) > _MOST else ""
    return ", ".join(paths[:_MOST]) + more
