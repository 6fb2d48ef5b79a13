"""Training: reading the features, the parts that all kinds share, and resuming after a kill."""
