"""Commits the reproduced dvc.lock, metrics/ and plots/ to the pull request's branch, for authors without a GPU.

This uses the token of a GitHub App, since commits by the default token start no checks. The branch moves only from the
head that was judged, so commits that were pushed meanwhile stay.
"""

from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.base.paths import GENERATED
from verdict.ci.github.client import ApiError, GitHub
from verdict.ci.publish.verdict import LOCK_FOLDER, read

_MESSAGE = "Reproduced dvc.lock, metrics and plots\n\nBy CI, asked for by the label `reproduce` on {head}."


def commit_lock(github: GitHub, folder: Path) -> str:
    """Commit the files that the judge saved.

    Args:
        github: the API, with the App's token.
        folder: the folder that the judge wrote.

    Returns:
        The new commit.

    Raises:
        VerdictError: there are no such files, or the branch has moved on.
    """
    verdict = read(folder)
    source = folder / LOCK_FOLDER
    files = {path.relative_to(source).as_posix(): path for path in sorted(source.rglob("*")) if path.is_file()}
    if not verdict.lock or not files:
        raise VerdictError(str(folder), "no lock to commit", "set the label reproduce on the pull request's head")
    if foreign := [name for name in files if not GENERATED.fullmatch(name)]:
        raise VerdictError(foreign[0], "only dvc.lock, metrics/ and plots/ are committed", "a defect: report it")
    message = _MESSAGE.format(head=verdict.head)
    commit = github.create_commit(github.create_tree(files, verdict.head), [verdict.head], message)
    try:
        github.update_ref(f"heads/{verdict.branch}", commit)
    except ApiError as error:
        if error.status != 422:
            raise
        remedy = "set the label again on the new head"
        raise VerdictError(verdict.branch, "was pushed to meanwhile, nothing was committed", remedy) from None
    return commit
