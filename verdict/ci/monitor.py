"""The one issue on drift, for those without Alertmanager: what `verdict drift` printed on the serving host, as text."""

from pathlib import Path

from verdict.base.outcome import CANNOT_JUDGE, PASS
from verdict.ci.github.client import GitHub
from verdict.ci.github.issues import sync_issue

LABEL = "drift"
_TITLE = "Drift: what people ask is not what the model learnt from"
_MOST = 200  # lines


def report_drift(github: GitHub, told: Path, code: int, url: str) -> None:
    """Open or update the issue, or close it; too little traffic says nothing of either.

    Args:
        github: the API, with a token that may write issues.
        told: what the command printed.
        code: its exit code.
        url: of this run.
    """
    from verdict.review.report.markup import Template, fit

    if code == CANNOT_JUDGE:
        print("too little traffic to judge: the issue, if there is one, stays as it is")
        return
    lines = told.read_text(encoding="utf-8", errors="replace").splitlines()[:_MOST]
    template = Template(Path(__file__).parent / "templates" / "comments.md.j2")
    body = "" if code == PASS else fit(template.all("drift", lines, url), whole="the run's log")
    sync_issue(github, _TITLE, LABEL, body, f"No drift any more: {url}")
