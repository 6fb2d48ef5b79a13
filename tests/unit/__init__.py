"""Tests that need neither git nor DVC nor another process: under a minute, the loop of a developer."""
