"""Tests of verdict/delivery."""
