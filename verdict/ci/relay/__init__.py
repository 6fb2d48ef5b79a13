"""The relay: what Alertmanager says of drift and degradation becomes a repository_dispatch, once."""
