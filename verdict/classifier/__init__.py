"""What the stages are made of: params, corpus, contracts, features, models, artifact, metrics."""
