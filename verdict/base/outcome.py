"""The outcomes of a judgement, and the approvals that people can give: one meaning from the gate to GitHub."""

# The exit codes of a judgement.
PASS, FAIL, CANNOT_JUDGE = 0, 1, 2
# Rules that a person may wave through, by name. No other rule can be waived.
APPROVABLE = ("policy", "data", "split")
