"""The run: main's code that reproduces a change beside untrusted code, with no secret but a read-only key."""
