"""The library of the stages: params, data set, features, models, artifact, metrics."""
