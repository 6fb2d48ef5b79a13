"""The review of a change: dvc.lock is checked, both models are compared, and the rules of the gate give a verdict."""
