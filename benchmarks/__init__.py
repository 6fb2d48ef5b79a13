"""Figures, printed by `make bench`; none of them is asserted in a test."""
