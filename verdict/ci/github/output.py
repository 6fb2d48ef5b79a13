"""Outputs and summaries of a workflow's step."""

import os
from pathlib import Path


def output(name: str, value: str) -> None:
    """Set an output of the step; do nothing outside a workflow."""
    _append("GITHUB_OUTPUT", f"{name}={value}")


def summary(text: str) -> None:
    """Add Markdown to the summary of the job; do nothing outside a workflow."""
    _append("GITHUB_STEP_SUMMARY", text)


def _append(variable: str, text: str) -> None:
    if path := os.environ.get(variable):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")


def run_url() -> str:
    """Return the address of this run."""
    server = os.environ.get("GITHUB_SERVER_URL") or "https://github.com"
    repository, run_id = (os.environ.get(name, "") for name in ("GITHUB_REPOSITORY", "GITHUB_RUN_ID"))
    return f"{server}/{repository}/actions/runs/{run_id}"
