"""Experiments: sweeps run the points of a spec file, the leaderboard ranks them."""
