"""Tests that run git, DVC or a program, on small DAGs that the workers share."""
