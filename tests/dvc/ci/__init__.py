"""Tests of verdict/ci."""
