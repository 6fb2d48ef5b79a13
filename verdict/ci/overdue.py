"""Whether the nightly audit still runs: GitHub stops schedules of a public repository after 60 days without a commit.

It says so to nobody but by a mail. So main's own workflow, which each merge starts, looks.
"""

from datetime import UTC, datetime, timedelta

from verdict.base.errors import VerdictError
from verdict.ci.github.client import GitHub

WORKFLOW = "audit.yml"
# Nights may be missed, when GitHub is busy or a runner is; more of them mean that nobody looks.
_MOST_DAYS = 4
# A run that was cancelled, or did nothing, has looked at nothing.
_LOOKED = ("success", "failure", "timed_out")
_START = f"gh workflow run {WORKFLOW}, and see that it ends"


def require_audited(github: GitHub, now: datetime) -> None:
    """Refuse where the audit is switched off, or the last one that came to an end on main is too long ago.

    Args:
        github: the API, with a token that may read actions.
        now: the present moment.

    Raises:
        VerdictError: it is; with the command that starts it again.
    """
    where = f"the audit ({WORKFLOW})"
    workflow = github.get(f"/actions/workflows/{WORKFLOW}")
    if workflow["state"] != "active":
        why = workflow["state"].replace("_", " ")
        raise VerdictError(where, f"does not run any more: {why}", f"gh workflow enable {WORKFLOW}; {_START}")
    asked = {"branch": github.get("")["default_branch"], "status": "completed"}
    runs = github.pages(f"/actions/workflows/{WORKFLOW}/runs", "workflow_runs", **asked)
    ended = (str(run["updated_at"]) for run in runs if run["conclusion"] in _LOOKED)
    last = next(ended, None)  # the newest come first
    since = _moment(last or str(workflow["created_at"]))
    if now - since > timedelta(days=_MOST_DAYS):
        what = f"last ran to its end on {since:%d %B %Y}" if last else f"never ran, and is there since {since:%d %B %Y}"
        raise VerdictError(where, f"{what}; it should every night", f"{_START}: a runner of MAIN_RUNNER may be missing")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
