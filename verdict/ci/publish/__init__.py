"""Publishes the judge's results with write tokens: comment, check, commit of results. It computes nothing."""
