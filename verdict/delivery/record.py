"""The record of a roll at GitHub: the stage's tag on what serves, and one issue while main is ahead of it."""

from pathlib import Path

from pydantic import ValidationError

from verdict.base.errors import VerdictError
from verdict.base.printable import plain
from verdict.ci.github.client import GitHub
from verdict.ci.github.issues import sync_issue
from verdict.delivery.host.orders import STATUS_JSON
from verdict.delivery.host.state import State
from verdict.delivery.registry import Tag, assign, find_version, versions
from verdict.repo.git import git

LABEL = "delivery"
_TITLE = "Main is ahead of {0}: what was released there does not serve"
_BODY = """\
{serves} serves on {environment}. Main has {newest}, and the last roll ended as *{outcome}*:

```
{reason}
```

Since {serves}:

{commits}

Either a release that mends it follows, or main goes back to what serves, by a pull request with

```sh
git switch -c back-to-{serves} origin/{main}
git restore --source={tag} --staged --worktree -- .
git commit --message 'Back to {serves}'
```

or by the button *Revert* of one of the pull requests above. {url}
"""
_BACK = "{serves} serves on {environment} after a roll that held: {url}"
_MOST = 50  # commits that the issue names


def read_state(path: Path, environment: str) -> State:
    """Read the output of `verdict deploy status --json`; `VerdictError` when it is invalid, or of another host."""
    try:
        state = STATUS_JSON.validate_json(path.read_bytes()).state
    except (OSError, ValidationError) as error:
        what = plain(f"the host did not say what serves: {error}")
        raise VerdictError(str(path), what, "verdict deploy status --json on the host says why") from None
    if state.environment != environment:
        raise VerdictError(str(path), f"is of {state.environment}", f"is the runner serve-{environment} on that host?")
    return state


def record(root: Path, state: State, login: str) -> str:
    """Set the stage's tag to what serves, as the account `login`; return the version, empty where none serves."""
    if state.stable is None:
        return ""
    tag = find_version(root, state.stable.version)
    assign(root, tag, state.environment, login)
    return tag.version


def report_ahead(root: Path, github: GitHub, state: State, url: str) -> None:
    """Open the environment's one issue after a roll that did not hold, or update it; close it after one that did."""
    newest = versions(root)[0]
    if state.stable is None or state.outcome not in ("promoted", "rolled back", "failed", "undecided"):
        return
    serves, names = find_version(root, state.stable.version), {"environment": state.environment, "url": url}
    body = ""
    if state.outcome != "promoted" and serves != newest:
        main = str(github.get("")["default_branch"])
        names |= {"newest": newest.version, "main": main, "tag": serves.name, "outcome": state.outcome}
        names |= {"reason": plain(state.reason).replace("`", "'"), "commits": _between(root, github, serves)}
        body = _BODY.format(serves=serves.version, **names)
    title = _TITLE.format(state.environment)
    sync_issue(github, title, LABEL, body, _BACK.format(serves=serves.version, **names))


def _between(root: Path, github: GitHub, serves: Tag) -> str:
    """List the commits of main since a release, with the numbers of their pull requests; titles are untrusted."""
    commits = git(root, "rev-list", "--first-parent", f"{serves.commit}..HEAD").split()
    lines = []
    for commit in commits[:_MOST]:
        pulls = (pull for pull in github.pages(f"/commits/{commit}/pulls") if pull["merged_at"])
        lines.append("- " + " ".join([commit, *(f"#{pull['number']}" for pull in pulls)]))
    return "\n".join(lines + [f"- and {len(commits) - _MOST} before"] * (len(commits) > _MOST))
