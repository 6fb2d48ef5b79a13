"""What a reviewer gets: is the lock true, did the model get better or worse, may it pass."""

# The exit codes of a judgement.
PASS, FAIL, CANNOT_JUDGE = 0, 1, 2
# Rules that a person may wave through, by name, on the command line. No other rule can be talked round.
APPROVABLE = ("policy", "data", "split")
