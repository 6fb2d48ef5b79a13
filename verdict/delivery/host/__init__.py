"""On the serving host: a state machine, the guard that runs it, and what it asks and moves. No DVC, no git."""
