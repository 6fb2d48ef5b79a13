"""What a step tells the workflow."""

import os
from pathlib import Path


def output(name: str, value: str) -> None:
    """Set an output of the step, where there is a workflow to be told."""
    if path := os.environ.get("GITHUB_OUTPUT"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{name}={value}\n")


def summary(text: str) -> None:
    """Add Markdown to the summary of the job, where there is one."""
    if path := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")
