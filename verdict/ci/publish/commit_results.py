"""The reproduced dvc.lock, metrics/ and plots/, committed to the pull request's branch for an author without a GPU.

By the API and the token of a GitHub App: the default token's commits start no checks. The branch moves only from the
very head that was judged; where somebody pushed meanwhile, nothing happens.
"""

from base64 import b64encode
from pathlib import Path
from urllib.parse import quote

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
    files = sorted(path for path in (folder / LOCK_FOLDER).rglob("*") if path.is_file())
    if not verdict.lock or not files:
        raise VerdictError(str(folder), "no lock to commit", "set the label reproduce on the pull request's head")
    head = github.get(f"/git/commits/{verdict.head}")
    entries = []
    for path in files:
        name = path.relative_to(folder / LOCK_FOLDER).as_posix()
        if not GENERATED.fullmatch(name):
            raise VerdictError(name, "only dvc.lock, metrics/ and plots/ are committed", "a defect: report it")
        content = b64encode(path.read_bytes()).decode()
        blob = github.post("/git/blobs", {"content": content, "encoding": "base64"})
        entries.append({"path": name, "mode": "100644", "type": "blob", "sha": blob["sha"]})
    tree = github.post("/git/trees", {"base_tree": head["tree"]["sha"], "tree": entries})
    body = {"message": _MESSAGE.format(head=verdict.head), "tree": tree["sha"], "parents": [verdict.head]}
    commit = str(github.post("/git/commits", body)["sha"])
    try:
        github.patch(f"/git/refs/heads/{quote(verdict.branch, safe='/')}", {"sha": commit, "force": False})
    except ApiError as error:
        if error.status != 422:
            raise
        remedy = "set the label again on the new head"
        raise VerdictError(verdict.branch, "was pushed to meanwhile, nothing was committed", remedy) from None
    return commit
