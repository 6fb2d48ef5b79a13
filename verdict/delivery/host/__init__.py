"""The serving host: a guard, its state machine, a proxy, servers and previews. No DVC, no git."""
