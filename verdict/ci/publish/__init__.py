"""Holds the write tokens: comment, check, commit of results. Reads what the judge wrote, computes nothing."""
