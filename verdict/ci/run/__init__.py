"""Beside a stranger's code: reproduces a change and hands over what came out. No secret but a read-only key."""
