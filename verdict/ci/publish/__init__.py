"""Holds the write tokens: the comment, the check, the commit of results. Reads what the judge wrote, computes nothing."""
