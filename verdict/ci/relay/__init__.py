"""The relay: turns Alertmanager's alerts on drift and degradation into repository_dispatch events, each once."""
