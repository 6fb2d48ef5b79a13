"""What a step tells the workflow."""

import os
from pathlib import Path


def output(name: str, value: str) -> None:
    """Set an output of the step, where there is a workflow to be told."""
    if path := os.environ.get("GITHUB_OUTPUT"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{name}={value}\n")


def run_url() -> str:
    """The address of this run."""
    where = [os.environ.get(name, "") for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY")]
    return "/".join([where[0] or "https://github.com", where[1], "actions/runs", os.environ.get("GITHUB_RUN_ID", "")])


def summary(text: str) -> None:
    """Add Markdown to the summary of the job, where there is one."""
    if path := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")
