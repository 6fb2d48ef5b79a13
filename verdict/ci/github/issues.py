"""Keeps one issue on a subject: it is found again by title and label, so no second one is opened."""

from verdict.ci.github.client import GitHub


def sync_issue(github: GitHub, title: str, label: str, body: str, solved: str) -> None:
    """Open the issue or update its text; if `body` is empty, close an open one with the comment `solved`."""
    issues = github.pages("/issues", labels=label, state="open")
    issue = next((item for item in issues if "pull_request" not in item and item["title"] == title), None)
    if body and issue:
        github.patch(f"/issues/{issue['number']}", {"title": title, "body": body})
    elif body:
        github.post("/issues", {"title": title, "body": body, "labels": [label]})
    elif issue:
        github.post(f"/issues/{issue['number']}/comments", {"body": solved})
        github.patch(f"/issues/{issue['number']}", {"state": "closed", "state_reason": "completed"})
