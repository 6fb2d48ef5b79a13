"""Restores main's results, byte for byte those of its dvc.lock, on a machine that has none: experiments need them."""

from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.base.paths import GENERATED
from verdict.ci.run.reproduce import disable_remote, remote_answers, stage_outputs
from verdict.repo import repro
from verdict.repo.git import git
from verdict.repo.lock.lockfile import LOCK
from verdict.repo.raw_data import raw_data
from verdict.repo.revisions import working_tree
from verdict.repo.sources import obtain_data, obtain_targets


def baseline(root: Path, remote: bool) -> None:
    """Put all outputs of dvc.lock into cache and working tree: from the cache, the remote, or by running the stages.

    Args:
        root: a checkout of main.
        remote: whether DVC's remote may be used.

    Raises:
        VerdictError: a stage failed, or running gives other results than dvc.lock has.
    """
    remote = remote and remote_answers(root)
    if not remote:
        disable_remote(root)
    outputs = stage_outputs((root / LOCK).read_text(encoding="utf-8"))
    cached = [path for path in outputs if not GENERATED.fullmatch(path)]
    # Not in one: DVC checks out nothing of the others where a pointer is among the targets.
    pointer = raw_data(working_tree(root)).pointer
    missing = obtain_targets(root, [pointer], remote) or obtain_targets(root, cached, remote)
    if not missing:
        print("main's results are at hand")
        return
    print(f"running main's stages: {missing}")
    obtain_data(root, remote)
    repro.reproduce(root)
    if changed := git(root, "status", "--porcelain", "--untracked-files=no").split():
        what = f"running them gives other results than main has: {', '.join(changed[1::2])}"
        remedy = "let main.yml run first, or push main's results (docs/remote.md); is this machine of main's kind?"
        raise VerdictError("main's stages", what, remedy)
