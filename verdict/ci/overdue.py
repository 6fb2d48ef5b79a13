"""Checks that the nightly audit still runs. Main's workflow does this at each merge.

GitHub stops the schedules of a public repository after 60 days without a commit, and says so only by mail.
"""

from datetime import UTC, datetime, timedelta

from verdict.base.errors import VerdictError
from verdict.ci.github.client import GitHub

WORKFLOW = "audit.yml"
_MOST_DAYS = 4  # GitHub or a runner may be busy for some nights
_AUDITED = ("success", "failure", "timed_out")  # conclusions of runs that did audit main
_START = f"gh workflow run {WORKFLOW}, and see that it ends"


def require_audited(github: GitHub, now: datetime) -> None:
    """Require that the audit is switched on, and that its last finished run on main is recent.

    Args:
        github: the API, with a token that may read actions.
        now: the present moment.

    Raises:
        VerdictError: otherwise; its remedy is the command that starts the audit again.
    """
    where = f"the audit ({WORKFLOW})"
    workflow = github.get(f"/actions/workflows/{WORKFLOW}")
    if workflow["state"] != "active":
        reason = workflow["state"].replace("_", " ")
        raise VerdictError(where, f"does not run any more: {reason}", f"gh workflow enable {WORKFLOW}; {_START}")
    query = {"branch": github.get("")["default_branch"], "status": "completed"}
    runs = github.pages(f"/actions/workflows/{WORKFLOW}/runs", "workflow_runs", **query)
    ended = (str(run["updated_at"]) for run in runs if run["conclusion"] in _AUDITED)
    last = next(ended, None)  # the newest come first
    since = datetime.fromisoformat(last or str(workflow["created_at"])).astimezone(UTC)
    if now - since > timedelta(days=_MOST_DAYS):
        what = f"last ran to its end on {since:%d %B %Y}" if last else f"never ran, and is there since {since:%d %B %Y}"
        raise VerdictError(where, f"{what}; it should every night", f"{_START}: a runner of MAIN_RUNNER may be missing")
