"""Tests of verdict/serving."""
