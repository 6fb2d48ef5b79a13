"""The winner's pull request, through GitHub's API: one a spec file, opened once and updated by later sweeps.

Its branch is moved by force, and only from a commit whose message a sweep of the same spec file wrote: somebody's own
commits on it stay, except one that is pushed between the look and the move.
"""

from base64 import b64encode
from pathlib import Path
from typing import Any

from verdict.base.errors import VerdictError
from verdict.base.paths import GENERATED
from verdict.ci.github.client import ApiError, GitHub
from verdict.ci.sweep.proposal import FILES, Proposal, mark
from verdict.repo.revisions import PARAMS

TITLE = "leaderboard"  # of the comment's watermark
_UNCHECKED = (
    "\n\n<p><b>No check runs for this pull request yet:</b> GitHub starts none for what its own token opens or pushes."
    " Close and reopen it, or push to it. With an App of its own (docs/github.md) nobody has to.</p>\n"
)


def open_or_update(github: GitHub, proposal: Proposal, folder: Path, own_token: bool) -> int:
    """Put the winner on its branch, and open or update the pull request.

    Args:
        github: the API, with a token that may write contents and pull requests.
        proposal: what to propose.
        folder: where its files lie.
        own_token: whether that is the workflow's own token, whose deeds start no checks.

    Returns:
        The number of the pull request.

    Raises:
        VerdictError: the branch has commits of somebody else, or GitHub refuses.
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
    tip = _tip(github, proposal)
    if tip and tip["tree"]["sha"] == tree and [one["sha"] for one in tip["parents"]] == [proposal.baseline]:
        print(f"{proposal.branch} has this winner already")
        return
    body = {"message": proposal.message, "tree": tree, "parents": [proposal.baseline]}
    commit = str(github.post("/git/commits", body)["sha"])
    if tip:
        github.patch(f"/git/refs/heads/{proposal.branch}", {"sha": commit, "force": True})
    else:
        github.post("/git/refs", {"ref": f"refs/heads/{proposal.branch}", "sha": commit})


def _tree(github: GitHub, proposal: Proposal, folder: Path) -> str:
    """The baseline's files with those of the winner."""
    entries: list[dict[str, Any]] = []
    for name in (*proposal.files, *proposal.gone):
        if name != PARAMS and not GENERATED.fullmatch(name):
            raise VerdictError(name, "only params.yaml, dvc.lock, metrics/ and plots/ are committed", "report it")
        blob = None
        if name in proposal.files:
            content = b64encode((folder / FILES / name).read_bytes()).decode()
            blob = github.post("/git/blobs", {"content": content, "encoding": "base64"})["sha"]
        entries.append({"path": name, "mode": "100644", "type": "blob", "sha": blob})
    base = github.get(f"/git/commits/{proposal.baseline}")["tree"]["sha"]
    return str(github.post("/git/trees", {"base_tree": base, "tree": entries})["sha"])


def _tip(github: GitHub, proposal: Proposal) -> dict[str, Any] | None:
    """The branch's commit, where it is a sweep's; None where there is no such branch."""
    try:
        sha = github.get(f"/git/ref/heads/{proposal.branch}")["object"]["sha"]
    except ApiError as error:
        if error.status != 404:
            raise
        return None
    tip: dict[str, Any] = github.get(f"/git/commits/{sha}")
    if mark(proposal.spec) not in tip["message"].splitlines():
        what = f"its last commit, {sha[:10]}, is not a sweep's: nothing was overwritten"
        raise VerdictError(f"branch {proposal.branch}", what, "merge it, or delete or rename the branch")
    return tip
