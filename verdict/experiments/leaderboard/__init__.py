"""The leaderboard: experiments of any machine in one table, by their score on validation, and how sure that is.

Experiments come from strangers: what can be recomputed is not believed, and none of them can break the table.
"""
