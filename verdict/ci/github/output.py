"""Outputs and summaries of a workflow's step."""

import os
from pathlib import Path


def output(name: str, value: str) -> None:
    """Set an output of the step; do nothing outside a workflow."""
    if path := os.environ.get("GITHUB_OUTPUT"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{name}={value}\n")


def run_url() -> str:
    """Return the address of this run."""
    server = os.environ.get("GITHUB_SERVER_URL") or "https://github.com"
    repository, run_id = (os.environ.get(name, "") for name in ("GITHUB_REPOSITORY", "GITHUB_RUN_ID"))
    return f"{server}/{repository}/actions/runs/{run_id}"


def summary(text: str) -> None:
    """Add Markdown to the summary of the job; do nothing outside a workflow."""
    if path := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")
