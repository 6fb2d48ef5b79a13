"""Tests of the relay, in this process."""
