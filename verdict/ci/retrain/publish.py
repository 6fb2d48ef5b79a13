"""What GitHub gets to see of a retraining: a pull request that is to be reproduced, or one issue on what is lacking."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from verdict.ci.github.client import GitHub
from verdict.ci.github.issues import sync_issue
from verdict.ci.github.pull_request import REPRODUCE, WORKFLOW
from verdict.ci.sweep.proposal import read
from verdict.ci.sweep.pull_request import open_or_update
from verdict.review.report.markup import Template, fit

LABEL = "retrain"
_TITLE = "Retraining waits"
_SOLVED = "What it waited for came: {url}"
_LOOKS, _PAUSE = 20, 3.0  # seconds


def propose(github: GitHub, runs: GitHub, folder: Path, own_token: bool) -> int:
    """Open the pull request, and ask for it to be reproduced: its dvc.lock is main's, which says nothing of new rows.

    Args:
        github: the API, with a token that may write contents and pull requests.
        runs: the same with one that may read actions.
        folder: where the proposal lies.
        own_token: whether the first one is the workflow's own token, whose deeds start nothing.

    Returns:
        The number of the pull request.
    """
    proposal = read(folder)
    number = open_or_update(github, proposal, folder, own_token)
    if not own_token:
        _wait_for_a_run(runs, str(github.tip(f"heads/{proposal.branch}")))
        github.post(f"/issues/{number}/labels", {"labels": [REPRODUCE]})
    return number


def _wait_for_a_run(runs: GitHub, head: str) -> None:
    """A label is taken to be for the commit of the last run before it, so that has to begin first."""
    for _ in range(_LOOKS):
        if any(runs.pages(f"/actions/workflows/{WORKFLOW}/runs", "workflow_runs", head_sha=head)):
            break
        time.sleep(_PAUSE)
    time.sleep(_PAUSE)  # GitHub's times are whole seconds


def report_waiting(github: GitHub, waits: Mapping[str, Any] | None, url: str) -> None:
    """Keep the one issue on what retraining waits for, and on what asked for it; close it where it waits no more."""
    template = Path(__file__).parent / "templates" / "retrain.md.j2"
    body = fit(Template(template).all("waiting", waits, url)) if waits else ""
    sync_issue(github, _TITLE, LABEL, body, _SOLVED.format(url=url))
