"""The leaderboard: experiments of any machine in one table, by their score on validation, with its uncertainty.

Experiments come from strangers: scores are recomputed, not believed, and no experiment can break the table.
"""
