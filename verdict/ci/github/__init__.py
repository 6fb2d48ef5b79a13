"""GitHub's API, and what a step says to its workflow."""
