"""Tests of versions, and of what releases say."""
