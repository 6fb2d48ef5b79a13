"""The reproduced dvc.lock, metrics/ and plots/, committed to the pull request's branch for an author without a GPU.

By the API and the token of a GitHub App: the default token's commits start no checks. The branch moves only from the
very head that was judged; where somebody pushed meanwhile, nothing happens.
"""

from pathlib import Path

from verdict.base.errors import VerdictError
from verdict.base.paths import GENERATED
from verdict.ci.github.client import ApiError, GitHub
from verdict.ci.publish.verdict import LOCK_FOLDER, read

_MESSAGE = "Reproduced dvc.lock, metrics and plots\n\nBy CI, asked for by the label `reproduce` on {head}."


def commit_lock(github: GitHub, folder: Path) -> str:
    """Commit what the judge laid aside.

    Args:
        github: the API, with the App's token.
        folder: what the judge wrote.

    Returns:
        The new commit.

    Raises:
        VerdictError: nothing was laid aside, or the branch has moved on.
    """
    verdict = read(folder)
    held = folder / LOCK_FOLDER
    files = {path.relative_to(held).as_posix(): path for path in sorted(held.rglob("*")) if path.is_file()}
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
