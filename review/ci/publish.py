"""What the judge found, told to GitHub: pictures in a ref of this repository, the check, the comment.

The check comes before the comment: whatever becomes of the comment, the check tells the truth.
"""

import os
import re
import time
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

from classifier.errors import VerdictError
from classifier.files import write_text
from review import CANNOT_JUDGE, FAIL, PASS
from review.ci.api import ApiError, GitHub
from review.ci.pull import Run
from review.ci.verdict import REPORT, Verdict, read
from review.text import plain

CHECK = "verdict"
TITLE = "verdict"  # of CML's watermark; without an underscore, which would make CML post a new comment each time
COMMENT = "comment.md"
# As CML writes it at the end of a comment, and as it looks for it, anywhere in a comment.
_WATERMARK = '\n\n![](https://cml.dev/watermark.png#{head} "CML watermark {title}")'
_MARK = re.compile(rf'!\[\]\(https://cml\.dev/watermark\.png#[0-9a-fA-F]+ "CML watermark {TITLE}"\)')
# CML looks at no more comments than these.
_SEEN_BY_CML = 30
# The API's client reads again after such an answer, but never writes again by itself.
_PASSING = (429, 500, 502, 503, 504)
_WAITS = (2, 8)  # seconds
_CONCLUSIONS = {PASS: "success", FAIL: "failure", CANNOT_JUDGE: "action_required"}
_MOST_TITLE, _MOST_SUMMARY = 250, 65_000
_PICTURE = re.compile(r'<img src="([A-Za-z0-9_.-]+\.png)"')


def publish(github: GitHub, event: dict[str, Any], folder: Path) -> tuple[str, int | None]:
    """Store the pictures, set the check, and write the comment into `folder`.

    Args:
        github: the API, with a token that may write checks, contents and pull requests.
        event: the payload of `workflow_run`.
        folder: what the judge wrote; without a verdict in it, the check says that the judge itself failed.

    Returns:
        Who posts the comment, `cml`, `api` (where CML would take the wrong one) or `nobody`; and the pull request.
    """
    run = Run.of(event)
    verdict = _read(folder, run)
    if verdict.skip:
        print(f"nothing to tell: {verdict.skip}")
        return "nobody", None
    report = (
        (folder / REPORT).read_text(encoding="utf-8") if (folder / REPORT).exists() else f"<h2>{verdict.title}</h2>"
    )
    report = _with_pictures(github, verdict, report, folder) + _footer(github, run)
    _check(github, verdict, report, run.url)
    if verdict.number is None:
        return "nobody", None
    write_text(folder / COMMENT, report)
    return _poster(github, verdict.number), verdict.number


def _read(folder: Path, run: Run) -> Verdict:
    try:
        verdict = read(folder)
    except VerdictError:
        return Verdict(CANNOT_JUDGE, "Cannot judge: the judge itself failed, see the log of report.yml", run.head)
    if verdict.head != run.head:
        raise VerdictError(str(folder), "is of another commit than the event", "run the job again")
    return verdict


def _footer(github: GitHub, run: Run) -> str:
    """Where to look further: the judge's own run, which has report.html as an artifact, and the run it judged."""
    server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
    own = f"{server}/{github.repository}/actions/runs/{os.environ.get('GITHUB_RUN_ID', '')}"
    return (
        f"\n\n<sub>Judged by the code of main at <code>{os.environ.get('GITHUB_SHA', '')[:10]}</code>:"
        f' <a href="{own}">log, and report.html in the artifact verdict</a> · <a href="{run.url}">the run</a></sub>\n'
    )


def _with_pictures(github: GitHub, verdict: Verdict, report: str, folder: Path) -> str:
    """The report with links to files of this repository; without pictures where they cannot be stored."""
    names = sorted(set(_PICTURE.findall(report)))
    present = [name for name in names if (folder / name).is_file()]
    try:
        commit = _store(github, verdict, folder, present) if present else ""
    except VerdictError as error:
        print(f"the pictures could not be stored: {error}")
        return _PICTURE.sub('<img src=""', report)
    server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
    address = f"{server}/{github.repository}/blob/{commit}"
    links = {name: f"{address}/{name}?raw=true" for name in present}
    return _PICTURE.sub(lambda match: f'<img src="{links.get(match[1], "")}"', report)


def _store(github: GitHub, verdict: Verdict, folder: Path, names: list[str]) -> str:
    """A commit with the pictures, on the pull request's own ref, which no clone fetches; earlier ones stay below it."""
    entries = []
    for name in names:
        content = b64encode((folder / name).read_bytes()).decode()
        blob = github.post("/git/blobs", {"content": content, "encoding": "base64"})
        entries.append({"path": name, "mode": "100644", "type": "blob", "sha": blob["sha"]})
    tree = github.post("/git/trees", {"tree": entries})
    ref = f"verdict/pull-{verdict.number}" if verdict.number else f"verdict/{verdict.head}"
    parents = _tip(github, ref)
    message = f"Plots of {verdict.head}"
    commit = github.post("/git/commits", {"message": message, "tree": tree["sha"], "parents": parents})
    if parents:
        github.patch(f"/git/refs/{ref}", {"sha": commit["sha"], "force": False})
    else:
        github.post("/git/refs", {"ref": f"refs/{ref}", "sha": commit["sha"]})
    return str(commit["sha"])


def _tip(github: GitHub, ref: str) -> list[str]:
    try:
        return [str(github.get(f"/git/ref/{ref}")["object"]["sha"])]
    except ApiError as error:
        if error.status != 404:
            raise
        return []


def _check(github: GitHub, verdict: Verdict, report: str, url: str) -> None:
    summary = report.encode()[:_MOST_SUMMARY].decode("utf-8", "ignore")  # GitHub counts bytes here
    output = {"title": verdict.title[:_MOST_TITLE] or "verdict", "summary": summary}
    body = {"name": CHECK, "head_sha": verdict.head, "status": "completed", "details_url": url, "output": output}
    body["conclusion"] = _CONCLUSIONS[verdict.code]
    _persist(lambda: github.post("/check-runs", body))  # a second one of the same name does no harm: the latest counts
    print(plain(f"check {CHECK}: {_CONCLUSIONS[verdict.code]}: {verdict.title}", 1000))


def _poster(github: GitHub, number: int) -> str:
    """CML, unless its choice of a comment would be another's, or would miss ours behind the 30 that it looks at."""
    comments = list(github.pages(f"/issues/{number}/comments"))
    chosen = next((item for item in reversed(comments[:_SEEN_BY_CML]) if _marked(item)), None)
    ours = _ours(comments)
    return "cml" if (chosen or {}).get("id") == (ours or {}).get("id") else "api"


def _marked(comment: dict[str, Any]) -> bool:
    return bool(_MARK.search(str(comment.get("body") or "")))


def _ours(comments: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Our comment: by its mark and its author. A stranger can copy the mark, and would edit the comment later."""
    login = os.environ.get("VERDICT_LOGIN") or "github-actions[bot]"
    mine = [item for item in comments if _marked(item) and (item.get("user") or {}).get("login") == login]
    return mine[-1] if mine else None


def comment(github: GitHub, folder: Path) -> None:
    """Post or update the comment without CML, where it is missing, failed, or would choose the wrong comment."""
    verdict = read(folder)
    mark = _WATERMARK.format(head=verdict.head, title=TITLE)
    body = {"body": (folder / COMMENT).read_text(encoding="utf-8") + mark}
    _persist(lambda: _write(github, verdict.number, body))


def _write(github: GitHub, number: int | None, body: dict[str, str]) -> None:
    """Look first, each time: what seemed to fail may have arrived."""
    mine = _ours(list(github.pages(f"/issues/{number}/comments")))
    if mine:
        github.patch(f"/issues/comments/{mine['id']}", body)
    else:
        github.post(f"/issues/{number}/comments", body)


def _persist(ask: Callable[[], object]) -> None:
    """Try again where GitHub had a bad moment or could not be reached; a refusal stays one."""
    for wait in _WAITS:
        try:
            ask()
        except VerdictError as error:
            if isinstance(error, ApiError) and error.status not in _PASSING:
                raise
            time.sleep(wait)
        else:
            return
    ask()
