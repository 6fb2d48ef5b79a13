"""The issue about drift, for hosts without Alertmanager: the text that `verdict drift` printed there."""

from pathlib import Path

from verdict.base.outcome import CANNOT_JUDGE, PASS
from verdict.ci.github.client import GitHub
from verdict.ci.github.issues import sync_issue

LABEL = "drift"
_TITLE = "Drift: what people ask is not what the model learnt from"
_MOST_LINES = 200


def report_drift(github: GitHub, printed: Path, code: int, url: str) -> None:
    """Open, update or close the issue; with too little traffic to judge, leave it as it is.

    Args:
        github: the API, with a token that may write issues.
        printed: the file with the output of `verdict drift`.
        code: its exit code.
        url: the address of this run.
    """
    from verdict.review.report.markup import Template, fit

    if code == CANNOT_JUDGE:
        print("too little traffic to judge: the issue, if there is one, stays as it is")
        return
    lines = printed.read_text(encoding="utf-8", errors="replace").splitlines()[:_MOST_LINES]
    template = Template(Path(__file__).parent / "templates" / "comments.md.j2")
    body = "" if code == PASS else fit(template.all("drift", lines, url), whole="the run's log")
    sync_issue(github, _TITLE, LABEL, body, f"No drift any more: {url}")
