"""One issue about one thing: found again by its title and label, so that no second one is opened."""

from verdict.ci.github.client import GitHub


def sync_issue(github: GitHub, title: str, label: str, body: str, solved: str) -> None:
    """Open the issue, or give it another text; without a text, close it with the comment `solved`, if it is open."""
    listed = github.pages("/issues", labels=label, state="open")
    issue = next((item for item in listed if "pull_request" not in item and item["title"] == title), None)
    if body and issue:
        github.patch(f"/issues/{issue['number']}", {"title": title, "body": body})
    elif body:
        github.post("/issues", {"title": title, "body": body, "labels": [label]})
    elif issue:
        github.post(f"/issues/{issue['number']}/comments", {"body": solved})
        github.patch(f"/issues/{issue['number']}", {"state": "closed", "state_reason": "completed"})
