"""What the stages are made of: params, corpus, contracts, features, models, artifact, metrics."""

# Before any import of numpy or torch: they read these settings once, when they load.
from verdict.base.numerics import pin

pin()
