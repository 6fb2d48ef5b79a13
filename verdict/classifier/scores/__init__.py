"""Predictions as tables, their metrics, and how these are shown."""
