"""Opens or updates the pull request of a sweep's winner, or of new rows, through GitHub's API.

Its branch is moved by force, but only from a commit whose message has the same mark, such as that of a spec file. So
other commits on the branch are kept, except one that is pushed between the check and the move.
"""

import re
from pathlib import Path
from typing import Any

from verdict.base.errors import VerdictError
from verdict.base.paths import GENERATED, PARAMS
from verdict.ci.github.client import ApiError, GitHub
from verdict.ci.sweep.proposal import FILES, Proposal

# Files that may be committed: params, generated files, pointers to data, and the notes of added rows.
_ALLOWED = re.compile(
    rf"{re.escape(PARAMS)}|{GENERATED.pattern}|data/added\.json|data/(?:[\w-][\w.-]*/)*[\w-][\w.-]*\.dvc"
)
TITLE = "leaderboard"  # of the comment's watermark
_UNCHECKED = (
    "\n\n<p><b>No check runs for this pull request yet:</b> GitHub starts none for what its own token opens or pushes."
    " Close and reopen it, or push to it. With an App of its own (docs/github.md) nobody has to.</p>\n"
)


def open_or_update(github: GitHub, proposal: Proposal, folder: Path, own_token: bool) -> int:
    """Put a proposal on its branch, and open or update the pull request.

    Args:
        github: the API, with a token that may write contents and pull requests.
        proposal: the commit and its texts.
        folder: the folder of its files.
        own_token: true if `github` has the workflow's own token, whose pushes start no checks.

    Returns:
        The number of the pull request.

    Raises:
        VerdictError: the branch has other commits, or GitHub refuses.
    """
    _push(github, proposal, folder)
    base = str(github.get("")["default_branch"])
    owner = github.repository.partition("/")[0]
    texts = {"title": proposal.title, "body": proposal.body + (_UNCHECKED if own_token else "")}
    for pull in github.pages("/pulls", state="open", head=f"{owner}:{proposal.branch}", base=base):
        github.patch(f"/pulls/{pull['number']}", texts)
        print(f"updated pull request {pull['number']}: {proposal.title}")
        return int(pull["number"])
    return _open(github, proposal, {**texts, "head": proposal.branch, "base": base})


def _open(github: GitHub, proposal: Proposal, body: dict[str, str]) -> int:
    try:
        number = int(github.post("/pulls", body)["number"])
    except ApiError as error:
        if error.status != 403:
            raise
        what = f"{error.what}; the branch {proposal.branch} is pushed"
        remedy = "open it by hand, or install the App sweep (docs/github.md, section 3)"
        raise VerdictError("pull request", what, remedy) from None
    print(f"opened pull request {number}: {proposal.title}")
    return number


def _push(github: GitHub, proposal: Proposal, folder: Path) -> None:
    tree = _tree(github, proposal, folder)
    ref = f"heads/{proposal.branch}"
    tip = _tip(github, proposal, ref)
    if tip and tip["tree"]["sha"] == tree and [parent["sha"] for parent in tip["parents"]] == [proposal.baseline]:
        print(f"{proposal.branch} has this already")
        return
    commit = github.create_commit(tree, [proposal.baseline], proposal.message)
    if tip:
        github.update_ref(ref, commit, force=True)
    else:
        github.create_ref(ref, commit)


def _tree(github: GitHub, proposal: Proposal, folder: Path) -> str:
    """Create a tree of the baseline's files with those of the proposal."""
    files: dict[str, Path | None] = {name: folder / FILES / name for name in proposal.files}
    files |= dict.fromkeys(proposal.gone)
    if foreign := [name for name in files if not _ALLOWED.fullmatch(name)]:
        what = "only params.yaml, dvc.lock, metrics/, plots/, pointers and the note of new rows are committed"
        raise VerdictError(foreign[0], what, "report it")
    return github.create_tree(files, proposal.baseline)


def _tip(github: GitHub, proposal: Proposal, ref: str) -> dict[str, Any] | None:
    """Return the branch's commit, which must have the mark; None if there is no such branch."""
    sha = github.tip(ref)
    if sha is None:
        return None
    tip: dict[str, Any] = github.get(f"/git/commits/{sha}")
    if proposal.mark not in tip["message"].splitlines():
        what = f"its last commit, {sha[:10]}, is not ours: nothing was overwritten"
        raise VerdictError(f"branch {proposal.branch}", what, "merge it, or delete or rename the branch")
    return tip
