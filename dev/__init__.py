"""Tools of those who work on Verdict itself."""
