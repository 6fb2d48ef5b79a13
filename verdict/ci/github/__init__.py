"""GitHub's API, and the outputs of workflow steps."""
