"""Tests of `verdict drift` with a real service."""
