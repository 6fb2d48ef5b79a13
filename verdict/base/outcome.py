"""The exit codes of a judgement, and the rules that people can approve, the same from the gate to GitHub."""

# The exit codes of a judgement.
PASS, FAIL, CANNOT_JUDGE = 0, 1, 2
# The rules that a person may waive.
APPROVABLE = ("policy", "data", "split")
