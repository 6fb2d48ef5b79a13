"""Tests of the whole loop: production tells that the world has moved, and the answer passes the same gate."""
