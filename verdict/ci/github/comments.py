"""One comment on a pull request, found again by its mark: by CML where that works, else by these lines."""

import os
import re
import time
from collections.abc import Callable
from typing import Any

from verdict.base.errors import VerdictError
from verdict.ci.github.client import ApiError, GitHub

# As CML writes it at the end of a comment, and as it looks for it, anywhere in a comment.
_WATERMARK = '\n\n![](https://cml.dev/watermark.png#{head} "CML watermark {title}")'
_MARK = r'!\[\]\(https://cml\.dev/watermark\.png#[0-9a-fA-F]+ "CML watermark {title}"\)'
# CML looks at no more comments than these.
_SEEN_BY_CML = 30
# The API's client reads again after such an answer, but never writes again by itself.
_PASSING = (429, 500, 502, 503, 504)
_WAITS = (2, 8)  # seconds
CML, API = "cml", "api"


def choose_poster(github: GitHub, number: int, title: str) -> str:
    """CML, unless its choice of a comment would be another's, or would miss ours behind the 30 that it looks at.

    Args:
        github: the API.
        number: of the pull request.
        title: of CML's watermark; without an underscore, which would make CML post a new comment each time.
    """
    comments = list(github.pages(f"/issues/{number}/comments"))
    chosen = next((item for item in reversed(comments[:_SEEN_BY_CML]) if _marked(item, title)), None)
    ours = _ours(comments, title)
    return CML if (chosen or {}).get("id") == (ours or {}).get("id") else API


def post(github: GitHub, number: int | None, title: str, head: str, text: str) -> None:
    """Post or update the comment without CML, where it is missing, failed, or would choose the wrong comment."""
    body = {"body": text + _WATERMARK.format(head=head, title=title)}
    retry(lambda: _write(github, number, title, body))


def retry(ask: Callable[[], object]) -> None:
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


def _write(github: GitHub, number: int | None, title: str, body: dict[str, str]) -> None:
    """Look first, each time: what seemed to fail may have arrived."""
    mine = _ours(list(github.pages(f"/issues/{number}/comments")), title)
    if mine:
        github.patch(f"/issues/comments/{mine['id']}", body)
    else:
        github.post(f"/issues/{number}/comments", body)


def _marked(comment: dict[str, Any], title: str) -> bool:
    return bool(re.search(_MARK.format(title=title), str(comment.get("body") or "")))


def _ours(comments: list[dict[str, Any]], title: str) -> dict[str, Any] | None:
    """Our comment: by its mark and its author. A stranger can copy the mark, and would edit the comment later."""
    login = os.environ.get("VERDICT_LOGIN") or "github-actions[bot]"
    mine = [item for item in comments if _marked(item, title) and (item.get("user") or {}).get("login") == login]
    return mine[-1] if mine else None
