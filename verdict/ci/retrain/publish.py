"""Publishes a retraining at GitHub: as a pull request to be reproduced, or as an issue on what is missing."""

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
    """Open the pull request, and label it for reproduction, since its dvc.lock is main's and lacks the new rows.

    Args:
        github: the API, with a token that may write contents and pull requests.
        runs: the API, with a token that may read actions.
        folder: the folder of the proposal.
        own_token: true if `github` has the workflow's own token, whose pushes start no workflow.

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
    """Wait until a run begins: a label counts for the commit of the last run before it."""
    for _ in range(_LOOKS):
        if any(runs.pages(f"/actions/workflows/{WORKFLOW}/runs", "workflow_runs", head_sha=head)):
            break
        time.sleep(_PAUSE)
    time.sleep(_PAUSE)  # GitHub's times are whole seconds


def report_waiting(github: GitHub, waits: Mapping[str, Any] | None, url: str) -> None:
    """Open or update the issue on what retraining waits for, and its cause; close it if `waits` is None or empty."""
    template = Path(__file__).parent / "templates" / "retrain.md.j2"
    body = fit(Template(template).all("waiting", waits, url)) if waits else ""
    sync_issue(github, _TITLE, LABEL, body, _SOLVED.format(url=url))
