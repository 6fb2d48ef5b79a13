"""Tests: they mirror the folders of the repository; tests/pipeline runs the whole DAG."""
