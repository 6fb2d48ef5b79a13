"""Tests, by cost and then by part of the repository: tests/README.md. tests/dvc/pipeline runs the whole DAG."""
