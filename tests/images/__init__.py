"""Tests of the image: built, pushed to a registry, pulled and run for real."""
