"""Tools for the development of Verdict itself."""
