"""Publishes the verdict at GitHub: pictures in a ref of this repository, the check, the comment.

The check is set before the comment is posted, so that it is right even if the comment fails. Two verdicts on one change
may be published at the same time, since any workflow can name and cancel a concurrency group. So a verdict is not
published if a newer run of its commit follows.
"""

import os
from pathlib import Path
from typing import Any

from verdict.base.errors import VerdictError
from verdict.base.files import write_text
from verdict.base.outcome import CANNOT_JUDGE, FAIL, PASS
from verdict.base.printable import plain
from verdict.ci.github import comments
from verdict.ci.github.client import GitHub
from verdict.ci.github.images import with_pictures
from verdict.ci.github.output import run_url
from verdict.ci.github.preview import LABEL, url_of
from verdict.ci.github.pull_request import Run, is_superseded
from verdict.ci.publish.verdict import REPORT, Verdict, read

CHECK = "verdict"
# The check's name without an App. It must not be required, since any workflow can set a check of any name.
ADVISORY = "verdict (advisory)"
TITLE = "verdict"  # of CML's watermark
COMMENT = "comment.md"
_CONCLUSIONS = {PASS: "success", FAIL: "failure", CANNOT_JUDGE: "action_required"}
_MOST_TITLE, _MOST_SUMMARY = 250, 65_000


def publish(github: GitHub, runs: GitHub, event: dict[str, Any], folder: Path) -> tuple[str, int | None]:
    """Store the pictures, set the check, and write the comment into `folder`.

    Args:
        github: the API, with a token that may write checks, contents and pull requests.
        runs: the API, with a token that may read runs, which the App's may not.
        event: the payload of `workflow_run`.
        folder: the folder that the judge wrote; without a verdict in it, the check says that the judge itself failed.

    Returns:
        The poster of the comment, `cml`, `api` (if CML would take the wrong one) or `nobody`; and the pull request.
    """
    run = Run.from_event(event)
    verdict = _read(folder, run)
    if verdict.skip:
        print(f"nothing to tell: {verdict.skip}")
        return "nobody", None
    if is_superseded(runs, run):
        print("nothing to tell: a newer run of this commit follows")
        return "nobody", None
    path = folder / REPORT
    report = path.read_text(encoding="utf-8") if path.exists() else f"<h2>{verdict.title}</h2>"
    ref = f"verdict/pull-{verdict.number}" if verdict.number else f"verdict/{verdict.head}"
    report = with_pictures(github, report, folder, ref, f"Plots of {verdict.head}") + _footer(run)
    _check(github, verdict, report, run.url)
    pull = github.get(f"/pulls/{verdict.number}") if verdict.number is not None else None
    if pull is None or verdict.number is None or pull["head"]["sha"] != verdict.head:
        return "nobody", None
    write_text(folder / COMMENT, report + _preview(verdict, pull))
    return comments.choose_poster(github, verdict.number, TITLE), verdict.number


def _read(folder: Path, run: Run) -> Verdict:
    try:
        verdict = read(folder)
    except VerdictError:
        return Verdict(CANNOT_JUDGE, "Cannot judge: the judge itself failed, see the log of report.yml", run.head)
    if verdict.head != run.head:
        raise VerdictError(str(folder), "is of another commit than the event", "run the job again")
    return verdict


def _footer(run: Run) -> str:
    """Return links to the judge's own run, which has report.html as an artifact, and to the run that it judged."""
    advisory = "" if _is_app() else f" <code>{ADVISORY}</code> is set by no App: it must not be a required check."
    return (
        f"\n\n<sub>Judged by the code of main at <code>{os.environ.get('GITHUB_SHA', '')[:10]}</code>:"
        f' <a href="{run_url()}">log, and report.html in the artifact judgement</a>'
        f' · <a href="{run.url}">the run</a>.{advisory}</sub>\n'
    )


def _preview(verdict: Verdict, pull: dict[str, Any]) -> str:
    """Return a link to the preview, if the pull request has the label and there is a host."""
    template = os.environ.get("PREVIEW_URL")
    if not template or not verdict.artifact or LABEL not in [label["name"] for label in pull["labels"]]:
        return ""
    url = url_of(int(pull["number"]), template)
    return f'\n<p>Preview, in a minute or two: <a href="{url}">{url}</a></p>\n'


def _is_app() -> bool:
    """Return whether the token is that of the App that the ruleset names as the only source of the check."""
    return bool(os.environ.get("VERDICT_LOGIN"))


def _check(github: GitHub, verdict: Verdict, report: str, url: str) -> None:
    summary = report.encode()[:_MOST_SUMMARY].decode("utf-8", "ignore")  # GitHub counts bytes here
    output = {"title": verdict.title[:_MOST_TITLE] or "verdict", "summary": summary}
    name = CHECK if _is_app() else ADVISORY
    body = {"name": name, "head_sha": verdict.head, "status": "completed", "details_url": url, "output": output}
    body["conclusion"] = _CONCLUSIONS[verdict.code]
    # A second check of the same name does no harm: the latest counts.
    comments.retry(lambda: github.post("/check-runs", body))
    if name == ADVISORY:
        print(f"::warning::no App sets the check: it is named {ADVISORY}, and must not be required; docs/github.md, 3")
    print(plain(f"check {name}: {_CONCLUSIONS[verdict.code]}: {verdict.title}", 1000))


def comment(github: GitHub, folder: Path) -> None:
    """Post or update the comment without CML."""
    verdict = read(folder)
    comments.post(github, verdict.number, TITLE, verdict.head, (folder / COMMENT).read_text(encoding="utf-8"))
