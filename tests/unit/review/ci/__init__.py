"""Tests of review/ci."""
