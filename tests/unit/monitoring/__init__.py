"""Tests of verdict/monitoring: counting, what windows are compared with, and what is told of them."""
