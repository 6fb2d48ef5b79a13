"""How models are trained: what reads the features, what all kinds share, what goes on after a kill."""
