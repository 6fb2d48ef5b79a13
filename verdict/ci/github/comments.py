"""Posts one comment on a pull request, and finds it again by its watermark: with CML, or without it if CML cannot."""

import os
import re
import time
from collections.abc import Callable
from typing import Any

from verdict.base.errors import VerdictError
from verdict.ci.github.client import ApiError, GitHub

# CML's watermark, as it writes it at the end of a comment, and its search for it anywhere in a comment.
_WATERMARK = '\n\n![](https://cml.dev/watermark.png#{head} "CML watermark {title}")'
_MARK = r'!\[\]\(https://cml\.dev/watermark\.png#[0-9a-fA-F]+ "CML watermark {title}"\)'
_SEEN_BY_CML = 30  # comments
# The client retries reads after these answers, but never writes.
_PASSING = (429, 500, 502, 503, 504)
_WAITS = (2, 8)  # seconds
CML, API = "cml", "api"


def choose_poster(github: GitHub, number: int, title: str) -> str:
    """Return CML, or API if CML would update somebody else's comment, or not see ours among the first 30.

    Args:
        github: the API.
        number: the number of the pull request.
        title: the title of CML's watermark; an underscore in it would make CML post a new comment each time.
    """
    comments = list(github.pages(f"/issues/{number}/comments"))
    cmls = next((item for item in reversed(comments[:_SEEN_BY_CML]) if _has_mark(item, title)), None)
    ours = _our_comment(comments, title)
    return CML if (cmls or {}).get("id") == (ours or {}).get("id") else API


def post(github: GitHub, number: int | None, title: str, head: str, text: str) -> None:
    """Post or update the comment without CML."""
    body = {"body": text + _WATERMARK.format(head=head, title=title)}
    retry(lambda: _write(github, number, title, body))


def retry(request: Callable[[], object]) -> None:
    """Send a request again if GitHub could not be reached or had a passing error; raise any other error at once."""
    for wait in _WAITS:
        try:
            request()
        except VerdictError as error:
            if isinstance(error, ApiError) and error.status not in _PASSING:
                raise
            time.sleep(wait)
        else:
            return
    request()


def _write(github: GitHub, number: int | None, title: str, body: dict[str, str]) -> None:
    """Update the comment, or post it. Each try looks first: a request that seemed to fail may have arrived."""
    comment = _our_comment(list(github.pages(f"/issues/{number}/comments")), title)
    if comment:
        github.patch(f"/issues/comments/{comment['id']}", body)
    else:
        github.post(f"/issues/{number}/comments", body)


def _has_mark(comment: dict[str, Any], title: str) -> bool:
    return bool(re.search(_MARK.format(title=title), str(comment.get("body") or "")))


def _our_comment(comments: list[dict[str, Any]], title: str) -> dict[str, Any] | None:
    """Return our comment, by its mark and its author: a stranger could copy the mark, and edit that comment later."""
    login = os.environ.get("VERDICT_LOGIN") or "github-actions[bot]"
    ours = [item for item in comments if _has_mark(item, title) and (item.get("user") or {}).get("login") == login]
    return ours[-1] if ours else None
